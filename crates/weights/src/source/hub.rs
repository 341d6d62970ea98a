//! The Hugging Face hub: addresses of a repository's files, and the metadata that it returns.
//!
//! The addresses are those of its HTTP API (huggingface.co/docs/hub/api): `/api/models/REPO/revision/REVISION?blobs=true` lists files with
//! their sizes and SHA-256, `/REPO/resolve/COMMIT/FILE` is a file. `config.json` is timm's (`timm/models/_hub.py`, `save_config_for_hf`).

use crate::{Card, catalogue};
use serde::{Deserialize, Serialize};
use stridescope_arch::{AntiAlias, ArchSpec, StrideOn};
use stridescope_i18n::{Message, msg};
use stridescope_image::{Interpolation, Preprocess};

/// Address of the hub.
const HOST: &str = "https://huggingface.co/";
/// File names of weights, in order of preference.
const FILES: [&str; 3] = ["model.safetensors", "pytorch_model.safetensors", "pytorch_model.bin"];

/// `USER/REPOSITORY`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository(String);

impl Repository {
    /// Parses `USER/REPOSITORY`.
    pub fn parse(text: &str) -> Option<Self> {
        let is_name = |part: &str| {
            let letters = part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
            letters && part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.len() <= 96 && !part.contains("..")
        };
        let (user, name) = text.split_once('/')?;
        (is_name(user) && is_name(name)).then(|| Self(text.into()))
    }

    /// Parses an address: `Some(Some(_))` for a repository's page, `Some(None)` for another page of the hub, `None` for a file and for
    /// other hosts.
    pub fn of_address(address: &str) -> Option<Option<Self>> {
        let path = address.strip_prefix(HOST)?.split(['?', '#']).next()?;
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        match parts[..] {
            [_, _, "resolve", _, _, ..] => None,
            [user, name] | [user, name, "tree" | "blob", "main", ..] => Some(Self::parse(&format!("{user}/{name}"))),
            _ => Some(None),
        }
    }

    /// The part after the user's name.
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// Address of the repository's web page.
    pub fn page(&self) -> String {
        format!("{HOST}{self}")
    }

    /// Address of the file list of a revision.
    pub fn listing(&self, revision: &str) -> String {
        format!("{HOST}api/models/{self}/revision/{revision}?blobs=true")
    }

    /// Address of a file at a commit.
    pub fn file(&self, commit: &str, file: &str) -> String {
        format!("{HOST}{self}/resolve/{commit}/{file}")
    }
}

impl std::fmt::Display for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A weights file in the hub's file list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The commit of the list.
    pub commit: String,
    /// File name.
    pub file: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 in hexadecimal digits; the hub provides it for large files.
    pub sha256: Option<String>,
    /// Whether the repository has timm's `config.json`.
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
    /// Finds the weights file in the response to [`Repository::listing`].
    ///
    /// # Errors
    /// A clause that says what is wrong with the response.
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

/// timm's `config.json` of a network.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Config {
    architecture: Option<String>,
    /// Keyword arguments besides the name: `timm.create_model(architecture, **model_args)`.
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
    /// Parses `config.json`; `None` if it is not timm's.
    pub fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// Whether it is one of timm's ResNets, which have the stride on the 3x3 (`timm/models/resnet.py`, `Bottleneck`).
    pub fn is_timms(&self) -> bool {
        self.pretrained_cfg.is_some() && self.architecture.as_ref().is_some_and(|name| name.contains("resne"))
    }

    /// Completes a network inferred from tensors with what tensors do not show: the stride on the 3x3, the anti-aliasing and the output
    /// stride.
    pub fn applied_to(&self, spec: ArchSpec) -> ArchSpec {
        let name = self.architecture.as_deref().unwrap_or_default();
        let anti_alias = match name {
            _ if ["resnetaa", "resnextaa"].iter().any(|aa| name.contains(aa)) => AntiAlias::AvgPool,
            _ if name.contains("blur") => AntiAlias::Blur,
            _ => AntiAlias::None,
        };
        let stride = self.model_args.as_ref().and_then(|args| usize::try_from(args.get("output_stride")?.as_u64()?).ok());
        let dilate = stride.and_then(|stride| spec.dilation_for(stride)).unwrap_or_else(|| vec![false; spec.dilate.len()]);
        // Every property by its name, so that a new one is decided here.
        ArchSpec {
            stride_on: StrideOn::Conv2,
            anti_alias,
            dilate,
            block: spec.block,
            layers: spec.layers,
            stem: spec.stem,
            stem_width: spec.stem_width,
            shortcut: spec.shortcut,
            width: spec.width,
            groups: spec.groups,
            width_per_group: spec.width_per_group,
            dilated_pool: spec.dilated_pool,
            classes: spec.classes,
            channels: spec.channels,
        }
    }

    /// The card of a network from this repository.
    pub fn card(&self, net: &str, classes: usize, repository: &Repository) -> Card {
        let plain = Card::unknown(net, classes);
        let Some(cfg) = &self.pretrained_cfg else { return plain };
        let size = cfg.input_size.map_or(plain.preprocess.size, |[_, _, side]| side);
        let share = cfg.crop_pct.filter(|share| (0.5..=1.0).contains(share)).unwrap_or(0.875);
        let preprocess = Preprocess {
            size,
            // Computed as in timm's `transforms_factory.py`.
            resize: ((size as f64 / share).floor() as usize).max(size),
            crop_pct: Some(share),
            interpolation: match cfg.interpolation.as_deref() {
                Some("bilinear") => Interpolation::Bilinear,
                _ => Interpolation::Bicubic,
            },
            mean: cfg.mean.unwrap_or(plain.preprocess.mean),
            std: cfg.std.filter(|std| std.iter().all(|std| *std > 0.0)).unwrap_or(plain.preprocess.std),
        };
        // A single tag, `gluon_in1k`, covers several recipes.
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
