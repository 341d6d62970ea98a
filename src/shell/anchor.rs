//! Scrolls to the section of a link, and keeps it in place while the content above it loads, until the reader moves.

use crate::dom;
use crate::session::Session;
use leptos::ev;
use leptos::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;

/// Events by which a reader moves.
const MOVES: [&str; 5] = ["wheel", "touchmove", "pointerdown", "keydown", "dragenter"];
/// Time for which a browser may scroll the page by itself after a link or a change of the page's height, in milliseconds.
const RESTING_MS: f64 = 2_000.0;
/// Tolerance of a position, in CSS pixels.
const SAME: f64 = 2.0;

/// Where the page was scrolled for the link that is followed.
#[derive(Default)]
struct Arrivals {
    /// Height of the page at the last time.
    height: f64,
    /// Scroll positions, the last one last.
    tops: Vec<f64>,
}

/// Keeps the section that a link leads to in place.
pub fn follow(session: Session) {
    let arrivals = Rc::new(RefCell::new(Arrivals::default()));
    let arrive = {
        let arrivals = arrivals.clone();
        move || {
            if let Some(id) = session.led_to.get_untracked() {
                scroll_to(&id);
                let (height, top) = dom::page_place();
                let mut arrivals = arrivals.borrow_mut();
                arrivals.height = height;
                if arrivals.tops.last() != Some(&top) {
                    arrivals.tops.push(top);
                }
            }
        }
    };
    // When the link was followed, or the height changed.
    let changed_at = StoredValue::new(0.0);
    let follow = {
        let arrive = arrive.clone();
        move || {
            changed_at.set_value(dom::now());
            arrive();
        }
    };
    // The page is observed no longer than needed: WebKit reports an error where other observers change its height.
    let observer = StoredValue::new_local(dom::resize_observer(follow.clone()));
    let started = arrivals.clone();
    Effect::new(move |_| {
        let is_led = session.led_to.with(Option::is_some);
        started.borrow_mut().tops.clear();
        follow();
        observer.with_value(|observer| match (observer, dom::body()) {
            (Some(observer), Some(body)) if is_led => observer.observe(&body),
            (Some(observer), _) => observer.disconnect(),
            (None, _) => {}
        });
    });
    let leave = move || session.led_to.maybe_update(|led_to| led_to.take().is_some());
    let mut listeners: Vec<_> = MOVES.map(|name| window_event_listener_untyped(name, move |_| leave())).into();
    // The browser's bars, and scripts of others, scroll the page without any of these events.
    listeners.push(window_event_listener_untyped("scroll", move |_| {
        let Some(id) = session.led_to.get_untracked() else { return };
        let (height, top) = dom::page_place();
        // A busy WebKit goes to where the section was before the page grew, long after.
        let (is_grown, is_there, was_there) = {
            let arrivals = arrivals.borrow();
            let is_top = |known: &f64| (top - known).abs() <= SAME;
            ((height - arrivals.height).abs() > SAME, arrivals.tops.last().is_some_and(is_top), arrivals.tops.iter().any(is_top))
        };
        if is_grown || is_there || dom::is_at_beginning(&id) {
            return;
        }
        if was_there || dom::now() - changed_at.get_value() < RESTING_MS {
            arrive();
        } else {
            leave();
        }
    }));
    // Clicks count too, since a link to the current fragment changes nothing.
    let click = window_event_listener(ev::click, move |event| {
        let href = dom::closest(&event, "a[href^='#']").and_then(|link| link.get_attribute("href"));
        if let Some(id) = href.filter(|href| href.len() > 1) {
            session.led_to.set(Some(id[1..].into()));
        }
    });
    // The back button restores a position, which need not be the top of a section.
    let hash = window_event_listener(ev::hashchange, move |_| {
        if let Some(id) = dom::fragment().filter(|id| dom::is_at_beginning(id)) {
            session.led_to.set(Some(id));
        }
    });
    on_cleanup(move || {
        listeners.into_iter().for_each(WindowListenerHandle::remove);
        click.remove();
        hash.remove();
    });
    session.led_to.set(dom::fragment());
}

/// Scrolls to a section, or a part of one, below the bar. For a part that is not loaded, to its section.
fn scroll_to(id: &str) {
    if let Some(bar) = dom::all(dom::body().as_ref(), ".bar").first() {
        dom::set_root_property("--bar-height", &format!("{}px", bar.get_bounding_client_rect().height().ceil()));
    }
    if !dom::scroll_to(id)
        && let Some((section, _)) = id.split_once('-')
    {
        dom::scroll_to(section);
    }
}
