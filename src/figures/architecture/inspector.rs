//! Details of the layer, block or stage under study, in every network.

use crate::session::Session;
use leptos::prelude::*;
use stridescope_arch::cost::{self, Convention, Extras};
use stridescope_arch::diff::describe;
use stridescope_arch::table::{self, Level};
use stridescope_arch::{Graph, Op, receptive};
use stridescope_i18n::numbers::grouped;
use stridescope_i18n::tr;
use stridescope_link::names::{display, hue};
use stridescope_view::markup;
use stridescope_view::tables::megabytes;
use stridescope_weights::ModelRef;

/// A detail: its label and its value.
type Fact = (String, String);

/// The details of one layer, block or stage.
fn facts(graph: &Graph, id: &str) -> Option<Vec<Fact>> {
    if let Some((index, node)) = graph.nodes.iter().enumerate().find(|(_, node)| node.id == id) {
        let shapes =
            |nodes: &[usize]| nodes.iter().map(|&i| graph.nodes[i].shape.to_string()).collect::<Vec<_>>().join(&tr!(" and "));
        let mut facts = vec![(tr!("Layer"), describe(node))];
        if !node.inputs.is_empty() {
            facts.push((tr!("Reads"), shapes(&node.inputs)));
        }
        facts.push((tr!("Puts out"), node.shape.to_string()));
        if let Some(window) = node.op.window() {
            let (kernel, stride, dilation) = (window.kernel, window.stride, window.dilation);
            let words = match node.op {
                Op::AvgPool(pool) if pool.end_padding > 0 => {
                    tr!(
                        "kernel {}, stride {}, padding {} at the end alone, dilation {}",
                        kernel,
                        stride,
                        pool.end_padding,
                        dilation
                    )
                }
                _ => tr!("kernel {}, stride {}, padding {}, dilation {}", kernel, stride, window.padding, dilation),
            };
            facts.push((tr!("Window"), words));
        }
        if let Some(formula) = cost::formula(graph, node) {
            facts.push((tr!("MACs"), format!("{formula} = {}", grouped(cost::macs(graph, node)))));
            let dead = cost::dead_macs(graph)[index];
            if dead > 0 {
                facts.push((tr!("Read by nobody"), tr!("{} of them", grouped(dead))));
            }
        }
        let tensors = graph.node_tensors(node);
        if !tensors.is_empty() {
            let list = tensors.iter().map(|tensor| format!("{} {:?}", tensor.name, tensor.shape)).collect::<Vec<_>>().join("; ");
            facts.push((tr!("Parameters"), grouped(cost::params(graph, node))));
            facts.push((tr!("In a state dict"), list));
        }
        if let Some(field) = receptive::fields(graph)[index] {
            facts.push((
                tr!("Receptive field"),
                tr!("{} px, a step of {} px, the first centred on {} px", field.size, field.jump, field.centre),
            ));
        }
        return Some(facts);
    }
    let level = if graph.block(id).is_some() { Level::Block } else { Level::Stage };
    let row = table::rows(graph, level, Convention::Macs(Extras::NONE)).into_iter().find(|row| row.id == id)?;
    let mut facts = Vec::new();
    if let Some(block) = graph.block(id) {
        let path = |path: &[usize]| {
            let layers = path.iter().map(|&i| &graph.nodes[i]).filter(|node| node.op.window().is_some()).map(describe);
            let words = layers.collect::<Vec<_>>().join("; ");
            if words.is_empty() { tr!("identity") } else { words }
        };
        facts.push((tr!("Path A"), path(&block.path_a)));
        facts.push((tr!("Path B"), path(&block.path_b)));
    }
    facts.push((tr!("Puts out"), row.shape.to_string()));
    facts.push((tr!("MACs"), grouped(row.ops)));
    if row.dead_macs > 0 {
        facts.push((tr!("Read by nobody"), tr!("{} of them", grouped(row.dead_macs))));
    }
    facts.push((tr!("Parameters"), grouped(row.params)));
    facts.push((tr!("Activations"), format!("{}, float32", megabytes(row.activation_bytes))));
    if let Some(field) = row.field {
        facts.push((tr!("Receptive field"), tr!("{} px, a step of {} px", field.size, field.jump)));
    }
    Some(facts)
}

/// The details of the selected layer, block or stage, one column per network.
#[component]
pub fn Inspector(
    /// The session whose selection is shown.
    session: Session,
) -> impl IntoView {
    let facts_of_node = Memo::new(move |_| {
        session.state.with(|state| {
            let graphs = state.graphs().unwrap_or_default();
            let of = |(model, graph): (&ModelRef, &Graph)| (model.clone(), facts(graph, &state.node));
            (state.node.clone(), state.models.iter().zip(&graphs).map(of).collect::<Vec<_>>())
        })
    });
    view! {
        <div class="inspector" aria-live="polite">
            <h3>{tr!("Selected:")}" "<code>{move || facts_of_node.with(|facts_of_node| facts_of_node.0.clone())}</code></h3>
            <div class="cols">
                {move || facts_of_node.get().1.into_iter().map(|(model, facts)| view! {
                    <div class=hue(&model).to_string()>
                        <h4><i class="dot"></i>{display(&model)}</h4>
                        {match facts {
                            None => view! { <p class="cap">{tr!("This network has no such layer.")}</p> }.into_any(),
                            Some(facts) => view! { <div inner_html=markup::facts(&facts)></div> }.into_any(),
                        }}
                    </div>
                }).collect_view()}
            </div>
        </div>
    }
}
