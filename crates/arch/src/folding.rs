//! Which stages and blocks of a diagram are open.

use super::graph::Graph;
use super::spec::{MAX_STAGE_BLOCKS, MAX_STAGES};
use std::fmt::{Display, Formatter, Result};

/// A stage or one of its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockRef {
    /// Counted from 1.
    pub stage: usize,
    /// Counted from 0; `None` for the stage itself.
    pub block: Option<usize>,
}

impl BlockRef {
    /// Parses `layer2` or `layer2.0`; from the id of a layer, the block that contains it.
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

/// The action of a box: open or close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fold {
    /// Lists the blocks of a stage, or draws the paths of a block.
    Open(BlockRef),
    /// Draws a stage or a block as one box.
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
    /// Parses what [`Display`] writes.
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

/// The stages whose blocks are listed and the blocks whose paths are drawn, sorted and without duplicates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folding(Vec<BlockRef>);

impl Folding {
    /// Opens the block that contains a layer, or the first block of a stage; otherwise the first transition, `layer2.0`.
    pub fn around(node: &str) -> Self {
        let unit = BlockRef::holding(node).unwrap_or(BlockRef { stage: 2, block: None });
        let mut folding = Self::default();
        folding.apply(Fold::Open(BlockRef { block: unit.block.or(Some(0)), ..unit }));
        folding
    }

    /// Opens every stage and block of these networks.
    pub fn all(graphs: &[Graph]) -> Self {
        let mut folding = Self::default();
        for block in graphs.iter().flat_map(|graph| &graph.blocks) {
            for index in [None, Some(block.index)] {
                folding.apply(Fold::Open(BlockRef { stage: block.stage, block: index }));
            }
        }
        folding
    }

    /// Parses `layer2.0,layer3,layer3.1-5`; the empty text means all closed. `None` if a part names no stage or block.
    pub fn parse(text: &str) -> Option<Self> {
        let mut folding = Self::default();
        for unit in text.split(',').filter(|unit| !unit.is_empty()) {
            let (first, last) = unit.split_once('-').map_or((unit, None), |(first, last)| (first, Some(last)));
            // The id of a layer inside a block is not accepted: only stages and blocks open.
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

    /// Whether the blocks of a stage are listed, or the paths of a block drawn.
    pub fn is_open(&self, unit: BlockRef) -> bool {
        self.0.contains(&unit)
    }

    fn open(&mut self, unit: BlockRef) {
        if let Err(at) = self.0.binary_search(&unit) {
            self.0.insert(at, unit);
        }
    }

    /// Applies one action.
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
