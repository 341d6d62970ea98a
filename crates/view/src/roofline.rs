//! The roofline chart of measured layers: speed against arithmetic intensity.
//!
//! After Williams, Waterman and Patterson, "Roofline: An Insightful Visual Performance Model for Multicore Architectures", CACM 2009.
//! Browsers do not report the device's peak, so the roofs are the best measured values.

use crate::charts::{Axis, Chart, SIZE, colour, legend, plot, svg, words};
use crate::tables::ascending;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};
use stridescope_i18n::numbers::grouped;
use stridescope_i18n::tr;
use stridescope_link::names::display;
use stridescope_protocol::Timing;
use stridescope_weights::ModelRef;

/// Arithmetic intensity: multiply-accumulates per byte.
fn intensity(timing: &Timing) -> f64 {
    timing.macs as f64 / timing.bytes.max(1) as f64
}

/// A count per second.
fn rate(count: u64, timing: &Timing) -> f64 {
    1e3 * count as f64 / timing.ms.max(1e-6)
}

/// A rate as text: `3.2 G`.
fn short(rate: f64) -> String {
    match rate {
        rate if rate >= 1e9 => format!("{:.1} G", rate / 1e9),
        rate if rate >= 1e6 => format!("{:.1} M", rate / 1e6),
        rate => format!("{:.0} k", rate / 1e3),
    }
}

/// The chart of the measured layers of each network; `None` if no layer has multiply-accumulates.
pub fn roofline(models: &[ModelRef], measured: &[Vec<Timing>]) -> Option<Chart> {
    let all = || measured.iter().flatten();
    let computing = || all().filter(|timing| timing.macs > 0);
    let most = |value: &dyn Fn(&Timing) -> f64| all().map(value).fold(0.0, f64::max);
    let (macs, bytes) = (most(&|timing| rate(timing.macs, timing)), most(&|timing| rate(timing.bytes, timing)));
    let ends = |value: &dyn Fn(&Timing) -> f64| {
        let (least, most) = computing().map(value).fold((f64::INFINITY, 0.0), |(l, m): (f64, f64), v| (l.min(v), m.max(v)));
        // Axis limits at whole powers of ten.
        (most > 0.0).then(|| least.log10().floor()..(most.log10() + 0.05).ceil())
    };
    let (across, up) = (ends(&intensity)?, ends(&|timing| rate(timing.macs, timing))?);
    let power = |value: &f64| match value.round() as i32 {
        power if (value - value.round()).abs() > 0.01 || power > 12 => String::new(),
        power if power >= 9 => format!("{} G", 10u32.pow(power as u32 - 9)),
        power if power >= 6 => format!("{} M", 10u32.pow(power as u32 - 6)),
        power => format!("{}", 10f64.powi(power)),
    };
    let title = tr!("Roofline, as measured on this device");
    let (x_title, y_title) = (tr!("MACs a byte moved"), tr!("MACs a second"));
    let x = Axis { title: &x_title, range: across.clone(), label: &power, ticks: (across.end - across.start) as usize + 1 };
    let y = Axis { title: &y_title, range: up.clone(), label: &power, ticks: (up.end - up.start) as usize + 1 };
    let drawing = svg(&title, |area| {
        let mut plot = plot(area, &x, &y)?;
        // Left of the ridge, memory is the limit; right of it, arithmetic.
        let ridge = (macs / bytes).log10();
        let left = (across.start, (bytes.log10() + across.start).max(up.start));
        let left = if left.1 > up.start { left } else { (up.start - bytes.log10(), up.start) };
        let roof = [left, (ridge.clamp(left.0, across.end), macs.log10()), (across.end, macs.log10())];
        plot.draw_series(LineSeries::new(roof, crate::charts::LINE.stroke_width(2))).map_err(drop)?;
        for (model, timings) in models.iter().zip(measured) {
            let points = timings.iter().filter(|timing| timing.macs > 0).map(|timing| {
                let at = (intensity(timing).log10(), rate(timing.macs, timing).log10());
                Circle::new(at, 4, colour(model).mix(0.75).filled())
            });
            plot.draw_series(points).map_err(drop)?;
        }
        let (right, style) = (SIZE.0 as i32 - 24, words(12, crate::charts::QUIET, HPos::Right, VPos::Bottom));
        let place = plot.backend_coord(&(across.end, macs.log10()));
        area.draw(&Text::new(tr!("{} MACs, {}B a second", short(macs), short(bytes)), (right, place.1 - 4), style))
            .map_err(drop)?;
        legend(area, models)
    });
    let mut rows = Vec::new();
    for (model, timings) in models.iter().zip(measured) {
        // Slowest layers first.
        for index in ascending(&timings.iter().map(|timing| -timing.ms).collect::<Vec<_>>()) {
            let timing = &timings[index];
            let cells =
                [display(model), timing.node.clone(), format!("{:.3}", timing.ms), grouped(timing.macs), grouped(timing.bytes)];
            rows.push(
                cells.into_iter().chain([short(rate(timing.macs, timing)), short(rate(timing.bytes, timing)) + "B"]).collect(),
            );
        }
    }
    let head =
        [tr!("Network"), tr!("Layer"), tr!("ms"), tr!("MACs"), tr!("Bytes moved"), tr!("MACs a second"), tr!("Bytes a second")];
    Some(Chart { title, svg: drawing, head: head.into(), rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(node: &str, ms: f64, macs: u64, bytes: u64) -> Timing {
        Timing { node: node.into(), ms, macs, bytes }
    }

    #[test]
    fn a_layer_stands_where_its_work_and_its_time_put_it() {
        // 100 MACs per byte at 10 G/s; 10 per byte at 1 G/s; and a layer without MACs, at 4 GB/s.
        let timings = vec![
            timing("conv1", 10.0, 100_000_000, 1_000_000),
            timing("fc", 1.0, 1_000_000, 100_000),
            timing("maxpool", 1.0, 0, 4_000_000),
        ];
        let chart = roofline(&[ModelRef::parse("resnet50-a").expect("a network")], &[timings]).expect("a chart");
        assert_eq!(chart.rows[0], ["ResNet-50-A", "conv1", "10.000", "100,000,000", "1,000,000", "10.0 G", "100.0 MB"]);
        assert_eq!(chart.rows.len(), 3);
        assert!(chart.svg.contains("10.0 G MACs, 4.0 GB a second"), "{}", chart.svg);
        assert_eq!(chart.svg.matches("<circle").count(), 2, "what computes nothing has no place: {}", chart.svg);
    }

    #[test]
    fn nothing_measured_is_no_chart() {
        assert_eq!(roofline(&[], &[]), None);
        assert_eq!(roofline(&[ModelRef::parse("tiny-a").expect("a network")], &[vec![timing("maxpool", 1.0, 0, 9)]]), None);
    }
}
