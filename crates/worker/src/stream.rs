//! Streams of bytes, read into one buffer again and again: chunks of the browser's own would lie around until they are collected, half a file
//! of them at a time.

use super::timeout::{Waited, with_timeout};
use js_sys::{ArrayBuffer, Function, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::ReadableStream;

/// Bytes of the buffer.
const BUFFER: u32 = 256 << 10;

/// A reader of a stream of bytes.
pub struct Bytes {
    reader: JsValue,
    read: Function,
    /// Where the next bytes go.
    buffer: ArrayBuffer,
    /// Whether the browser fills it; otherwise it hands out chunks of its own.
    fills: bool,
}

impl Bytes {
    /// Begins to read.
    pub fn of(stream: &ReadableStream) -> Result<Self, JsValue> {
        let get: Function = Reflect::get(stream, &"getReader".into())?.dyn_into()?;
        let options = Object::new();
        Reflect::set(&options, &"mode".into(), &"byob".into())?;
        let (reader, fills) = match get.call1(stream, &options) {
            Ok(reader) => (reader, true),
            Err(_) => (get.call0(stream)?, false),
        };
        let read = Reflect::get(&reader, &"read".into())?.dyn_into()?;
        Ok(Self { reader, read, buffer: ArrayBuffer::new(BUFFER), fills })
    }

    /// The next bytes, which are overwritten by those after them; nothing at the end.
    pub async fn next(&mut self, go_on: &mut dyn FnMut() -> bool) -> Result<Option<Uint8Array>, Waited> {
        let failed = |_: JsValue| Waited::Failed;
        let promise = match self.fills {
            true => self.read.call1(&self.reader, &Uint8Array::new(&self.buffer)),
            false => self.read.call0(&self.reader),
        };
        let promise: Promise = promise.and_then(JsCast::dyn_into).map_err(failed)?;
        let step = with_timeout(&promise, go_on).await?;
        if Reflect::get(&step, &"done".into()).map_err(failed)?.is_truthy() {
            return Ok(None);
        }
        let bytes: Uint8Array = Reflect::get(&step, &"value".into()).and_then(JsCast::dyn_into).map_err(failed)?;
        if self.fills {
            // The browser took the buffer away and gives it back under another name.
            self.buffer = bytes.buffer();
        }
        Ok(Some(bytes))
    }
}
