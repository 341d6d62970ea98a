//! A shared viewport of drawings side by side: zoomed and panned together, by mouse, touch and keyboard.

use crate::dom;
use crate::parts::button::button;
use leptos::ev;
use leptos::html::Div;
use leptos::prelude::*;
use stridescope_i18n::tr;
use web_sys::Element;

const SMALLEST: f64 = 0.25;
const LARGEST: f64 = 4.0;
const FACTOR: f64 = 1.25;
/// Pixels that a pointer may move before a click becomes a drag.
const SLACK: i32 = 4;

/// A handle: copies are the same viewport.
#[derive(Clone, Copy)]
pub struct Viewport {
    /// The element that holds the drawings.
    pub columns: NodeRef<Div>,
    zoom: RwSignal<f64>,
    /// The pan offset, in pixels.
    at: StoredValue<(i32, i32)>,
    /// The last position of the pointer during a drag, and whether it has moved.
    drag: StoredValue<Option<(i32, i32)>>,
    dragged: StoredValue<bool>,
    /// Distance between two fingers, and the zoom at the start of a pinch.
    pinch: StoredValue<Option<(f64, f64)>>,
}

impl Viewport {
    /// A viewport of the panes inside [`Viewport::columns`].
    pub fn new() -> Self {
        Self {
            columns: NodeRef::new(),
            zoom: RwSignal::new(1.0),
            at: StoredValue::new((0, 0)),
            drag: StoredValue::new(None),
            dragged: StoredValue::new(false),
            pinch: StoredValue::new(None),
        }
    }

    fn panes(self) -> Vec<Element> {
        dom::all(self.columns.get_untracked().as_ref(), ".drawing")
    }

    /// Zooms around a point, in pixels from a pane's corner; by default around the middle.
    fn zoom_to(self, zoom: f64, point: Option<(f64, f64)>) {
        let before = self.zoom.get_untracked();
        let zoom = zoom.clamp(SMALLEST, LARGEST);
        let panes = self.panes();
        let Some(first) = panes.first() else { return };
        let (x, y) = point.unwrap_or((f64::from(first.client_width()) / 2.0, f64::from(first.client_height()) / 2.0));
        let (left, top) = (f64::from(first.scroll_left()), f64::from(first.scroll_top()));
        self.zoom.set(zoom);
        self.show(zoom);
        let ratio = zoom / before;
        self.move_to((((left + x) * ratio - x).round() as i32, ((top + y) * ratio - y).round() as i32));
    }

    fn show(self, zoom: f64) {
        for pane in self.panes() {
            let _ = pane.set_attribute("style", &format!("--zoom: {zoom}"));
            let _ = pane.toggle_attribute_with_force("data-zoomed", zoom > 1.0);
        }
    }

    fn move_to(self, (left, top): (i32, i32)) {
        for pane in self.panes() {
            pane.set_scroll_left(left);
            pane.set_scroll_top(top);
        }
        if let Some(pane) = self.panes().first() {
            self.at.set_value((pane.scroll_left(), pane.scroll_top()));
        }
    }

    /// Applies zoom and offset to drawings after a render.
    pub fn restore(self) {
        let zoom = self.zoom.get_untracked();
        // At zoom 1 there is no offset, and reading it would force a layout.
        if zoom > 1.0 {
            self.show(zoom);
            self.move_to(self.at.get_value());
        }
    }

    /// Whether the following click is the end of a drag.
    pub fn was_dragged(self) -> bool {
        self.dragged.get_value()
    }

    /// Zooms by `+`, `-` and `0`; returns whether the key was one of them.
    pub fn on_key(self, key: &str) -> bool {
        let zoom = self.zoom.get_untracked();
        match key {
            "+" | "=" => self.zoom_to(zoom * FACTOR, None),
            "-" => self.zoom_to(zoom / FACTOR, None),
            "0" => self.zoom_to(1.0, None),
            _ => return false,
        }
        true
    }

    /// The zoom buttons.
    pub fn controls(self) -> impl IntoView {
        let zoom = self.zoom;
        let percent = move || format!("{:.0} %", 100.0 * zoom.get());
        view! {
            <span class="group" role="group" aria-label=tr!("Zoom")>
                {button("−", move || self.zoom_to(zoom.get_untracked() / FACTOR, None))
                    .named(tr!("Zoom out"))
                    .disabled(move || zoom.get() <= SMALLEST)
                    .view()}
                {button(percent, move || self.zoom_to(1.0, None))
                    .class("ghost number")
                    .named(move || tr!("{}, back to 100 %", percent()))
                    .view()}
                {button("+", move || self.zoom_to(zoom.get_untracked() * FACTOR, None))
                    .named(tr!("Zoom in"))
                    .disabled(move || zoom.get() >= LARGEST)
                    .view()}
            </span>
        }
    }

    /// A drawing within the viewport.
    pub fn pane(self, svg: String) -> impl IntoView {
        let distance = |event: &ev::TouchEvent| {
            let touches = event.touches();
            let (a, b) = (touches.get(0)?, touches.get(1)?);
            Some(f64::from(a.client_x() - b.client_x()).hypot(f64::from(a.client_y() - b.client_y())))
        };
        let on_wheel = move |event: ev::WheelEvent| {
            // A trackpad's pinch arrives as a wheel event with Ctrl.
            if event.ctrl_key() {
                event.prevent_default();
                let point = dom::closest(&event, ".drawing").map(|pane| pane.get_bounding_client_rect());
                let point =
                    point.map(|pane| (f64::from(event.client_x()) - pane.left(), f64::from(event.client_y()) - pane.top()));
                self.zoom_to(self.zoom.get_untracked() * (-event.delta_y() / 300.0).exp(), point);
            }
        };
        let on_down = move |event: ev::PointerEvent| {
            self.dragged.set_value(false);
            // Touch pans it by native scrolling.
            if event.pointer_type() == "mouse" && event.button() == 0 {
                self.drag.set_value(Some((event.client_x(), event.client_y())));
            }
        };
        let on_move = move |event: ev::PointerEvent| {
            let Some((x, y)) = self.drag.get_value() else { return };
            if event.buttons() & 1 == 0 {
                return self.drag.set_value(None);
            }
            let (dx, dy) = (event.client_x() - x, event.client_y() - y);
            if self.dragged.get_value() || dx.abs().max(dy.abs()) > SLACK {
                self.dragged.set_value(true);
                self.drag.set_value(Some((event.client_x(), event.client_y())));
                let (left, top) = self.at.get_value();
                self.move_to((left - dx, top - dy));
            }
        };
        let on_scroll = move |event: ev::Event| {
            let Some(pane) = dom::closest(&event, ".drawing") else { return };
            let now = (pane.scroll_left(), pane.scroll_top());
            if now != self.at.get_value() {
                self.move_to(now);
            }
        };
        let on_touch = move |event: ev::TouchEvent| {
            self.pinch.set_value(distance(&event).map(|distance| (distance, self.zoom.get_untracked())));
        };
        let on_pinch = move |event: ev::TouchEvent| {
            if let Some(((start, zoom), now)) = self.pinch.get_value().zip(distance(&event)) {
                event.prevent_default();
                self.zoom_to(zoom * now / start.max(1.0), None);
            }
        };
        let zoom = self.zoom.get_untracked();
        view! {
            <div
                class="drawing"
                style=format!("--zoom: {zoom}")
                inner_html=svg
                on:wheel=on_wheel
                on:pointerdown=on_down
                on:pointermove=on_move
                on:pointerup=move |_| self.drag.set_value(None)
                on:scroll=on_scroll
                on:touchstart=on_touch
                on:touchmove=on_pinch
            ></div>
        }
    }
}
