//! The shown picture: a sample, the visitor's own, or live input.

use super::Session;
use super::requests::Pending;
use crate::deferred::defer;
use crate::dom;
use crate::engine_client::client::PictureFile;
use crate::site;
use leptos::prelude::*;
use stridescope_i18n::{Message, msg};
use stridescope_link::samples::{self, Sample};
use stridescope_protocol::{Answer, PictureId, Request};
use wasm_bindgen_futures::spawn_local;
use web_sys::Blob;

/// The shown picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// An address that an `<img>` can show.
    pub url: String,
    /// A description, or the name of its file.
    pub title: Message,
    /// Author and licence.
    pub credit: Message,
    /// Pixels across and down, once it has been decoded.
    pub size: Option<(usize, usize)>,
}

/// The source of live input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiveInput {
    /// The visitor's camera.
    Camera,
    /// The visitor's drawing on the shown picture.
    Brush,
}

impl LiveInput {
    fn title(self) -> Message {
        match self {
            Self::Camera => msg!("Camera"),
            Self::Brush => msg!("Drawn on"),
        }
    }
}

/// A picture that the engine is decoding.
pub struct Candidate {
    pub(super) file: PictureFile,
    pub(super) title: Message,
    pub(super) sample: Option<Sample>,
}

/// The picture that networks run on.
pub(super) struct Shown {
    pub(super) file: PictureFile,
    /// Whether it is the visitor's own.
    pub(super) is_own: bool,
}

/// A picture that is not available, and can be requested again.
pub(super) enum Missing {
    /// A sample, by its name.
    Sample(&'static str),
    /// The visitor's own, which the engine has not decoded.
    Own(Blob, Message),
}

impl Session {
    /// Shows a sample that the visitor chose.
    pub fn choose_sample(self, id: &str) {
        self.notice.set(Vec::new());
        self.live.set(None);
        self.load_sample(id);
    }

    /// Shows a sample without removing notices.
    pub fn load_sample(self, id: &str) {
        let Some(sample) = samples::find(id) else { return };
        if !self.awake.get_untracked() {
            self.change(|state| state.image = Some(id.into()));
            return self.preview(&sample);
        }
        // The first picture is shown before the engine has decoded it.
        if self.picture.with_untracked(Option::is_none) {
            self.preview(&sample);
        }
        // The engine loads in parallel with the picture.
        self.worker_pool().ensure();
        let choice = self.count_choice();
        spawn_local(async move {
            let fetched = dom::fetch_blob(&site::sample(&sample)).await;
            if self.inner().choices.get() != choice {
                return;
            }
            match fetched {
                Ok(blob) => self.choose(blob, sample_title(&sample), Some(sample)),
                Err(()) => self.miss(
                    Missing::Sample(sample.id),
                    msg!(
                        "The picture {} did not load. Check the connection, then choose it again; it also comes by itself once the browser is online again.",
                        sample.file
                    ),
                ),
            }
        });
    }

    /// Shows the visitor's own picture.
    pub fn choose_file(self, file: &web_sys::File) {
        self.notice.set(Vec::new());
        self.live.set(None);
        self.awake.set(true);
        self.choose(file.clone().into(), Message::Verbatim(file.name()), None);
    }

    /// Shows a frame of live input, or its last one.
    pub fn take_picture(self, source: LiveInput, blob: Blob) {
        self.awake.set(true);
        self.choose(blob, source.title(), None);
    }

    /// The address of the shown picture at full size.
    pub fn whole_picture(self) -> Option<String> {
        let sample = self.state.with_untracked(|state| state.image.as_deref().and_then(samples::find));
        sample
            .map(|sample| site::sample(&sample))
            .or_else(|| self.picture.with_untracked(|shown| Some(shown.as_ref()?.url.clone())))
    }

    /// Whether an event may concern the visitor's own picture now: the shown one, or the one that is being decoded.
    pub fn is_private(self) -> bool {
        self.inner().shown.borrow().as_ref().is_some_and(|shown| shown.is_own)
            || self.state.with_untracked(|state| state.image.is_none())
    }

    /// Whether an answer may concern the visitor's own picture.
    pub fn is_about_own(self, answer: &Answer) -> bool {
        let inner = self.inner();
        let shown = inner.shown.borrow();
        shown.as_ref().is_none_or(|shown| shown.is_own || answer.picture != Some(shown.file.id))
    }

    pub(super) fn choose(self, blob: Blob, title: Message, sample: Option<Sample>) {
        self.count_choice();
        let worker_pool = self.worker_pool();
        self.cancel_all(|pending| matches!(pending, Pending::Picture(_)));
        let id = worker_pool.next_id();
        let file = PictureFile { id: PictureId(id), blob: blob.clone() };
        self.pend(id, Pending::Picture(Candidate { file, title, sample }));
        worker_pool.send(Request::Picture { id, picture: PictureId(id) }, Some(blob));
    }

    /// The number of a new choice.
    pub(super) fn count_choice(self) -> u32 {
        let inner = self.inner();
        self.take_missing();
        self.lack.maybe_update(|lack| lack.take().is_some());
        inner.choices.set(inner.choices.get() + 1);
        inner.choices.get()
    }

    pub(super) fn show(self, candidate: Candidate, size: (usize, usize)) {
        let Candidate { file, title, sample } = candidate;
        let inner = self.inner();
        let blob = file.blob.clone();
        inner.shown.replace(Some(Shown { file, is_own: sample.is_none() }));
        // The figures react first, in a task of their own: an answer for the old picture must never stand beside the new one.
        defer(move || self.refresh());
        let own = sample.is_none().then(|| (blob.clone(), title.clone()));
        // A live picture is already shown.
        if self.live.get_untracked().is_none() {
            let (url, credit) = match sample {
                Some(sample) => (site::sample(&sample), sample_credit(&sample)),
                None => (dom::object_url(&blob), msg!("Your picture; it stays on this device")),
            };
            defer(move || self.put_picture(url, title, credit, Some(size)));
        }
        if own.is_some() {
            inner.own.replace(own);
        }
        self.change(|state| state.image = sample.map(|sample| sample.id.to_string()));
    }

    /// Reports why the visitor's picture cannot be shown. If there was no other yet, the default sample is loaded after all.
    pub(super) fn refused(self, sentence: Message) {
        if self.inner().shown.borrow().is_none() {
            let image = self.state.with_untracked(|state| state.image.clone());
            self.load_sample(image.as_deref().unwrap_or(samples::SAMPLES[0].id));
        }
        self.notice.set(vec![sentence]);
    }

    /// Records and reports that a picture is not available: if none is shown, in every network's place too.
    pub(super) fn miss(self, missing: Missing, sentence: Message) {
        let inner = self.inner();
        self.lack.set(inner.shown.borrow().is_none().then(|| sentence.clone()));
        self.notice.set(vec![sentence.clone()]);
        *inner.missing.borrow_mut() = Some((missing, sentence));
    }

    /// Removes the notice about a picture that was not available, and returns the picture.
    pub(super) fn take_missing(self) -> Option<Missing> {
        let (missing, sentence) = self.inner().missing.borrow_mut().take()?;
        self.withdraw(&sentence);
        Some(missing)
    }

    /// Requests the picture that was not available again.
    pub fn load_again(self) {
        match self.take_missing() {
            Some(Missing::Sample(id)) => self.load_sample(id),
            Some(Missing::Own(blob, title)) => self.choose(blob, title, None),
            None => {}
        }
    }

    /// Shows a sample's preview before the engine needs the sample.
    pub(super) fn preview(self, sample: &Sample) {
        self.put_picture(site::sample_preview(sample), sample_title(sample), sample_credit(sample), None);
    }

    pub(super) fn put_picture(self, url: String, title: Message, credit: Message, size: Option<(usize, usize)>) {
        if let Some(before) = self.picture.get_untracked() {
            dom::drop_object_url(&before.url);
        }
        self.picture.set(Some(Picture { url, title, credit, size }));
    }
}

fn sample_title(sample: &Sample) -> Message {
    Message::key(sample.title)
}

fn sample_credit(sample: &Sample) -> Message {
    Message::key(sample.credit)
}
