//! The order of computation and what is fused: a convolution with its batch normalisation, the addition and the ReLU after it.

use stridescope_arch::{Graph, Op};

/// One step of a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A convolution with the layers fused into it.
    Conv(FusedConv),
    /// Any other layer, by index.
    Layer(usize),
}

/// A convolution and the layers after it whose inputs no other layer reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FusedConv {
    /// The convolution.
    pub conv: usize,
    /// The batch normalisation, if it is fused.
    pub norm: Option<usize>,
    /// The layer whose output is added: path A or path B.
    pub add: Option<usize>,
    /// Whether a ReLU is fused.
    pub relu: bool,
    /// The last fused layer, whose output this is.
    pub output: usize,
}

impl Step {
    /// The layers whose outputs the step reads; the one to add comes last.
    pub fn reads<'a>(&'a self, graph: &'a Graph) -> impl Iterator<Item = usize> + 'a {
        let (inputs, add) = match self {
            Self::Conv(fused) => (&graph.nodes[fused.conv].inputs, fused.add),
            Self::Layer(index) => (&graph.nodes[*index].inputs, None),
        };
        inputs.iter().copied().chain(add)
    }

    /// Whether nothing is fused; the weights then come from the checkpoint each time.
    #[cfg(feature = "gpu")]
    pub fn is_bare(&self) -> bool {
        matches!(self, Self::Conv(FusedConv { norm: None, .. }))
    }

    /// The layer whose output the step computes.
    pub fn output(&self) -> usize {
        match *self {
            Self::Conv(fused) => fused.output,
            Self::Layer(index) => index,
        }
    }
}

/// For each convolution, the batch normalisation that reads it.
pub fn norms(graph: &Graph) -> Vec<Option<usize>> {
    let mut norms = vec![None; graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        if let (Op::BatchNorm, Some(&conv)) = (node.op, node.inputs.first()) {
            norms[conv] = Some(index);
        }
    }
    norms
}

/// The steps that compute the last layer and the `tapped` layers. A `changed` layer is read after its edit, so nothing is fused across it.
pub fn plan(graph: &Graph, tapped: &[usize], changed: &[usize]) -> Vec<Step> {
    let nodes = &graph.nodes;
    let norms = norms(graph);
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        node.inputs.iter().for_each(|&input| readers[input].push(index));
    }
    // The only layer that reads this one, if this one's own output is not requested.
    let only_reader = |index: usize| match readers[index][..] {
        [reader] if !tapped.contains(&index) => Some(reader),
        _ => None,
    };

    let mut done = vec![false; nodes.len()];
    let mut steps = Vec::with_capacity(nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        if done[index] || node.op == Op::Input {
            continue;
        }
        if !matches!(node.op, Op::Conv(_)) {
            steps.push(Step::Layer(index));
            continue;
        }
        let bare = FusedConv { conv: index, norm: None, add: None, relu: false, output: index };
        let Some(norm) = norms[index].filter(|_| !changed.contains(&index)) else {
            steps.push(Step::Conv(bare));
            continue;
        };
        if tapped.contains(&index) {
            steps.push(Step::Conv(bare));
        }
        let mut fused = FusedConv { norm: Some(norm), output: norm, ..bare };
        done[norm] = true;
        if let Some(add) = only_reader(fused.output)
            && nodes[add].op == Op::Add
            && let Some(&other) = nodes[add].inputs.iter().find(|&&input| input != norm)
            && other < index
        {
            fused = FusedConv { add: Some(other), output: add, ..fused };
            done[add] = true;
        }
        if let Some(relu) = only_reader(fused.output)
            && nodes[relu].op == Op::Relu
        {
            fused = FusedConv { relu: true, output: relu, ..fused };
            done[relu] = true;
        }
        steps.push(Step::Conv(fused));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use stridescope_arch::{ArchSpec, Input, lower};

    fn graph() -> Graph {
        #[allow(clippy::unwrap_used)]
        lower(&ArchSpec::named("resnet50-d").unwrap(), Input::square(64)).unwrap()
    }

    fn bare(graph: &Graph, tapped: &[usize]) -> Vec<Step> {
        plan(graph, tapped, &[]).into_iter().filter(|step| matches!(step, Step::Conv(fused) if fused.norm.is_none())).collect()
    }

    #[test]
    fn convolutions_are_fused_with_the_layers_after_them() {
        let graph = graph();
        let steps = plan(&graph, &[], &[]);
        let layers: Vec<&Op> =
            steps.iter().filter_map(|s| if let Step::Layer(i) = s { Some(&graph.nodes[*i].op) } else { None }).collect();
        // Not fused: the max pooling, three poolings on shortcuts, global pooling and classifier.
        assert_eq!(layers.len(), 6, "{layers:?}");
        let convs = graph.nodes.iter().filter(|node| matches!(node.op, Op::Conv(_))).count();
        assert_eq!(steps.len(), layers.len() + convs);
        let added = steps.iter().filter(|step| matches!(step, Step::Conv(fused) if fused.add.is_some() && fused.relu)).count();
        assert_eq!(added, graph.blocks.len());
    }

    #[test]
    fn every_step_reads_computed_outputs() {
        let graph = graph();
        let all: Vec<usize> = (0..graph.nodes.len()).collect();
        for tapped in [&[][..], &all[..], &[5, 20, 21, 40][..]] {
            let mut there = vec![false; graph.nodes.len()];
            there[0] = true;
            for step in plan(&graph, tapped, &[]) {
                assert!(step.reads(&graph).all(|input| there[input]), "{step:?}");
                there[step.output()] = true;
            }
            assert!(tapped.iter().chain([&(graph.nodes.len() - 1)]).all(|&index| there[index]));
        }
    }

    #[test]
    fn a_bare_convolution_is_computed_only_when_tapped() {
        let graph = graph();
        let conv = graph.find("layer2.0.conv2").unwrap_or_default();
        assert_eq!(bare(&graph, &[]), []);
        assert_eq!(bare(&graph, &[conv]).len(), 1);
        // With an edit of the convolution, the batch normalisation reads the edited output.
        let reads = |changed: &[usize]| {
            let reads = |step: &Step| step.output() == conv + 1 && step.reads(&graph).eq([conv]);
            plan(&graph, &[conv], changed).iter().any(reads)
        };
        assert_eq!((reads(&[]), reads(&[conv])), (false, true));
    }
}
