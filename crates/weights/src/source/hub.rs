//! Hugging Face's hub: where a repository's files are, and what it says of them.
//!
//! The addresses are those of its HTTP API (huggingface.co/docs/hub/api): `/api/models/REPO/revision/REVISION?blobs=true` lists files with
//! their sizes and sha256, `/REPO/resolve/COMMIT/FILE` is a file. `config.json` is timm's (`timm/models/_hub.py`, `save_config_for_hf`).

use crate::{Card, catalogue};
use serde::{Deserialize, Serialize};
use stridescope_arch::{AntiAlias, ArchSpec, StrideOn};
use stridescope_i18n::{Message, msg};
use stridescope_image::{Interpolation, Preprocess};

/// The hub.
const HOST: &str = "https://huggingface.co/";
/// What its weights may be called, best first.
const FILES: [&str; 3] = ["model.safetensors", "pytorch_model.safetensors", "pytorch_model.bin"];

/// `USER/REPOSITORY`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository(String);

impl Repository {
    /// Reads `USER/REPOSITORY`.
    pub fn parse(text: &str) -> Option<Self> {
        let is_name = |part: &str| {
            let letters = part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
            letters && part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.len() <= 96 && !part.contains("..")
        };
        let (user, name) = text.split_once('/')?;
        (is_name(user) && is_name(name)).then(|| Self(text.into()))
    }

    /// The repository that an address of the hub's leads to; nothing where it is another host's or one file's.
    pub fn of_address(address: &str) -> Option<Option<Self>> {
        let path = address.strip_prefix(HOST)?.split(['?', '#']).next()?;
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        match parts[..] {
            [_, _, "resolve", _, _, ..] => None,
            [user, name] | [user, name, "tree" | "blob", "main", ..] => Some(Self::parse(&format!("{user}/{name}"))),
            _ => Some(None),
        }
    }

    /// What comes after the user's name.
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// Where people look at it.
    pub fn page(&self) -> String {
        format!("{HOST}{self}")
    }

    /// Where a revision's files are listed.
    pub fn listing(&self, revision: &str) -> String {
        format!("{HOST}api/models/{self}/revision/{revision}?blobs=true")
    }

    /// Where a file of a commit is.
    pub fn file(&self, commit: &str, file: &str) -> String {
        format!("{HOST}{self}/resolve/{commit}/{file}")
    }
}

impl std::fmt::Display for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One file of weights, as the hub lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The commit that it belongs to.
    pub commit: String,
    /// Its name.
    pub file: String,
    /// Bytes.
    pub bytes: u64,
    /// Of its bytes, in hexadecimal digits; the hub knows it of large files.
    pub sha256: Option<String>,
    /// Whether timm's description lies beside it.
    pub has_config: bool,
}

#[derive(Deserialize)]
struct Listing {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default)]
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: String,
    size: u64,
}

impl Listed {
    /// The file of weights in what the hub answers for [`Repository::listing`].
    ///
    /// # Errors
    /// A clause: what is wrong with it.
    pub fn parse(json: &[u8]) -> Result<Self, Message> {
        let listing: Listing = serde_json::from_slice(json).map_err(|_| msg!("its list of files cannot be read"))?;
        let is_hex = |text: &str, len: usize| text.len() == len && text.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_hex(&listing.sha, 40) {
            return Err(msg!("its list of files names no commit"));
        }
        let named = |name: &str| listing.siblings.iter().find(|sibling| sibling.rfilename == name);
        let any = || {
            listing
                .siblings
                .iter()
                .find(|sibling| sibling.rfilename.ends_with(".safetensors") && !sibling.rfilename.contains('/'))
        };
        let found = FILES.iter().find_map(|name| named(name)).or_else(any);
        let found = found.ok_or(msg!("it holds no file of weights: a model.safetensors is looked for"))?;
        let lfs = found.lfs.as_ref().filter(|lfs| is_hex(&lfs.sha256, 64));
        let bytes = lfs.map(|lfs| lfs.size).or(found.size).ok_or(msg!("its list of files says no sizes"))?;
        Ok(Self {
            commit: listing.sha.to_ascii_lowercase(),
            file: found.rfilename.clone(),
            bytes,
            sha256: lfs.map(|lfs| lfs.sha256.to_ascii_lowercase()),
            has_config: named("config.json").is_some(),
        })
    }
}

/// timm's description of a network on the hub.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Config {
    architecture: Option<String>,
    /// What the network was made with besides its name: `timm.create_model(architecture, **model_args)`.
    model_args: Option<serde_json::Value>,
    pretrained_cfg: Option<Pretrained>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Pretrained {
    tag: Option<String>,
    input_size: Option<[usize; 3]>,
    interpolation: Option<String>,
    crop_pct: Option<f64>,
    mean: Option<[f32; 3]>,
    std: Option<[f32; 3]>,
    license: Option<String>,
}

impl Config {
    /// Reads `config.json`; what is no description of timm's says nothing.
    pub fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// Whether it is one of timm's ResNets, whose stride is on the 3x3 (`timm/models/resnet.py`, `Bottleneck`).
    pub fn is_timms(&self) -> bool {
        self.pretrained_cfg.is_some() && self.architecture.as_ref().is_some_and(|name| name.contains("resne"))
    }

    /// What this description makes of a network that its tensors tell of: the stride on the 3x3, and the anti-aliasing and the output stride
    /// that no tensor tells.
    pub fn told(&self, spec: ArchSpec) -> ArchSpec {
        let name = self.architecture.as_deref().unwrap_or_default();
        let anti_alias = match name {
            _ if ["resnetaa", "resnextaa"].iter().any(|aa| name.contains(aa)) => AntiAlias::AvgPool,
            _ if name.contains("blur") => AntiAlias::Blur,
            _ => AntiAlias::None,
        };
        let stride = self.model_args.as_ref().and_then(|args| usize::try_from(args.get("output_stride")?.as_u64()?).ok());
        let dilate = stride.and_then(|stride| spec.dilation_for(stride)).unwrap_or_else(|| vec![false; spec.dilate.len()]);
        ArchSpec { stride_on: StrideOn::Conv2, anti_alias, dilate, ..spec }
    }

    /// The card of a network of this repository.
    pub fn card(&self, net: &str, classes: usize, repository: &Repository) -> Card {
        let plain = Card::unknown(net, classes);
        let Some(cfg) = &self.pretrained_cfg else { return plain };
        let size = cfg.input_size.map_or(plain.preprocess.size, |[_, _, side]| side);
        let share = cfg.crop_pct.filter(|share| (0.5..=1.0).contains(share)).unwrap_or(0.875);
        let preprocess = Preprocess {
            size,
            // As timm's `transforms_factory.py` has it.
            resize: ((size as f64 / share).floor() as usize).max(size),
            crop_pct: Some(share),
            interpolation: match cfg.interpolation.as_deref() {
                Some("bilinear") => Interpolation::Bilinear,
                _ => Interpolation::Bicubic,
            },
            mean: cfg.mean.unwrap_or(plain.preprocess.mean),
            std: cfg.std.filter(|std| std.iter().all(|std| *std > 0.0)).unwrap_or(plain.preprocess.std),
        };
        // One tag, `gluon_in1k`, stands for several recipes.
        let known = catalogue::of_repository(repository).map(|entry| entry.card.recipe.clone());
        Card {
            preprocess,
            recipe: known.or_else(|| cfg.tag.clone()).unwrap_or(plain.recipe),
            licence: cfg.license.clone().unwrap_or(plain.licence),
            ..plain
        }
        .named(msg!("{} on Hugging Face", repository.0), &repository.page())
    }
}
