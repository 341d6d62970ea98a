//! The page's API: `window.stridescope`, and the same by messages to a page around. `docs/embedding.md` describes both; `stridescope.d.ts` has the
//! types.

use crate::dom;
use crate::session::{Outcome, Session};
use js_sys::{Array, Function, Object, Promise, RangeError, Reflect, TypeError};
use leptos::prelude::*;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use stridescope_i18n::{Message, label, msg, tr};
use stridescope_link::change::changed;
use stridescope_link::parameters::Kind;
use stridescope_link::{State, Written};
use stridescope_protocol::Answer;
use stridescope_weights::ModelRef;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, future_to_promise, spawn_local};
use web_sys::{Blob, MessageEvent, Url, Window};

/// Version of the API, incremented by breaking changes.
const VERSION: &str = "1";
/// The events.
const EVENTS: [&str; 4] = ["state", "prediction", "error", "height"];

/// The API of a session. A handle: copies are the same.
#[derive(Clone)]
struct Api {
    session: Session,
    listeners: Rc<RefCell<Vec<(u32, String, Function)>>>,
    /// The id of the next listener. Ids are not reused: the function that removes a listener may be called again at any time.
    next: Rc<Cell<u32>>,
    /// The page around an embedded figure.
    around: Option<Window>,
}

fn put(object: &Object, key: &str, value: &JsValue) {
    // A new object accepts any property.
    let _ = Reflect::set(object, &key.into(), value);
}

fn get(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &key.into()).unwrap_or(JsValue::UNDEFINED)
}

/// The state for scripts.
fn to_js(state: &State) -> Object {
    let object = Object::new();
    for Written { parameter, value, .. } in state.parameters() {
        let value = match parameter.kind {
            _ if value.is_empty() || (parameter.key == "image" && state.image.is_none()) => JsValue::NULL,
            Kind::List => value.split(',').map(JsValue::from).collect::<Array>().into(),
            Kind::Text => value.into(),
            Kind::Number => value.parse::<f64>().map_or(JsValue::NULL, JsValue::from),
            Kind::Switch => (value == "1").into(),
        };
        put(&object, parameter.key, &value);
    }
    object
}

/// Most parameters, and members of a list, that a script can set in one call.
const MOST: u32 = 1000;

/// A script's value as in a link; none for the default.
fn written(value: &JsValue) -> Option<String> {
    match value.dyn_ref::<Array>() {
        Some(list) => Some(list.iter().filter_map(|item| plain(&item)).collect::<Vec<_>>().join(",")),
        None => plain(value),
    }
}

/// Like [`written`], for a value that is not a list.
fn plain(value: &JsValue) -> Option<String> {
    if value.is_null() || value.is_undefined() {
        None
    } else if let Some(flag) = value.as_bool() {
        Some(if flag { "1" } else { "0" }.into())
    } else {
        value.as_string().or_else(|| value.as_f64().map(|number| number.to_string())).or(Some(String::new()))
    }
}

/// The changes in a script's object: names of parameters, and values as in a link.
fn changes(partial: &JsValue) -> Result<Vec<(String, Option<String>)>, String> {
    let refused = || tr!("A state is an object of link parameters, such as {}.", "{node: \"layer2.0\"}");
    let partial: &Object = partial.dyn_ref().ok_or_else(refused)?;
    let keys = Object::keys(partial);
    if keys.length() > MOST {
        return Err(refused());
    }
    let keys = keys.iter().filter_map(|key| key.as_string());
    keys.map(|key| {
        let value = get(partial, &key);
        let is_endless = value.dyn_ref::<Array>().is_some_and(|list| list.length() > MOST);
        if is_endless { Err(refused()) } else { Ok((key, written(&value))) }
    })
    .collect()
}

/// A network's prediction for scripts.
fn result(model: &ModelRef, answer: &Answer) -> Object {
    let object = Object::new();
    let top = answer.top.iter().map(|class| {
        let entry = Object::new();
        put(&entry, "index", &(class.index as f64).into());
        put(&entry, "label", &label(&class.wnid, &class.label).into());
        put(&entry, "p", &class.p.into());
        JsValue::from(entry)
    });
    put(&object, "net", &model.as_str().into());
    put(&object, "top", &top.collect::<Array>());
    put(&object, "ms", &answer.ms.into());
    put(&object, "backend", &answer.backend.name.as_str().into());
    object
}

/// The image of a script's call: a file, or an address of this site, `data:` or `blob:`.
async fn picture(image: JsValue) -> Result<Blob, String> {
    let image = match image.dyn_into::<Blob>() {
        Ok(blob) => return Ok(blob),
        Err(other) => other.as_string().ok_or_else(|| tr!("A picture is a Blob, or an address of this site, data: or blob:."))?,
    };
    let base = dom::base();
    let address = Url::new_with_base(&image, &base)
        .map_err(|_| tr!("\"{}\" is no address.", image.chars().take(60).collect::<String>()))?;
    let is_ours = Url::new(&base).is_ok_and(|base| base.origin() == address.origin());
    if !is_ours && !["data:", "blob:"].contains(&address.protocol().as_str()) {
        return Err(tr!("This page asks no other site for pictures: fetch {} yourself and hand over its Blob.", address.host()));
    }
    dom::fetch_blob(&address.href())
        .await
        .map_err(|()| tr!("The picture at {} did not load.", address.href().chars().take(60).collect::<String>()))
}

fn range_error(sentence: &str) -> JsValue {
    RangeError::new(sentence).into()
}

/// Offers the API to scripts of this page, and to the page around an embedded figure, which also receives the figure's height.
pub fn offer(session: Session) {
    let api = Api::new(session);
    if let Some(body) = dom::body().filter(|_| api.around.is_some()) {
        let sent = Cell::new(0);
        dom::follow_height(body, move |height| {
            if sent.replace(height) != height {
                api.emit("height", "height", &height.into());
            }
        });
    }
}

impl Api {
    fn new(session: Session) -> Self {
        let window = dom::window();
        let is_alone = session.state.with_untracked(|state| state.embed.is_some());
        let parent = window.as_ref().and_then(|window| window.parent().ok().flatten());
        let around = parent.filter(|parent| is_alone && !window.as_ref().is_some_and(|own| Object::is(own, parent)));
        let api = Self { session, listeners: Rc::default(), next: Rc::default(), around };
        if let Some(window) = window {
            put(window.unchecked_ref(), "stridescope", &api.object());
        }
        api.listen();
        api.follow_changes();
        api.post("ready", None, &JsValue::UNDEFINED);
        api
    }

    /// The object for scripts.
    fn object(&self) -> Object {
        let object = Object::new();
        put(&object, "version", &VERSION.into());
        put(&object, "ready", &Promise::resolve(&JsValue::UNDEFINED));
        let api = self.clone();
        let state = Closure::<dyn Fn() -> Object>::new(move || to_js(&api.session.state.get_untracked()));
        put(&object, "state", &state.into_js_value());
        let api = self.clone();
        let set = Closure::<dyn Fn(JsValue) -> Result<(), JsValue>>::new(move |partial: JsValue| {
            api.set(&partial).map_err(|sentence| range_error(&sentence))
        });
        put(&object, "set", &set.into_js_value());
        let api = self.clone();
        let classify = Closure::<dyn Fn(JsValue, JsValue) -> Promise>::new(move |image: JsValue, options: JsValue| {
            let api = api.clone();
            future_to_promise(async move {
                api.classify(image, get(&options, "models")).await.map(JsValue::from).map_err(|sentence| range_error(&sentence))
            })
        });
        put(&object, "classify", &classify.into_js_value());
        let api = self.clone();
        let on = Closure::<dyn Fn(JsValue, JsValue) -> Result<JsValue, JsValue>>::new(move |kind: JsValue, listener: JsValue| {
            api.on(&kind, listener)
        });
        put(&object, "on", &on.into_js_value());
        Object::freeze(&object)
    }

    /// Adds a listener; returns the function that removes it.
    fn on(&self, kind: &JsValue, listener: JsValue) -> Result<JsValue, JsValue> {
        // Anything but a string is shown in JavaScript's notation.
        let kind = kind.as_string().unwrap_or_else(|| format!("{kind:?}").chars().take(60).collect());
        if !EVENTS.contains(&kind.as_str()) {
            return Err(range_error(&tr!("Nothing called \"{}\" happens here: listen to {}.", kind, EVENTS.join(", "))));
        }
        let listener: Function =
            listener.dyn_into().map_err(|_| TypeError::new(&tr!("A listener is a function: on(\"{}\", listener).", kind)))?;
        let id = self.next.replace(self.next.get() + 1);
        self.listeners.borrow_mut().push((id, kind, listener));
        let all = self.listeners.clone();
        Ok(Closure::<dyn Fn()>::new(move || all.borrow_mut().retain(|(known, _, _)| *known != id)).into_js_value())
    }

    fn set(&self, partial: &JsValue) -> Result<(), String> {
        let state = changed(&self.session.state.get_untracked(), &changes(partial)?)?;
        self.session.go(state);
        Ok(())
    }

    async fn classify(&self, image: JsValue, models: JsValue) -> Result<Array, String> {
        let models = match written(&models) {
            None => self.session.state.with_untracked(|state| state.models.clone()),
            models => changed(&State::default(), &[("models".into(), models)])?.models,
        };
        let blob = picture(image).await?;
        let session = self.session;
        let on_answer = Rc::new(RefCell::new(None));
        let promise = {
            let on_answer = on_answer.clone();
            let (mut blob, mut models) = (Some(blob), models);
            Promise::new(&mut move |resolve, _| {
                let on_answer = on_answer.clone();
                let done = move |answers| {
                    *on_answer.borrow_mut() = Some(answers);
                    let _ = resolve.call0(&JsValue::NULL);
                };
                if let Some(blob) = blob.take() {
                    session.classify(blob, std::mem::take(&mut models), done);
                }
            })
        };
        let _ = JsFuture::from(promise).await;
        let answers = on_answer.borrow_mut().take();
        let answers: Vec<(ModelRef, Answer)> =
            answers.unwrap_or_else(|| Err(msg!("It was given up."))).map_err(|message: Message| message.to_string())?;
        Ok(answers.iter().map(|(model, answer)| JsValue::from(result(model, answer))).collect())
    }

    /// Receives messages of the page around, and of no other window.
    fn listen(&self) {
        let Some(around) = self.around.clone() else { return };
        let api = self.clone();
        let listener = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let is_from_around = event.source().is_some_and(|source| Object::is(&source, &around));
            let message = event.data();
            if is_from_around && get(&message, "stridescope").as_f64() == Some(1.0) {
                api.answer(&message);
            }
        });
        if let Some(window) = dom::window() {
            let _ = window.add_event_listener_with_callback("message", listener.as_ref().unchecked_ref());
        }
        // It listens as long as the page exists.
        listener.forget();
    }

    fn answer(&self, message: &JsValue) {
        let id = get(message, "id");
        let kind = get(message, "type").as_string().unwrap_or_default();
        let said = match kind.as_str() {
            "set" => self.set(&get(message, "state")),
            "state" => Ok(()),
            "classify" => {
                let (api, image, models) = (self.clone(), get(message, "image"), get(message, "models"));
                spawn_local(async move {
                    match api.classify(image, models).await {
                        Ok(results) => api.reply("prediction", "results", &results, &id),
                        Err(sentence) => api.reply("error", "message", &sentence.into(), &id),
                    }
                });
                return;
            }
            kind => {
                Err(tr!("There is no message \"{}\": send set, state or classify.", kind.chars().take(60).collect::<String>()))
            }
        };
        match said {
            Ok(()) => self.reply("state", "state", &to_js(&self.session.state.get_untracked()), &id),
            Err(sentence) => self.reply("error", "message", &sentence.into(), &id),
        }
    }

    fn reply(&self, kind: &str, key: &str, value: &JsValue, id: &JsValue) {
        let message = Object::new();
        put(&message, key, value);
        put(&message, "id", id);
        self.send(&message, kind);
    }

    fn send(&self, message: &Object, kind: &str) {
        put(message, "stridescope", &1.into());
        put(message, "type", &kind.into());
        if let Some(around) = &self.around {
            // The message is not private: nothing about the visitor's own picture is ever posted.
            let _ = around.post_message(message, "*");
        }
    }

    fn post(&self, kind: &str, key: Option<&str>, value: &JsValue) {
        let message = Object::new();
        if let Some(key) = key {
            put(&message, key, value);
        }
        self.send(&message, kind);
    }

    /// Sends an event to all listeners and to the page around.
    fn emit(&self, kind: &str, key: &str, value: &JsValue) {
        self.post(kind, Some(key), value);
        self.emit_here(kind, value);
    }

    fn emit_here(&self, kind: &str, value: &JsValue) {
        let listeners: Vec<_> = self.listeners.borrow().iter().filter(|(_, known, _)| known == kind).cloned().collect();
        for (id, _, listener) in listeners {
            // An earlier listener may have removed this one.
            if self.listeners.borrow().iter().any(|(known, _, _)| *known == id) {
                // An exception of a listener must not affect the others.
                let _ = listener.call1(&JsValue::NULL, value);
            }
        }
    }

    fn follow_changes(&self) {
        let session = self.session;
        let api = StoredValue::new_local(self.clone());
        Effect::new(move |before: Option<State>| {
            let state = session.state.get();
            if before.is_some_and(|before| before != state) {
                api.with_value(|api| api.emit("state", "state", &to_js(&state)));
            }
            state
        });
        // All answers together, once every network has one.
        Effect::new(move |before: Option<Vec<u32>>| {
            let models = session.state.with(|state| state.models.clone());
            let answers: Vec<_> = models.iter().filter_map(|model| Some((model, session.answer(model)?))).collect();
            let ids: Vec<u32> = answers.iter().map(|(_, answer)| answer.id).collect();
            if !ids.is_empty() && ids.len() == models.len() && before.as_ref() != Some(&ids) {
                let results: Array = answers.iter().map(|(model, answer)| JsValue::from(result(model, answer))).collect();
                // Predictions for the visitor's own picture stay in this page.
                let is_private = answers.iter().any(|(_, answer)| session.is_about_own(answer));
                api.with_value(|api| {
                    if is_private { api.emit_here("prediction", &results) } else { api.emit("prediction", "results", &results) }
                });
            }
            ids
        });
        Effect::new(move |before: Option<Vec<String>>| {
            let failed = session.outcomes.with(|outcomes| {
                let sentence = |(model, outcome): (&ModelRef, &Outcome)| match outcome {
                    Outcome::Failed(sentence) => Some(format!("{model}: {sentence}")),
                    _ => None,
                };
                outcomes.iter().filter_map(sentence).collect::<Vec<_>>()
            });
            // A notice may contain the name of the visitor's file, which the page around must not learn.
            let notice = session.notice.get();
            let notice = (!notice.is_empty()).then(|| Message::all(&notice));
            let all: Vec<String> = notice.iter().chain(&failed).cloned().collect();
            for sentence in all.iter().filter(|sentence| before.as_ref().is_none_or(|before| !before.contains(sentence))) {
                let value = JsValue::from(sentence.as_str());
                let is_private = notice.as_ref() == Some(sentence) || session.is_private();
                api.with_value(
                    |api| if is_private { api.emit_here("error", &value) } else { api.emit("error", "message", &value) },
                );
            }
            all
        });
    }
}
