//! Live input: the camera, or the visitor's brush on the current picture.
//!
//! The next frame is taken when every network has answered the last one: the rate is the machine's, and no queue grows.

use crate::dom;
use crate::parts::button::button;
use crate::session::{LiveInput, Session};
use leptos::ev;
use leptos::html::Canvas;
use leptos::prelude::*;
use leptos::task::spawn_local;
use stridescope_i18n::{Message, msg, tr};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, CanvasRenderingContext2d, HtmlCanvasElement, HtmlImageElement, HtmlVideoElement, MediaStream, MediaStreamConstraints,
    MediaStreamTrack, MediaStreamTrackState,
};

/// Longer side of a frame, in pixels.
const LONGEST: f64 = 480.0;
/// Width of the brush, as a share of the longer side.
const BRUSH: f64 = 0.03;

fn unplugged() -> Message {
    msg!("The camera stopped. Its last picture stays; plug it in and start it again.")
}

fn no_camera() -> Message {
    msg!("This browser offers no camera here: pages must come over HTTPS, and an embedding page must allow it.")
}

/// The live picture, and the button that stops it.
#[component]
pub fn Live(
    /// The session that receives the frames.
    session: Session,
    /// The source of the frames.
    source: LiveInput,
) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    let status = RwSignal::new(String::new());
    let is_white = RwSignal::new(false);
    // Whether something was drawn since the last frame, and the last frame.
    let is_new = StoredValue::new(false);
    let last = StoredValue::new_local(None::<Blob>);
    canvas.on_load(move |canvas| {
        spawn_local(async move {
            if let Err(sentence) = feed(session, source, &canvas, (is_new, last, status)).await {
                session.notice.set(vec![sentence]);
                end(session, source, last);
            }
        });
    });
    let stroke = StoredValue::new(None::<(f64, f64)>);
    let draw = move |event: ev::PointerEvent| {
        let (Some(canvas), Some((x, y))) = (canvas.get_untracked(), dom::share(&event, "canvas")) else { return };
        if source != LiveInput::Brush || event.buttons() & 1 == 0 {
            return stroke.set_value(None);
        }
        let to = (x * f64::from(canvas.width()), y * f64::from(canvas.height()));
        line(&canvas, stroke.get_value().unwrap_or(to), to, if is_white.get_untracked() { "#fff" } else { "#000" });
        stroke.set_value(Some(to));
        is_new.set_value(true);
    };
    let label = match source {
        LiveInput::Camera => tr!("What the camera sees"),
        LiveInput::Brush => tr!("The picture, to draw on"),
    };
    view! {
        <div class="frame">
            <canvas
                node_ref=canvas class:brush=source == LiveInput::Brush role="img" aria-label=label
                on:pointerdown=draw on:pointermove=draw on:pointerup=move |_| stroke.set_value(None)
            ></canvas>
        </div>
        <figcaption class="cap">{move || status.get()}</figcaption>
        <span class="group cap">
            {button(tr!("Stop"), move || end(session, source, last)).class("solid").view()}
            {(source == LiveInput::Brush).then(|| button(tr!("White"), move || is_white.update(|white| *white = !*white)).pressed(move || is_white.get()).view())}
        </span>
    }
}

/// Stops the live input; the last frame stays as the visitor's own picture.
fn end(session: Session, source: LiveInput, last: StoredValue<Option<Blob>, LocalStorage>) {
    session.live.set(None);
    if let Some(blob) = last.try_get_value().flatten() {
        session.take_picture(source, blob);
    }
}

/// Takes one frame after another until it is stopped, or reports why there is none.
async fn feed(
    session: Session,
    source: LiveInput,
    canvas: &HtmlCanvasElement,
    (is_new, last, status): (StoredValue<bool>, StoredValue<Option<Blob>, LocalStorage>, RwSignal<String>),
) -> Result<(), Message> {
    let camera = match source {
        LiveInput::Camera => Some(Camera::open().await?),
        LiveInput::Brush => {
            let image = dom::image(&session.whole_picture().unwrap_or_default())
                .await
                .ok_or_else(|| msg!("There is no picture to draw on yet."))?;
            show_image(canvas, &image);
            status.set(tr!("Draw on the picture: what the networks say follows."));
            None
        }
    };
    let mut taken_at = None;
    while session.live.get_untracked() == Some(source) && canvas.is_connected() {
        dom::next_frame().await;
        if !session.is_idle() {
            continue;
        }
        match &camera {
            Some(camera) if camera.has_ended() => return Err(unplugged()),
            Some(camera) => camera.draw(canvas),
            None if !is_new.try_get_value().unwrap_or_default() => continue,
            None => is_new.set_value(false),
        }
        let Some(blob) = dom::canvas_blob(canvas).await else { continue };
        // It may have been stopped meanwhile.
        if session.live.get_untracked() != Some(source) {
            break;
        }
        last.set_value(Some(blob.clone()));
        session.take_picture(source, blob);
        let now = dom::now();
        if let (Some(before), true) = (taken_at.replace(now), camera.is_some()) {
            let rate = 1000.0 / f64::max(now - before, 1.0);
            status.set(tr!("{} pictures a second; they stay on this device.", format!("{rate:.1}")));
        }
    }
    Ok(())
}

/// The visitor's camera, which stops when it is dropped.
struct Camera {
    video: HtmlVideoElement,
    track: MediaStreamTrack,
}

impl Camera {
    async fn open() -> Result<Self, Message> {
        let devices = dom::media_devices().ok_or_else(no_camera)?;
        let wanted = MediaStreamConstraints::new();
        wanted.set_video(&JsValue::TRUE);
        let stream = devices.get_user_media_with_constraints(&wanted).map_err(|_| no_camera())?;
        let stream: MediaStream = JsFuture::from(stream).await.map_err(|error| refusal(&error))?.unchecked_into();
        let track: MediaStreamTrack = stream.get_video_tracks().get(0).unchecked_into();
        let video: HtmlVideoElement = dom::create("video").ok_or_else(no_camera)?;
        let camera = Self { video, track };
        camera.video.set_muted(true);
        camera.video.set_src_object(Some(&stream));
        let playing = camera.video.play().map_err(|_| unplugged())?;
        JsFuture::from(playing).await.map_err(|_| unplugged())?;
        Ok(camera)
    }

    fn has_ended(&self) -> bool {
        self.track.ready_state() == MediaStreamTrackState::Ended
    }

    fn draw(&self, canvas: &HtmlCanvasElement) {
        let size = fit(canvas, f64::from(self.video.video_width()), f64::from(self.video.video_height()));
        if let Some(context) = context(canvas) {
            let _ = context.draw_image_with_html_video_element_and_dw_and_dh(&self.video, 0.0, 0.0, size.0, size.1);
        }
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.track.stop();
    }
}

/// Why the browser refuses the camera, by the name of its error.
fn refusal(error: &JsValue) -> Message {
    let name = js_sys::Reflect::get(error, &"name".into()).ok().and_then(|name| name.as_string()).unwrap_or_default();
    match name.as_str() {
        "NotAllowedError" => msg!("The camera was refused. Allow it in the browser's address bar, or choose a picture instead."),
        "NotFoundError" => msg!("There is no camera here. Plug one in, or choose a picture instead."),
        _ => msg!("The camera did not start; perhaps another program uses it. Close that and try again."),
    }
}

fn show_image(canvas: &HtmlCanvasElement, image: &HtmlImageElement) {
    let size = fit(canvas, f64::from(image.natural_width()), f64::from(image.natural_height()));
    if let Some(context) = context(canvas) {
        let _ = context.draw_image_with_html_image_element_and_dw_and_dh(image, 0.0, 0.0, size.0, size.1);
    }
}

/// Fits a canvas to the shape of its content.
fn fit(canvas: &HtmlCanvasElement, width: f64, height: f64) -> (f64, f64) {
    let scale = (LONGEST / width.max(height).max(1.0)).min(1.0);
    let size = ((width * scale).round().max(1.0), (height * scale).round().max(1.0));
    if (f64::from(canvas.width()), f64::from(canvas.height())) != size {
        canvas.set_width(size.0 as u32);
        canvas.set_height(size.1 as u32);
    }
    size
}

fn line(canvas: &HtmlCanvasElement, from: (f64, f64), to: (f64, f64), colour: &str) {
    let Some(context) = context(canvas) else { return };
    context.set_stroke_style_str(colour);
    context.set_line_width(BRUSH * f64::from(canvas.width().max(canvas.height())));
    context.set_line_cap("round");
    context.begin_path();
    context.move_to(from.0, from.1);
    context.line_to(to.0, to.1);
    context.stroke();
}

fn context(canvas: &HtmlCanvasElement) -> Option<CanvasRenderingContext2d> {
    canvas.get_context("2d").ok()??.dyn_into().ok()
}
