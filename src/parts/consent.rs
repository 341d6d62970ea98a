//! Progress of a request, and the consent before a download.

use crate::dom;
use crate::parts::button::button;
use crate::session::Progress;
use leptos::prelude::*;
use stridescope_i18n::tr;
use stridescope_protocol::{Fetching, Step};

fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}

/// A duration in words: `40 s` or `3 min`.
fn duration(seconds: f64) -> String {
    if seconds < 90.0 { tr!("{} s", format!("{:.0}", seconds.max(1.0))) } else { tr!("{} min", format!("{:.0}", seconds / 60.0)) }
}

/// The current step of a request in words, and its progress from 0 to 1.
fn words(progress: Option<Progress>) -> (String, Option<f64>) {
    let Some(Progress { step, per_second }) = progress else { return (tr!("Waiting for its turn"), None) };
    let share = |received: u64, total: u64| (total > 0).then(|| received as f64 / total as f64);
    let of = |received: u64, total: u64| match total {
        0 => format!("{} MB", megabytes(received)),
        total => tr!("{} of {} MB", megabytes(received), megabytes(total)),
    };
    match step {
        Step::Device => (tr!("Looking for a device"), None),
        Step::Gpu => (tr!("Starting the GPU"), None),
        Step::Asking => (tr!("Asking for the weights"), None),
        Step::Weights { received, total } => {
            let rate = per_second.filter(|rate| *rate > 0.0);
            let left = rate.filter(|_| total > received).map(|rate| duration((total - received) as f64 / rate));
            let far = std::iter::once(of(received, total))
                .chain(rate.map(|rate| format!("{:.1} MB/s", rate / 1e6)))
                .chain(left.map(|left| tr!("{} left", left)));
            (tr!("Fetching weights: {}", far.collect::<Vec<_>>().join(", ")), share(received, total))
        }
        Step::Again { received, total } => {
            (tr!("The connection broke off after {}: it is taken up again", of(received, total)), share(received, total))
        }
        Step::Building => (tr!("Reading the weights"), None),
        Step::Computing => (tr!("Computing"), None),
    }
}

/// The progress of a request, and a button that cancels it.
#[component]
pub fn Busy(
    /// The progress; none while it waits.
    progress: Option<Progress>,
    /// Cancels it.
    #[prop(into)]
    cancel: Callback<()>,
) -> impl IntoView {
    let (words, share) = words(progress);
    view! {
        <div class="waiting" aria-live="off">
            <p>{words}</p>
            <progress aria-label=tr!("Progress") max="1" value=share.map(|share| share.to_string())></progress>
            {button(tr!("Cancel"), move || cancel.run(())).view()}
        </div>
    }
}

/// Asks for consent before weights are fetched from another host.
#[component]
pub fn Consent(
    /// Size of the download in bytes, where known.
    bytes: Option<u64>,
    /// The host that would be contacted.
    host: String,
    /// Fetches them.
    #[prop(into)]
    fetch: Callback<Fetching>,
) -> impl IntoView {
    let can_keep = dom::may_keep();
    let keep = RwSignal::new(can_keep);
    let (offer, title) = match bytes.map(|bytes| format!("{:.0}", bytes as f64 / 1e6)) {
        Some(size) => (
            tr!("These weights are not on this site. They can be fetched from {}: {} MB.", host, size),
            tr!("Download {} MB", size),
        ),
        None => (tr!("These weights are not on this site. They can be fetched from {}.", host), tr!("Download")),
    };
    view! {
        <div class="consent">
            <p class="problem">{offer}</p>
            {button(title, move || fetch.run(if keep.get_untracked() { Fetching::Keep } else { Fetching::Elsewhere }))
                .class("solid").view()}
            {can_keep.then(|| view! {
                <label class="cap"><input type="checkbox" prop:checked=keep on:change=move |event| keep.set(event_target_checked(&event))/>{tr!("Keep them on this device")}</label>
            })}
        </div>
    }
}
