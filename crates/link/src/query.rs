//! The query string: it holds the whole state. The table of parameters drives reader and writer.

use crate::State;
use crate::parameters::{PARAMETERS, Parameter, Reading, named, shown};
use crate::state::DEFAULT_NODE;
use form_urlencoded::{Serializer, parse};
use stridescope_arch::folding::Folding;
use stridescope_i18n::{Message, msg};

/// Prefixes of parameters that other sites add to links.
const FOREIGN: [&str; 8] = ["utm", "fbclid", "gclid", "igshid", "mc_", "msclkid", "ref", "source"];

/// Longest value that is read, in characters: four networks, each with the address of its weights.
const MAX_VALUE: usize = 1500;

/// A parameter with its value.
#[derive(Debug, Clone)]
pub struct Written {
    /// The parameter.
    pub parameter: &'static Parameter,
    /// Its value in a link; empty where a link cannot express it.
    pub value: String,
    /// Whether it may be left out.
    pub is_default: bool,
}

impl State {
    /// Reads a query string, with or without its `?`. An invalid value is ignored and reported by a sentence.
    pub fn from_query(query: &str) -> (Self, Vec<Message>) {
        Self::from_query_beside(query, false)
    }

    /// Like [`State::from_query`]. `has_own_image` tells whether the visitor's own picture is available, which a link can name but not hold.
    pub fn from_query_beside(query: &str, has_own_image: bool) -> (Self, Vec<Message>) {
        let mut reading = Reading { state: Self::default(), open: None, base: None, has_own_image };
        let mut problems = Vec::new();
        for (key, value) in parse(query.trim_start_matches('?').as_bytes()) {
            let value: String = value.chars().take(MAX_VALUE).collect();
            match named(&key) {
                Some(parameter) => problems.extend(parameter.read(&mut reading, &value).err()),
                None if FOREIGN.iter().any(|foreign| key.starts_with(foreign)) => {}
                None => problems.push(msg!("There is no parameter \"{}\" in a link; it was left out.", shown(&key))),
            }
        }
        let Reading { mut state, open, base, .. } = reading;
        state.base = base.as_ref().and_then(|base| state.models.iter().find(|model| model.as_str() == base)).cloned();
        if let Some(base) = base.filter(|_| state.base.is_none()) {
            problems.push(msg!(
                "\"{}\" is none of the networks shown, so that the others are compared with the first.",
                shown(&base)
            ));
        }
        if !state.has_node() {
            problems.push(msg!("None of these networks has a layer \"{}\"; {} is shown.", shown(&state.node), DEFAULT_NODE));
            state.node = DEFAULT_NODE.into();
        }
        state.open = open.unwrap_or_else(|| Folding::around(&state.node));
        (state, problems)
    }

    /// Every parameter of a link to this state, with its value.
    pub fn parameters(&self) -> Vec<Written> {
        // The default of `open` depends on the layer under study.
        let default = Self { open: Folding::around(&self.node), ..Self::default() };
        let written = |parameter: &'static Parameter| {
            let value = parameter.write(self);
            let is_default = value == parameter.write(&default);
            Written { parameter, value, is_default }
        };
        PARAMETERS.iter().map(written).collect()
    }

    /// The query string of this state, with its `?`; empty for the default state.
    pub fn to_query(&self) -> String {
        let mut query = Serializer::new(String::new());
        for written in self.parameters().iter().filter(|written| !written.is_default) {
            query.append_pair(written.parameter.key, &written.value);
        }
        // These characters are allowed in a query, and unescaped they are easier to read.
        match query.finish() {
            query if query.is_empty() => query,
            query => {
                let plain = [("%2C", ","), ("%40", "@"), ("%3A", ":"), ("%2F", "/")];
                format!("?{}", plain.iter().fold(query, |query, (code, letter)| query.replace(code, letter)))
            }
        }
    }
}
