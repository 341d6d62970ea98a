//! The contents of a weights file: every tensor with its name, shape and type, statistics and a histogram of its values.

use crate::check::{self, Report};
use crate::layout::{Ambiguity, Layout, infer};
use crate::{Checkpoint, Dtype};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use stridescope_arch::{ArchSpec, Input, SpecError, lower};
use stridescope_i18n::{Explain, Message};

/// Number of bins of a histogram.
pub const BINS: usize = 32;

/// Number of values up to which a tensor's are read; as f32 they take 512 MB.
const MAX_VALUES: usize = 128 << 20;

/// A tensor of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tensor {
    /// Its name in timm's layout.
    pub name: String,
    /// Its type in the file: `f32`, `f16`, `bf16`, `i8` (with a scale for each output channel) or `i64`.
    pub dtype: String,
    /// Shape, row-major.
    pub shape: Vec<usize>,
    /// Statistics of its values, those of `i8` times their scales; `None` for other integers and for an empty tensor.
    pub values: Option<Values>,
}

/// Statistics of a tensor's finite values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Values {
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
    /// Mean.
    pub mean: f64,
    /// Standard deviation of the population.
    pub std: f64,
    /// Number of exact zeros.
    pub zeros: usize,
    /// Number of infinite values and NaN, which no other field includes.
    pub not_finite: usize,
    /// Number of values in each of [`BINS`] equal bins from `min` to `max`.
    pub histogram: Vec<u32>,
}

impl Values {
    /// Computes the statistics; `None` without values.
    pub fn of(values: &[f32]) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        let finite = || values.iter().copied().filter(|value| value.is_finite()).map(f64::from);
        let (mut min, mut max, mut sum, mut count, mut zeros) = (f64::INFINITY, f64::NEG_INFINITY, 0.0, 0usize, 0usize);
        for value in finite() {
            min = min.min(value);
            max = max.max(value);
            sum += value;
            count += 1;
            zeros += usize::from(value == 0.0);
        }
        let not_finite = values.len() - count;
        if count == 0 {
            return Some(Self { min: 0.0, max: 0.0, mean: 0.0, std: 0.0, zeros, not_finite, histogram: vec![0; BINS] });
        }
        let mean = sum / count as f64;
        let per_bin = BINS as f64 / (max - min);
        let mut histogram = vec![0; BINS];
        let mut square = 0.0;
        for value in finite() {
            square += (value - mean).powi(2);
            // If all values are equal, they are in the first bin.
            let bin = if max > min { ((value - min) * per_bin) as usize } else { 0 };
            histogram[bin.min(BINS - 1)] += 1;
        }
        Some(Self { min, max, mean, std: (square / count as f64).sqrt(), zeros, not_finite, histogram })
    }

    /// The largest absolute value.
    pub fn absmax(&self) -> f64 {
        self.min.abs().max(self.max.abs())
    }
}

/// The name of a type.
pub fn dtype_name(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::F32 => "f32",
        Dtype::F16 => "f16",
        Dtype::Bf16 => "bf16",
        Dtype::I8 => "i8",
        Dtype::I64 => "i64",
    }
}

/// Networks that fit a file equally well and differ in something that tensors do not show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alternatives {
    /// What they differ in.
    pub about: Ambiguity,
    /// Their names; the first is the assumed one.
    pub nets: Vec<String>,
}

/// The result of an inspection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    /// The layout of the file's names.
    pub layout: Layout,
    /// The network that the file was compared with; `None` if no network of the family has such tensors.
    pub net: Option<String>,
    /// Whether that network was inferred from names and shapes alone.
    pub inferred: bool,
    /// Whether the original ResNet, with its stride on the 1x1, has the same tensors.
    pub stride_is_open: bool,
    /// Other networks with the same tensors; empty if the network was given, or is known from something beside the file.
    pub alternatives: Vec<Alternatives>,
    /// Why the network cannot be shown pictures.
    pub no_pictures: Option<Message>,
    /// Whether the weights are untrained.
    pub untrained: bool,
    /// The gravest of what does not fit.
    pub problem: Option<Message>,
    /// All problems.
    pub report: Report,
    /// Every tensor, in the order of the layers.
    pub tensors: Vec<Tensor>,
}

impl Inspection {
    /// Compares a checkpoint with the given network, or with the one inferred from its tensors.
    ///
    /// # Errors
    /// If the name of the network is invalid.
    pub fn of(checkpoint: &Checkpoint, layout: Layout, net: Option<&str>) -> Result<Self, SpecError> {
        let mut inspection = Self {
            layout,
            net: net.map(String::from),
            inferred: false,
            stride_is_open: false,
            alternatives: Vec::new(),
            no_pictures: None,
            untrained: check::is_untrained(checkpoint),
            problem: None,
            report: Report::default(),
            tensors: tensors(checkpoint),
        };
        let spec = match net {
            Some(net) => {
                // The number of classes in the name does not matter here.
                let classes = checkpoint.tensors.get("fc.bias").and_then(|entry| entry.shape.first().copied());
                let spec = ArchSpec::named(net)?;
                ArchSpec { classes: classes.unwrap_or(spec.classes), ..spec }
            }
            None => match infer(checkpoint) {
                Ok(inferred) => {
                    inspection.net = Some(inferred.spec.name());
                    inspection.inferred = true;
                    inspection.stride_is_open = inferred.stride_is_open;
                    inferred.spec
                }
                Err(error) => {
                    inspection.problem = Some(error.message());
                    return Ok(inspection);
                }
            },
        };
        inspection.no_pictures = spec.check_rgb().err().map(|error| error.message());
        match lower(&spec, Input::square(224)) {
            Ok(graph) => {
                // In the order of the layers; tensors of no layer come last.
                let order: HashMap<String, usize> =
                    graph.tensors().into_iter().enumerate().map(|(at, tensor)| (tensor.name, at)).collect();
                inspection.tensors.sort_by_key(|tensor| order.get(&tensor.name).copied().unwrap_or(usize::MAX));
                inspection.report = check::compare(checkpoint, &graph);
                inspection.problem = inspection.report.verdict().err().map(|error| error.message());
                if inspection.inferred {
                    inspection.alternatives = alternatives(&spec);
                }
            }
            Err(error) if inspection.inferred => inspection.problem = Some(error.message()),
            Err(error) => return Err(error),
        }
        Ok(inspection)
    }

    /// Sets the network from a source beside the file, which resolves all alternatives. `settled` maps the inferred network to the real
    /// one; it must have the same tensors.
    pub fn settle(&mut self, settled: impl FnOnce(ArchSpec) -> ArchSpec) {
        if let Some(Ok(spec)) = self.net.as_deref().filter(|_| self.inferred).map(ArchSpec::named) {
            self.net = Some(settled(spec).name());
            self.stride_is_open = false;
            self.alternatives.clear();
        }
    }
}

/// The alternatives to a network with the tensors of `spec`.
fn alternatives(spec: &ArchSpec) -> Vec<Alternatives> {
    let of = |about: Ambiguity| Alternatives { about, nets: about.alternatives(spec).iter().map(ArchSpec::name).collect() };
    Ambiguity::ALL.map(of).into_iter().filter(|alternatives| alternatives.nets.len() > 1).collect()
}

/// All tensors, sorted by name.
fn tensors(checkpoint: &Checkpoint) -> Vec<Tensor> {
    let tensor = |(name, entry): (&String, &crate::Entry)| Tensor {
        name: name.clone(),
        dtype: dtype_name(entry.dtype).into(),
        shape: entry.shape.clone(),
        // The largest tensor of the family has a hundredth of that size.
        values: Some(name)
            .filter(|_| entry.range.len() / entry.dtype.bytes() <= MAX_VALUES)
            .and_then(|name| checkpoint.values(name).ok())
            .and_then(|values| Values::of(&values)),
    };
    checkpoint.tensors.iter().map(tensor).collect()
}
