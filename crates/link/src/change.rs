//! Changes of some parameters of a state, as scripts and pages with a figure request them.

use crate::parameters::named;
use crate::{Figure, State};
use form_urlencoded::Serializer;
use stridescope_i18n::{Message, tr};

/// Parameters that depend on the networks: another choice of networks may make them invalid.
const FOLLOWING: [&str; 3] = ["node", "open", "base"];

/// A state with these parameters changed; a parameter without a value returns to its default.
///
/// # Errors
/// When a parameter does not exist or its value is not valid. Nothing is to be changed then.
pub fn changed(now: &State, changes: &[(String, Option<String>)]) -> Result<State, String> {
    for (key, value) in changes {
        let parameter = named(key).ok_or_else(|| tr!("There is no parameter \"{}\".", key))?;
        if parameter.is_fixed && value.as_deref() != now.embed.map(Figure::name) {
            return Err(tr!("Which figure stands alone is chosen by the link, not changed later."));
        }
    }
    // The requested values must be valid. Those that the state already holds may have become invalid by the change.
    let (state, problems) = with(now, changes, &[]);
    let (state, problems) = if problems.is_empty() { (state, problems) } else { with(now, changes, &FOLLOWING) };
    match problems.is_empty() {
        true => Ok(state),
        false => Err(tr!("Nothing was changed. A link with this would say: {}", Message::all(&problems))),
    }
}

/// The changed state without the `dropped` parameters of the old one, and the problems found.
fn with(now: &State, changes: &[(String, Option<String>)], dropped: &[&str]) -> (State, Vec<Message>) {
    let is_changed = |key: &str| changes.iter().any(|(name, _)| name == key);
    let others = now.parameters().into_iter().filter(|written| {
        let key = written.parameter.key;
        // A link cannot hold the visitor's own picture.
        !written.is_default && !is_changed(key) && !dropped.contains(&key) && (key != "image" || now.image.is_some())
    });
    let mut query = Serializer::new(String::new());
    query.extend_pairs(others.map(|written| (written.parameter.key, written.value)));
    query.extend_pairs(changes.iter().filter_map(|(key, value)| Some((key, value.as_ref()?))));
    let (mut state, problems) = State::from_query(&query.finish());
    let wants_picture = changes.iter().any(|(key, value)| key == "image" && value.is_some());
    if now.image.is_none() && !wants_picture {
        state.image = None;
    }
    (state, problems)
}
