//! The measured part of the figure **cost**: the time of each layer on this device, as a roofline.

use crate::parts::button::button;
use crate::parts::by_network::ByNetwork;
use crate::parts::chart::Drawn;
use crate::session::Session;
use leptos::prelude::*;
use std::sync::Arc;
use stridescope_i18n::{Message, msg, tr};
use stridescope_protocol::{Answer, Timing};
use stridescope_view::roofline::roofline;
use stridescope_weights::ModelRef;

/// The measurements, and those in progress.
#[derive(Clone, Copy)]
struct View {
    measured: ByNetwork<Measured>,
    requested: StoredValue<Vec<u32>>,
    /// Number of networks without an answer.
    left: RwSignal<usize>,
}

/// The measurement of one network.
#[derive(Debug, Clone, PartialEq)]
struct Measured {
    timings: Vec<Timing>,
    /// Resolution of the browser's clock, in milliseconds.
    clock_ms: f64,
    device: String,
}

/// The chart, and the button that measures.
#[component]
pub fn Roofline(
    /// The session whose networks are measured.
    session: Session,
) -> impl IntoView {
    let View { measured, requested, left } = session.figure_state(|| View {
        measured: ByNetwork::new(),
        requested: StoredValue::new(Vec::new()),
        left: RwSignal::new(0),
    });
    let answered = session.answered();
    Effect::new(move |_| {
        // Other networks, another input size or another device make the measurement invalid.
        answered.track();
        requested.update_value(|requested| requested.drain(..).for_each(|id| session.cancel(id)));
        left.set(0);
        measured.clear();
    });
    let measure = move || {
        measured.clear();
        let networks = answered.get_untracked();
        left.set(networks.len());
        for (model, _) in networks {
            let name = model.clone();
            let on_answer = move |answer: Result<Answer, Message>| {
                left.update(|left| *left = left.saturating_sub(1));
                let timings_of = |answer: Answer| {
                    let times = answer.times.ok_or_else(|| msg!("It was not computed."))?;
                    let device = [answer.backend.name, answer.backend.adapter].join(" ");
                    Ok(Measured { timings: times.timings, clock_ms: times.clock_ms, device })
                };
                measured.put(name, answer.and_then(timings_of));
            };
            let id = session.run_extra(&model, |run| run.timed = true, on_answer);
            requested.update_value(|requested| requested.extend(id));
        }
    };
    let shown = Memo::new(move |_| {
        let all: Vec<(ModelRef, Arc<Measured>)> = measured.all();
        let (nets, found): (Vec<ModelRef>, Vec<Arc<Measured>>) = all.into_iter().unzip();
        let first = found.first()?.clone();
        let timings: Vec<Vec<Timing>> = found.into_iter().map(|measured| measured.timings.clone()).collect();
        let how = tr!(
            "Each layer alone, with what is computed in one go with it, again and again for at least {} ms on {}, where the clock steps by {} ms. Bytes are those of its input, weights and output. The line is the most that any layer reached here.",
            Timing::LEAST_MS,
            first.device.trim(),
            format!("{:.3}", first.clock_ms)
        );
        Some((roofline(&nets, &timings)?, how))
    });
    let words = move || match left.get() {
        0 => tr!("How fast is each layer on this device? It is measured when it is asked for."),
        count => tr!("One network has yet to be measured." | "{} networks have yet to be measured." % count),
    };
    view! {
        <div class="offer">
            <p role="status">{words}</p>
            {button(tr!("Measure each layer"), measure).class("solid").disabled(move || answered.with(Vec::is_empty) || left.get() > 0).view()}
        </div>
        {move || shown.get().map(|(chart, how)| view! {
            <div class="charts"><Drawn session chart/></div>
            <p class="cap">{how}</p>
        })}
    }
}
