//! Code to embed a figure in another page: a link, an iframe, an element, Markdown.

use crate::markup::escape;
use stridescope_link::{Figure, Lang, State, Theme};

/// The iframe's sandbox: scripts and links are allowed. It has an opaque origin, no storage, and no access to the page around it.
pub const SANDBOX: &str = "allow-scripts allow-popups allow-popups-to-escape-sandbox";

/// The figure to embed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// The site's address, up to and with its last slash.
    pub site: String,
    /// The state to show.
    pub state: State,
    /// The figure's accessible name.
    pub title: String,
}

impl Snippet {
    fn figure(&self) -> Figure {
        self.state.embed.unwrap_or_default()
    }

    /// A link to the whole page in this state.
    pub fn link(&self) -> String {
        let whole = State { embed: None, controls: true, autorun: false, ..self.state.clone() };
        let anchor = self.state.embed.map_or(String::new(), |figure| format!("#{}", figure.section()));
        format!("{}{}{anchor}", self.site, whole.to_query())
    }

    /// The address of the figure alone.
    pub fn source(&self) -> String {
        format!("{}{}", self.site, self.state.to_query())
    }

    /// An iframe.
    pub fn iframe(&self) -> String {
        format!(
            r#"<iframe src="{}" title="{}" sandbox="{SANDBOX}" loading="lazy" width="100%" height="{}" style="border:0"></iframe>"#,
            escape(&self.source()),
            escape(&self.title),
            self.figure().height_px()
        )
    }

    /// The custom element with its script.
    pub fn element(&self) -> String {
        let mut attributes = format!(r#" figure="{}""#, self.figure().name());
        let parameters = self.state.parameters();
        for written in parameters.iter().filter(|written| !written.is_default && !written.parameter.is_fixed) {
            attributes += &format!(r#" {}="{}""#, written.parameter.key, escape(&written.value));
        }
        format!("<script src=\"{0}stride-scope.js\" async></script>\n<stride-scope{attributes}></stride-scope>", self.site)
    }

    /// An image that links to the figure, for places without iframes.
    pub fn markdown(&self) -> String {
        // A line break would end the text in brackets.
        let text = self.title.replace(['[', ']'], "").replace(char::is_control, " ");
        format!("[![{text}]({0}assets/og/{1}.png)]({2})", self.site, self.figure().name(), self.link().replace(')', "%29"))
    }
}

/// The state of a standalone figure.
pub fn alone(state: &State, figure: Figure, (controls, autorun): (bool, bool), (lang, theme): (Lang, Theme)) -> State {
    State { embed: Some(figure), controls, autorun, lang, theme, ..state.clone() }
}
