//! Which stages and blocks of a diagram are open.

use super::graph::Graph;
use super::spec::{MAX_STAGE_BLOCKS, MAX_STAGES};
use std::fmt::{Display, Formatter, Result};

/// A stage, or one of its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockRef {
    /// From 1.
    pub stage: usize,
    /// From 0; none for the stage itself.
    pub block: Option<usize>,
}

impl BlockRef {
    /// Reads `layer2` or `layer2.0`, and of a layer's name the block that it lies in.
    pub fn holding(id: &str) -> Option<Self> {
        let mut parts = id.strip_prefix("layer")?.split('.');
        let stage = parts.next()?.parse().ok().filter(|&stage| stage > 0)?;
        let block = parts.next().map(|block| block.parse().ok());
        Some(Self { stage, block: block.map_or(Some(None), |block| block.map(Some))? })
    }
}

impl Display for BlockRef {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "layer{}", self.stage)?;
        self.block.map_or(Ok(()), |block| write!(f, ".{block}"))
    }
}

/// What a box opens or closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fold {
    /// A stage shows its blocks one by one, a block its paths.
    Open(BlockRef),
    /// A stage is one box again, a block likewise.
    Close(BlockRef),
}

impl Display for Fold {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Open(unit) => write!(f, "open {unit}"),
            Self::Close(unit) => write!(f, "close {unit}"),
        }
    }
}

impl Fold {
    /// Reads what [`Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (verb, unit) = text.split_once(' ')?;
        let unit = BlockRef::holding(unit)?;
        match verb {
            "open" => Some(Self::Open(unit)),
            "close" => Some(Self::Close(unit)),
            _ => None,
        }
    }
}

/// The open stages, whose blocks are listed, and the open blocks, whose paths are drawn; in order, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folding(Vec<BlockRef>);

impl Folding {
    /// The block that holds a layer; of a stage its first; else the first transition, `layer2.0`.
    pub fn around(node: &str) -> Self {
        let unit = BlockRef::holding(node).unwrap_or(BlockRef { stage: 2, block: None });
        let mut folding = Self::default();
        folding.apply(Fold::Open(BlockRef { block: unit.block.or(Some(0)), ..unit }));
        folding
    }

    /// Everything that these networks have.
    pub fn all(graphs: &[Graph]) -> Self {
        let mut folding = Self::default();
        for block in graphs.iter().flat_map(|graph| &graph.blocks) {
            for index in [None, Some(block.index)] {
                folding.apply(Fold::Open(BlockRef { stage: block.stage, block: index }));
            }
        }
        folding
    }

    /// Reads `layer2.0,layer3,layer3.1-5`; an empty text is all closed. `None` for what names no stages and blocks.
    pub fn parse(text: &str) -> Option<Self> {
        let mut folding = Self::default();
        for unit in text.split(',').filter(|unit| !unit.is_empty()) {
            let (first, last) = unit.split_once('-').map_or((unit, None), |(first, last)| (first, Some(last)));
            // A layer's own name is none: only stages and blocks open.
            let first = BlockRef::holding(first).filter(|read| read.to_string() == first && read.stage <= MAX_STAGES)?;
            let last = last.map_or(Some(first.block), |last| Some(Some(last.parse().ok()?)))?;
            match (first.block, last) {
                (None, None) => folding.open(first),
                (Some(from), Some(to)) if from <= to && to < MAX_STAGE_BLOCKS => {
                    (from..=to).for_each(|block| folding.open(BlockRef { block: Some(block), ..first }));
                }
                _ => return None,
            }
        }
        Some(folding)
    }

    /// Whether a stage's blocks are listed, or a block's paths drawn.
    pub fn is_open(&self, unit: BlockRef) -> bool {
        self.0.contains(&unit)
    }

    fn open(&mut self, unit: BlockRef) {
        if let Err(at) = self.0.binary_search(&unit) {
            self.0.insert(at, unit);
        }
    }

    /// Opens or closes.
    pub fn apply(&mut self, fold: Fold) {
        match fold {
            Fold::Open(unit) => self.open(unit),
            Fold::Close(unit) => self.0.retain(|open| !(*open == unit || unit.block.is_none() && open.stage == unit.stage)),
        }
    }
}

impl Display for Folding {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let mut separator = "";
        let mut units = self.0.iter().peekable();
        while let Some(unit) = units.next() {
            write!(f, "{separator}{unit}")?;
            separator = ",";
            let mut last = unit.block;
            while let Some(next) =
                units.next_if(|next| next.stage == unit.stage && last.is_some() && next.block == last.map(|n| n + 1))
            {
                last = next.block;
            }
            if let Some(last) = last.filter(|_| last != unit.block) {
                write!(f, "-{last}")?;
            }
        }
        Ok(())
    }
}
