//! Streams of bytes, read into one reused buffer: the browser's own chunks would stay in memory until the garbage collector runs, up to half a file
//! of them.

use super::timeout::{Waited, with_timeout};
use js_sys::{ArrayBuffer, Function, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::ReadableStream;

/// Size of the buffer in bytes.
const BUFFER: u32 = 256 << 10;

/// A reader of a stream of bytes.
pub struct Bytes {
    reader: JsValue,
    read: Function,
    /// The target of the next read.
    buffer: ArrayBuffer,
    /// Whether the browser fills the buffer; otherwise it returns its own chunks.
    fills: bool,
}

impl Bytes {
    /// Starts to read.
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

    /// The next bytes, which the read after it overwrites; none at the end.
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
            // The browser transferred the buffer and returns it as a new object.
            self.buffer = bytes.buffer();
        }
        Ok(Some(bytes))
    }
}
