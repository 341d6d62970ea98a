//! What a file of weights holds: every tensor by name, shape and type, with statistics and a histogram of its values.

use crate::check::{self, Report};
use crate::layout::{Layout, Untold, infer};
use crate::{Checkpoint, Dtype};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use stridescope_arch::{ArchSpec, Input, SpecError, lower};
use stridescope_i18n::{Explain, Message};

/// Bars of a histogram.
pub const BINS: usize = 32;

/// Largest tensor whose values are looked at, in bytes.
const MOST_BYTES: usize = 512 << 20;

/// One tensor of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tensor {
    /// timm's name of it.
    pub name: String,
    /// As the file stores it: `f32`, `f16`, `bf16` or `i64`.
    pub dtype: String,
    /// Row-major.
    pub shape: Vec<usize>,
    /// Of its values; none for integers and for a tensor without values.
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
    /// Standard deviation, of all values (not of a sample).
    pub std: f64,
    /// How many are exactly 0.
    pub zeros: usize,
    /// How many are infinite or no numbers; nothing else counts them.
    pub not_finite: usize,
    /// How many lie in each of [`BINS`] equal parts from `min` to `max`.
    pub histogram: Vec<u32>,
}

impl Values {
    /// Of these numbers; nothing where there are none.
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
            // All alike, they lie in the first.
            let bin = if max > min { ((value - min) * per_bin) as usize } else { 0 };
            histogram[bin.min(BINS - 1)] += 1;
        }
        Some(Self { min, max, mean, std: (square / count as f64).sqrt(), zeros, not_finite, histogram })
    }

    /// The value of largest magnitude.
    pub fn absmax(&self) -> f64 {
        self.min.abs().max(self.max.abs())
    }
}

/// What a type is called.
pub fn dtype_name(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::F32 => "f32",
        Dtype::F16 => "f16",
        Dtype::Bf16 => "bf16",
        Dtype::I64 => "i64",
    }
}

/// Networks that a file fits as well, which differ in something that no tensor tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alternatives {
    /// What they differ in.
    pub about: Untold,
    /// Their names; the first is the one that the file is taken for.
    pub nets: Vec<String>,
}

/// What a file holds, and what of it does not fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    /// Whose names the file uses.
    pub layout: Layout,
    /// The network that it was compared with; none where no network of the family has such tensors.
    pub net: Option<String>,
    /// Whether that was told by names and shapes alone.
    pub inferred: bool,
    /// Whether the original, with its stride on the 1x1, has the same tensors.
    pub stride_is_open: bool,
    /// What else the file may be for, by what no tensor tells; empty where its network was named, or something beside it names it.
    pub alternatives: Vec<Alternatives>,
    /// Why the network cannot be shown pictures.
    pub no_pictures: Option<Message>,
    /// Whether it never saw a picture in training.
    pub untrained: bool,
    /// The gravest of what does not fit.
    pub problem: Option<Message>,
    /// What does not fit.
    pub report: Report,
    /// Every tensor by timm's name, in the order of the layers.
    pub tensors: Vec<Tensor>,
}

impl Inspection {
    /// Compares a checkpoint with a network, or with the one that its tensors tell of.
    ///
    /// # Errors
    /// When that name is no network's.
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
                // Another number of classes makes no other network here.
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
                // In the order of the layers; what belongs to none comes last.
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

    /// Takes the file for the network that something beside it names, which leaves nothing to ask. `settled` makes that of the network that
    /// the tensors tell of; it must have the same tensors.
    pub fn settle(&mut self, settled: impl FnOnce(ArchSpec) -> ArchSpec) {
        if let Some(Ok(spec)) = self.net.as_deref().filter(|_| self.inferred).map(ArchSpec::named) {
            self.net = Some(settled(spec).name());
            self.stride_is_open = false;
            self.alternatives.clear();
        }
    }
}

/// What else a file with the tensors of `spec` may be for.
fn alternatives(spec: &ArchSpec) -> Vec<Alternatives> {
    let of = |about: Untold| Alternatives { about, nets: about.alternatives(spec).iter().map(ArchSpec::name).collect() };
    Untold::ALL.map(of).into_iter().filter(|alternatives| alternatives.nets.len() > 1).collect()
}

/// Every tensor, by name.
fn tensors(checkpoint: &Checkpoint) -> Vec<Tensor> {
    let tensor = |(name, entry): (&String, &crate::Entry)| Tensor {
        name: name.clone(),
        dtype: dtype_name(entry.dtype).into(),
        shape: entry.shape.clone(),
        // The largest tensor of the family has a hundredth of that.
        values: Some(name)
            .filter(|_| entry.range.len() <= MOST_BYTES)
            .and_then(|name| checkpoint.values(name).ok())
            .and_then(|values| Values::of(&values)),
    };
    checkpoint.tensors.iter().map(tensor).collect()
}
