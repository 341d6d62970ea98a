//! What failed offline is retried once the browser is online.

use super::Session;
use super::outcome::Outcome;
use crate::dom;
use leptos::prelude::*;

/// Time by which a request may fail before the browser reports that it is offline, in milliseconds.
const NOTICED_MS: f64 = 10_000.0;

impl Session {
    /// Calls `what` once the browser is online again.
    pub fn when_online(self, what: impl FnOnce() + 'static) {
        self.inner().again.borrow_mut().push(Box::new(what));
    }

    /// Fetches something again each time the browser is online again, if it has failed and has not been fetched since.
    pub fn again_when_online(self, has_failed: Signal<bool>, fetch: impl Fn() + Copy + 'static) {
        Effect::new(move |_| {
            if has_failed.get() {
                // The owner may be gone by then.
                self.when_online(move || {
                    if has_failed.try_get_untracked() == Some(true) {
                        fetch()
                    }
                });
            }
        });
    }

    /// Records that the browser is offline.
    pub fn went_offline(self) {
        self.inner().offline.set(Some(dom::now()));
    }

    /// The browser is online again: what failed while it was offline is retried.
    pub fn came_online(self) {
        let inner = self.inner();
        // Earlier failures had another cause and would fail again.
        let since = inner.offline.take().unwrap_or_else(dom::now) - NOTICED_MS;
        inner.again.take().into_iter().for_each(|again| again());
        let failed = inner.failed.take();
        self.outcomes.update(|outcomes| {
            outcomes.retain(|model, outcome| {
                !matches!(outcome, Outcome::Failed(_)) || failed.get(model).is_none_or(|failed| *failed < since)
            });
        });
        self.load_again();
        self.refresh();
        if inner.look_failed.take().is_some_and(|failed| failed >= since) {
            self.inspect_again();
        }
    }
}
