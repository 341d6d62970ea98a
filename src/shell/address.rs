//! The address bar follows the state, and the state follows the browser's history.

use crate::dom;
use crate::session::Session;
use leptos::ev;
use leptos::prelude::*;
use std::time::Duration;
use stridescope_link::State;

/// Seconds after which an address that the browser refused is written again. Engines limit how often it may change: WebKit to 100 times in half a
/// minute, Chromium and Firefox to 200 times in ten seconds.
const PAUSES_S: [u64; 4] = [1, 4, 10, 20];

/// The last address and whether the browser took it.
#[derive(Clone, Copy)]
struct Address {
    /// Whether an address that was refused is a new history entry.
    is_step: StoredValue<bool>,
    /// How often the address was refused in a row.
    refusals: StoredValue<usize>,
    /// Whether a pause is under way.
    is_waiting: StoredValue<bool>,
    /// Changes at the end of each pause.
    pauses: RwSignal<usize>,
}

impl Address {
    fn new() -> Self {
        Self {
            is_step: StoredValue::new(false),
            refusals: StoredValue::new(0),
            is_waiting: StoredValue::new(false),
            pauses: RwSignal::new(0),
        }
    }

    /// Sets the query, which is not the current one. Where the browser refuses, the state's query is written again after a pause.
    fn write(self, query: &str, is_step: bool) {
        let is_step = is_step || self.is_step.get_value();
        let before = dom::query();
        dom::set_query(query, is_step);
        // Chromium refuses without an error. A frame whose origin is opaque never has the state in its address.
        let is_refused = dom::query() == before;
        self.is_step.set_value(is_refused && is_step);
        if !is_refused {
            return self.refusals.set_value(0);
        }
        if self.is_waiting.get_value() {
            return;
        }
        let Some(seconds) = PAUSES_S.get(self.refusals.get_value()) else { return self.refusals.set_value(0) };
        self.refusals.update_value(|refusals| *refusals += 1);
        self.is_waiting.set_value(true);
        set_timeout(
            move || {
                self.is_waiting.set_value(false);
                self.pauses.update(|pauses| *pauses += 1);
            },
            Duration::from_secs(*seconds),
        );
    }
}

/// Keeps the address and the state the same.
pub fn follow(session: Session) {
    let address = Address::new();
    Effect::new(move |was: Option<(String, usize)>| {
        let query = session.state.with(State::to_query);
        let pauses = address.pauses.get();
        let now = (query, pauses);
        if was.as_ref() != Some(&now) && dom::query() != now.0 {
            // An embedded figure adds no history entries to the page around.
            let is_step = session.take_step() && was.is_some() && session.state.with_untracked(|state| state.embed.is_none());
            address.write(&now.0, is_step);
        }
        now
    });
    let back = window_event_listener(ev::popstate, move |_| {
        let query = dom::query();
        // A link to a section is a history entry too, with the same state.
        if session.state.with_untracked(State::to_query) == query {
            return;
        }
        let problems = session.follow_history(&query);
        if !problems.is_empty() {
            session.notice.set(problems);
        }
        // Values without a meaning are removed from the address.
        let written = session.state.with_untracked(State::to_query);
        if written != query {
            address.write(&written, false);
        }
    });
    on_cleanup(move || back.remove());
}
