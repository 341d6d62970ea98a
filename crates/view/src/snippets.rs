//! What one copies to have a figure of this page in another: a link, a frame, an element, Markdown.

use crate::markup::escape;
use stridescope_link::{Figure, Lang, State, Theme};

/// What the frame of a figure may do: run scripts, and open links. It is of no origin, has no storage, and reaches nothing of the page around.
pub const SANDBOX: &str = "allow-scripts allow-popups allow-popups-to-escape-sandbox";

/// A figure as it is to stand elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// The site's address, up to its last slash.
    pub site: String,
    /// What is shown.
    pub state: State,
    /// The figure's name for those who do not see it.
    pub title: String,
}

impl Snippet {
    fn figure(&self) -> Figure {
        self.state.embed.unwrap_or_default()
    }

    /// This very state of the whole page.
    pub fn link(&self) -> String {
        let whole = State { embed: None, controls: true, autorun: false, ..self.state.clone() };
        let anchor = self.state.embed.map_or(String::new(), |figure| format!("#{}", figure.section()));
        format!("{}{}{anchor}", self.site, whole.to_query())
    }

    /// The figure alone.
    pub fn source(&self) -> String {
        format!("{}{}", self.site, self.state.to_query())
    }

    /// A frame.
    pub fn iframe(&self) -> String {
        format!(
            r#"<iframe src="{}" title="{}" sandbox="{SANDBOX}" loading="lazy" width="100%" height="{}" style="border:0"></iframe>"#,
            escape(&self.source()),
            escape(&self.title),
            self.figure().height_px()
        )
    }

    /// The element, with the script that makes it one.
    pub fn element(&self) -> String {
        let mut attributes = format!(r#" figure="{}""#, self.figure().name());
        let parameters = self.state.parameters();
        for written in parameters.iter().filter(|written| !written.is_default && !written.parameter.is_fixed) {
            attributes += &format!(r#" {}="{}""#, written.parameter.key, escape(&written.value));
        }
        format!("<script src=\"{0}stride-scope.js\" async></script>\n<stride-scope{attributes}></stride-scope>", self.site)
    }

    /// A picture that leads to the figure, for where there are no frames.
    pub fn markdown(&self) -> String {
        // A line break would end what stands in brackets.
        let text = self.title.replace(['[', ']'], "").replace(char::is_control, " ");
        format!("[![{text}]({0}assets/og/{1}.png)]({2})", self.site, self.figure().name(), self.link().replace(')', "%29"))
    }
}

/// The state as a figure that stands alone.
pub fn alone(state: &State, figure: Figure, (controls, autorun): (bool, bool), (lang, theme): (Lang, Theme)) -> State {
    State { embed: Some(figure), controls, autorun, lang, theme, ..state.clone() }
}
