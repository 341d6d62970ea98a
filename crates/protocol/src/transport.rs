//! Messages as JavaScript objects.

use crate::{Event, Request};
use js_sys::{Array, Float32Array, Object, Reflect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use stridescope_i18n::{Message, msg};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Blob;

/// A request as a JavaScript object, with the file that belongs to it.
///
/// # Errors
/// When JavaScript throws.
pub fn pack_request(request: &Request, blob: Option<&Blob>) -> Result<Object, JsValue> {
    let object = pack(request)?;
    if let Some(blob) = blob {
        Reflect::set(&object, &"blob".into(), blob)?;
    }
    Ok(object)
}

/// A request and the file that came with it, or what is wrong with it.
///
/// # Errors
/// When it is not a request.
pub fn unpack_request(message: &JsValue) -> Result<(Request, Option<Blob>), Message> {
    let blob = Reflect::get(message, &"blob".into()).ok().and_then(|blob| blob.dyn_into().ok());
    Ok((unpack(message)?, blob))
}

/// An event as a JavaScript object, and the buffers to transfer rather than copy.
///
/// # Errors
/// When JavaScript throws.
pub fn pack_event(event: &mut Event) -> Result<(Object, Array), JsValue> {
    let object = pack(event)?;
    let transfer = Array::new();
    if let Event::Ran(answer) = event {
        for values in answer.buffers() {
            transfer.push(&Float32Array::from(values.as_slice()).buffer());
        }
        Reflect::set(&object, &"buffers".into(), &transfer)?;
    }
    Ok((object, transfer))
}

/// An event with its arrays, or what is wrong with it.
///
/// # Errors
/// When it is not an event, or its arrays are not those that it announces.
pub fn unpack_event(message: &JsValue) -> Result<Event, Message> {
    let mut event = unpack(message)?;
    if let Event::Ran(answer) = &mut event {
        let sent = Reflect::get(message, &"buffers".into()).ok().and_then(|buffers| buffers.dyn_into::<Array>().ok());
        let sent = sent.ok_or_else(|| Message::Verbatim("an answer without its arrays".into()))?;
        let buffers = answer.buffers();
        if buffers.len() != sent.length() as usize {
            return Err(Message::Verbatim("an answer with other arrays than it announces".into()));
        }
        for (values, buffer) in buffers.into_iter().zip(sent.iter()) {
            *values = Float32Array::new(&buffer).to_vec();
        }
    }
    Ok(event)
}

fn pack<T: Serialize>(message: &T) -> Result<Object, JsValue> {
    let json = serde_json::to_string(message).map_err(|error| JsValue::from_str(&error.to_string()))?;
    let object = Object::new();
    Reflect::set(&object, &"json".into(), &json.into())?;
    Ok(object)
}

fn unpack<T: DeserializeOwned>(message: &JsValue) -> Result<T, Message> {
    let json = Reflect::get(message, &"json".into()).ok().and_then(|json| json.as_string());
    let json = json.ok_or(msg!("a message without its JSON"))?;
    serde_json::from_str(&json).map_err(|error| Message::Verbatim(error.to_string()))
}
