//! What is on its way: how far it is, and what the visitor is asked first.

use super::button::button;
use super::session::Progress;
use crate::worker::protocol::{Fetching, Step};
use leptos::prelude::*;

fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}

/// `40 s` or `3 min`.
fn duration(seconds: f64) -> String {
    if seconds < 90.0 { format!("{:.0} s", seconds.max(1.0)) } else { format!("{:.0} min", seconds / 60.0) }
}

/// What a request is busy with in words, and how far it is, from 0 to 1.
fn words(progress: Option<Progress>) -> (String, Option<f64>) {
    let Some(Progress { step, per_second }) = progress else { return ("Waiting for its turn".into(), None) };
    let share = |received: u64, total: u64| (total > 0).then(|| received as f64 / total as f64);
    let of = |received: u64, total: u64| match total {
        0 => format!("{} MB", megabytes(received)),
        total => format!("{} of {} MB", megabytes(received), megabytes(total)),
    };
    match step {
        Step::Device => ("Looking for a device".into(), None),
        Step::Asking => ("Asking for the weights".into(), None),
        Step::Weights { received, total } => {
            let rate = per_second.filter(|rate| *rate > 0.0);
            let left =
                rate.filter(|_| total > received).map(|rate| format!(", {} left", duration((total - received) as f64 / rate)));
            let rate = rate.map(|rate| format!(", {:.1} MB/s", rate / 1e6)).unwrap_or_default();
            (format!("Fetching weights: {}{rate}{}", of(received, total), left.unwrap_or_default()), share(received, total))
        }
        Step::Again { received, total } => {
            (format!("The connection broke off after {}: it is taken up again", of(received, total)), share(received, total))
        }
        Step::Building => ("Reading the weights".into(), None),
        Step::Computing => ("Computing".into(), None),
    }
}

/// How far a request is, and a way to give it up.
#[component]
pub fn Busy(
    /// How far; none while it waits.
    progress: Option<Progress>,
    /// Gives it up.
    #[prop(into)]
    cancel: Callback<()>,
) -> impl IntoView {
    let (words, share) = words(progress);
    view! {
        <div class="waiting" aria-live="off">
            <p>{words}</p>
            <progress aria-label="Progress" max="1" value=share.map(|share| share.to_string())></progress>
            {button("Cancel", move || cancel.run(())).view()}
        </div>
    }
}

/// Asks before another host is asked for weights.
#[component]
pub fn Consent(
    /// Size of the download, where it is known.
    bytes: Option<u64>,
    /// Who would be asked.
    host: String,
    /// Fetches them.
    #[prop(into)]
    fetch: Callback<Fetching>,
) -> impl IntoView {
    let keep = RwSignal::new(true);
    let size = bytes.map(|bytes| format!(" {:.0} MB", bytes as f64 / 1e6)).unwrap_or_default();
    let from = bytes.map_or(String::new(), |bytes| format!(": {:.0} MB", bytes as f64 / 1e6));
    view! {
        <div class="consent">
            <p class="problem">{format!("These weights are not on this site. They can be fetched from {host}{from}.")}</p>
            {button(format!("Download{size}"), move || fetch.run(if keep.get_untracked() { Fetching::Keep } else { Fetching::Elsewhere }))
                .class("solid").view()}
            <label class="cap"><input type="checkbox" prop:checked=keep on:change=move |event| keep.set(event_target_checked(&event))/>"Keep them on this device"</label>
        </div>
    }
}
