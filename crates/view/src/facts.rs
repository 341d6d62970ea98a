//! Numbers in the article: computed here (`macs resnet50-d 224`), or published and stored in one place (`gluoncv resnet50-d`).

use crate::tables::{GLUONCV, GLUONCV_MIXUP};
use stridescope_arch::graph::{Node, Op};
use stridescope_arch::transition::transitions;
use stridescope_arch::{ArchSpec, Graph, Input, cost, lower, receptive};
use stridescope_i18n::numbers::short_count;
use stridescope_weights::catalogue;

/// The text of a number in the article; `None` if `name` is unknown.
///
/// `params NET`, `macs NET SIZE`, `dead-macs NET SIZE`, `dead-share NET SIZE` and `macs-ratio NET NET SIZE` in percent, `receptive NET` in pixels,
/// `reads-a NET NODE` and `reads-b NET NODE`: percent of its input that a path of a downsampling block reads at 224 pixels,
/// `layers-with-stride2-1x1 NET`.
///
/// Top-1 accuracies on ImageNet, and differences of two in points: `published ENTRY` of the catalogue, `gluoncv NET` on GluonCV's one recipe,
/// `gluoncv-gain NET NET`, `gluoncv-mixup NET` on its other recipe, `gluoncv-mixup-gain NET`.
pub fn fact(name: &str) -> Option<String> {
    let words: Vec<&str> = name.split_whitespace().collect();
    match words[..] {
        ["params", net] => Some(short_count(total(&graph(net, 224)?, cost::params))),
        ["macs", net, size] => Some(short_count(total(&graph(net, size.parse().ok()?)?, cost::macs))),
        ["dead-macs", net, size] => Some(short_count(dead(&graph(net, size.parse().ok()?)?))),
        ["dead-share", net, size] => {
            let graph = graph(net, size.parse().ok()?)?;
            Some(percent(100.0 * dead(&graph) as f64 / total(&graph, cost::macs) as f64))
        }
        ["macs-ratio", net, base, size] => {
            let size = size.parse().ok()?;
            let (net, base) = (total(&graph(net, size)?, cost::macs), total(&graph(base, size)?, cost::macs));
            Some(percent(100.0 * (net as f64 / base as f64 - 1.0)))
        }
        ["receptive", net] => Some(receptive::size(&graph(net, 224)?).to_string()),
        ["reads-a", net, node] => reads(net, node, "path A"),
        ["reads-b", net, node] => reads(net, node, "path B"),
        ["layers-with-stride2-1x1", net] => {
            let is_lossy = |op: &Op| matches!(op, Op::Conv(conv) if conv.kernel == 1 && conv.stride == 2);
            Some(graph(net, 224)?.nodes.iter().filter(|node| is_lossy(&node.op)).count().to_string())
        }
        ["published", id] => Some(accuracy(catalogue::find(id)?.card.accuracy.as_ref()?.top1)),
        ["gluoncv", net] => Some(accuracy(gluoncv(net)?)),
        ["gluoncv-gain", net, base] => Some(points(gluoncv(net)? - gluoncv(base)?)),
        ["gluoncv-mixup", net] => Some(accuracy(gluoncv_mixup(net)?)),
        ["gluoncv-mixup-gain", net] => Some(points(gluoncv_mixup(net)? - gluoncv(net)?)),
        _ => None,
    }
}

fn gluoncv(net: &str) -> Option<f64> {
    GLUONCV.iter().find(|(known, _, _)| *known == net).map(|(_, top1, _)| *top1)
}

fn gluoncv_mixup(net: &str) -> Option<f64> {
    let (known, top1, _) = GLUONCV_MIXUP;
    (known == net).then_some(top1)
}

/// Formatted as in the sources: `78.48 %`.
fn accuracy(top1: f64) -> String {
    format!("{top1:.2} %")
}

fn points(difference: f64) -> String {
    format!("{difference:.2}")
}

fn graph(net: &str, size: usize) -> Option<Graph> {
    lower(&ArchSpec::named(net).ok()?, Input::square(size)).ok()
}

fn total(graph: &Graph, of: impl Fn(&Graph, &Node) -> u64) -> u64 {
    graph.nodes.iter().map(|node| of(graph, node)).sum()
}

fn dead(graph: &Graph) -> u64 {
    cost::dead_macs(graph).iter().sum()
}

fn reads(net: &str, node: &str, path: &str) -> Option<String> {
    let transition = transitions(&graph(net, 224)?).into_iter().find(|transition| transition.id == node)?;
    Some(percent(transition.readings.iter().find(|reading| reading.path == path)?.reads.read_percent()))
}

/// At most three significant digits, without trailing zeros: `25 %`, `9.74 %`, `12.2 %`.
fn percent(value: f64) -> String {
    let text = if value.abs() < 9.995 { format!("{value:.2}") } else { format!("{value:.1}") };
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{} %", if text.is_empty() { "0" } else { text })
}
