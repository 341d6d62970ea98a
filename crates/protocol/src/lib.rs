//! The messages between page and worker: requests one way, events the other.
//!
//! Each message travels as `{json, blob?, buffers?}`: the JSON of a [`Request`] or an [`Event`], a file on the way in, and on the way out the arrays of
//! an [`Answer`] as transferred `ArrayBuffer`s of f32.
//!
//! Enums are externally tagged, `{"cancel":{"id":3}}`: for an internal tag serde buffers every value until it knows the variant, which takes a
//! twentieth of the page's code.
//!
//! The worker posts [`Event::Ready`] first; messages sent before are lost.

mod answer;
mod event;
mod packed;
mod request;
pub mod transport;

pub use answer::{Answer, Cam, Changed, Prediction, Seen, Tapped, Times, Timing};
pub use event::{BackendReport, CachedFile, Event, Opened, Step};
pub use packed::Packed;
pub use request::{
    Area, BackendChoice, Edit, Fetching, Fill, InputChoice, KernelChoice, Open, PictureId, Request, Run, Tap, UnitRef, Want,
    WeightsChoice,
};
