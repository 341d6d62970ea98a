//! The messages between the page and its engine.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stridescope_protocol::{Event, Request};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = serde_json::from_slice::<Request>(bytes) {
        let text = serde_json::to_string(&request).expect("what was read can be written");
        assert_eq!(serde_json::from_str::<Request>(&text).expect("what was written can be read"), request);
    }
    let _ = serde_json::from_slice::<Event>(bytes);
});
