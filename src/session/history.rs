//! Every change of the state, and the steps of the browser's history that changes are.

use super::Session;
use leptos::prelude::*;
use stridescope_i18n::Message;
use stridescope_link::State;

impl Session {
    /// Changes the state, as one step of the browser's history. What followed from networks that are gone is corrected with it.
    pub fn change(self, change: impl FnOnce(&mut State)) {
        // What was so already is no step, and ends no gesture.
        if self.set(change) {
            self.end_gesture();
            self.inner().is_step.set(true);
        }
    }

    /// Changes the state as part of a gesture: while a slider is dragged, a key is held or something plays, all changes are one step of the history,
    /// until [`Session::end_gesture`].
    pub fn change_in_gesture(self, change: impl FnOnce(&mut State)) {
        if self.set(change) && !self.inner().is_in_gesture.replace(true) {
            self.inner().is_step.set(true);
        }
    }

    /// The next change begins another step of the history.
    pub fn end_gesture(self) {
        self.inner().is_in_gesture.set(false);
    }

    /// Whether the state of now is another step of the history than the one that was asked about last.
    pub fn take_step(self) -> bool {
        self.inner().is_step.take()
    }

    /// Changes the state; whether it is another one now.
    pub(super) fn set(self, change: impl FnOnce(&mut State)) -> bool {
        let now = self.state.get_untracked();
        let mut next = now.clone();
        change(&mut next);
        if (&next.models, next.size) != (&now.models, now.size) {
            next.settle();
        }
        let is_new = next != now;
        if is_new {
            self.set_state.set(next);
        }
        is_new
    }

    /// Goes to another state, as a script or another page asks.
    pub fn go(self, state: State) {
        self.end_gesture();
        if self.follow(state) {
            self.inner().is_step.set(true);
        }
    }

    /// Goes where the browser's history leads, by its query string. The visitor's own picture stays while it is on show, since no address can hold
    /// it, and comes back where the address says that it was. Returns what of the address makes no sense.
    pub fn follow_history(self, query: &str) -> Vec<Message> {
        self.end_gesture();
        let shows_own = self.state.with_untracked(|state| state.image.is_none());
        let has_own = shows_own || self.inner().own.borrow().is_some();
        let (mut state, problems) = State::from_query_beside(query, has_own);
        if shows_own {
            state.image = None;
        }
        self.follow(state);
        problems
    }

    /// Goes to another state, and shows its picture; whether it is another one.
    pub(super) fn follow(self, state: State) -> bool {
        let before = self.state.with_untracked(|now| now.image.clone());
        let image = state.image.clone();
        let is_new = self.set(|now| *now = state);
        let own = self.inner().own.borrow().clone();
        match (image, own) {
            (image, _) if image == before => {}
            (Some(image), _) => {
                self.live.set(None);
                self.load_sample(&image);
            }
            (None, Some((blob, title))) => {
                self.live.set(None);
                self.choose(blob, title, None);
            }
            (None, None) => {}
        }
        is_new
    }
}
