//! Changing some of a state's parameters, as scripts and pages around ask for it.

use crate::{Embed, State};
use form_urlencoded::Serializer;
use stridescope_i18n::{Message, tr};

/// What the layer under study and the baseline are, which go with the networks: a change of those may leave them behind.
const FOLLOWING: [&str; 3] = ["node", "open", "base"];

/// A state with these parameters changed; one without a value goes back to its default.
///
/// # Errors
/// When a parameter or its value does not exist; then nothing is to be changed.
pub fn changed(now: &State, changes: &[(String, Option<String>)]) -> Result<State, String> {
    let known = State::default().parameters();
    for (key, value) in changes {
        if !known.iter().any(|(name, _, _)| name == key) {
            return Err(tr!("There is no parameter \"{}\".", key));
        }
        if key == "embed" && value.as_deref() != now.embed.map(Embed::name) {
            return Err(tr!("Which figure stands alone is chosen by the link, not changed later."));
        }
    }
    // What is asked for must make sense; what the state holds may have stopped to.
    let (state, problems) = with(now, changes, &[]);
    let (state, problems) = if problems.is_empty() { (state, problems) } else { with(now, changes, &FOLLOWING) };
    match problems.is_empty() {
        true => Ok(state),
        false => Err(tr!("Nothing was changed. A link with this would say: {}", Message::all(&problems))),
    }
}

/// The changed state, without what of the one before is to be `dropped`, and what of it makes no sense.
fn with(now: &State, changes: &[(String, Option<String>)], dropped: &[&str]) -> (State, Vec<Message>) {
    let is_changed = |key: &str| changes.iter().any(|(name, _)| name == key);
    let kept = now.parameters().into_iter().filter(|(key, _, is_default)| {
        // A link cannot hold the visitor's own picture.
        !is_default && !is_changed(key) && !dropped.contains(key) && (*key != "image" || now.image.is_some())
    });
    let mut query = Serializer::new(String::new());
    query.extend_pairs(kept.map(|(key, value, _)| (key, value)));
    query.extend_pairs(changes.iter().filter_map(|(key, value)| Some((key, value.as_ref()?))));
    let (mut state, problems) = State::from_query(&query.finish());
    let wants_picture = changes.iter().any(|(key, value)| key == "image" && value.is_some());
    if now.image.is_none() && !wants_picture {
        state.image = None;
    }
    (state, problems)
}
