//! How a message crosses between threads.

use js_sys::{Array, Float32Array, Object, Reflect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use stridescope_i18n::{Message, msg};
use wasm_bindgen::{JsCast, JsValue};

/// A message as a JavaScript object, and what of it is transferred rather than copied.
pub fn pack<T: Serialize>(message: &T, blob: Option<&web_sys::Blob>, numbers: &[Vec<f32>]) -> Result<(Object, Array), JsValue> {
    let json = serde_json::to_string(message).map_err(|error| JsValue::from_str(&error.to_string()))?;
    let object = Object::new();
    let transfer = Array::new();
    Reflect::set(&object, &"json".into(), &json.into())?;
    if let Some(blob) = blob {
        Reflect::set(&object, &"blob".into(), blob)?;
    }
    if !numbers.is_empty() {
        let buffers = Array::new();
        for values in numbers {
            let buffer = Float32Array::from(values.as_slice()).buffer();
            buffers.push(&buffer);
            transfer.push(&buffer);
        }
        Reflect::set(&object, &"buffers".into(), &buffers)?;
    }
    Ok((object, transfer))
}

/// The typed part of a message, or what is wrong with it.
pub fn unpack<T: DeserializeOwned>(message: &JsValue) -> Result<T, Message> {
    let json = Reflect::get(message, &"json".into()).ok().and_then(|json| json.as_string());
    let json = json.ok_or(msg!("a message without its JSON"))?;
    serde_json::from_str(&json).map_err(|error| Message::Verbatim(error.to_string()))
}

/// The picture that came with a message.
pub fn blob(message: &JsValue) -> Option<web_sys::Blob> {
    Reflect::get(message, &"blob".into()).ok()?.dyn_into().ok()
}

/// The numbers that came with a message.
pub fn numbers(message: &JsValue) -> Vec<Vec<f32>> {
    let buffers = Reflect::get(message, &"buffers".into()).ok().and_then(|buffers| buffers.dyn_into::<Array>().ok());
    buffers.map(|buffers| buffers.iter().map(|buffer| Float32Array::new(&buffer).to_vec()).collect()).unwrap_or_default()
}
