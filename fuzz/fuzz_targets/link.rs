//! Query strings, and changes of the state by scripts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stridescope_link::change::changed;
use stridescope_link::State;

fuzz_target!(|text: &str| {
    let (state, _) = State::from_query(text);
    let query = state.to_query();
    let (again, problems) = State::from_query(&query);
    // The visitor's own image is not part of a link.
    assert!(problems.is_empty() || state.image.is_none(), "{query}: {problems:?}");
    assert_eq!(again.to_query(), query);
    let changes: Vec<(String, Option<String>)> =
        text.split('&').filter_map(|part| part.split_once('=')).map(|(key, value)| (key.into(), Some(value.into()))).collect();
    if let Ok(state) = changed(&State::default(), &changes) {
        let _ = state.to_query();
    }
});
