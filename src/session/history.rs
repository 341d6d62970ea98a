//! Changes of the state and the history entries that they make.

use super::Session;
use leptos::prelude::*;
use stridescope_i18n::Message;
use stridescope_link::State;

impl Session {
    /// Changes the state in a history entry of its own. What refers to networks that are gone is reset.
    pub fn change(self, change: impl FnOnce(&mut State)) {
        // Without a change there is no entry, and a gesture goes on.
        if self.set(change) {
            self.end_gesture();
            self.inner().is_step.set(true);
        }
    }

    /// Changes the state during a gesture: all changes of a drag of a slider, a held key or an animation make one history entry, until
    /// [`Session::end_gesture`].
    pub fn change_in_gesture(self, change: impl FnOnce(&mut State)) {
        if self.set(change) && !self.inner().is_in_gesture.replace(true) {
            self.inner().is_step.set(true);
        }
    }

    /// Ends a gesture: the next change makes a new history entry.
    pub fn end_gesture(self) {
        self.inner().is_in_gesture.set(false);
    }

    /// Whether the state needs a new history entry since the last call.
    pub fn take_step(self) -> bool {
        self.inner().is_step.take()
    }

    /// Changes the state; returns whether it differs now.
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

    /// Sets the whole state, for a script or the page around.
    pub fn go(self, state: State) {
        self.end_gesture();
        if self.follow(state) {
            self.inner().is_step.set(true);
        }
    }

    /// Sets the state to that of a history entry, given by its query string. The visitor's own picture, which no address can hold, stays while it is
    /// shown and returns where the entry names it. Returns the problems of the query.
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

    /// Sets the state and shows its picture; returns whether the state differs now.
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
