//! The switches in a network's name, as in `resnet50-d.stem-conv7.blocks3-4-6-3`: how each is written, read and found in a description. Parser,
//! names, the sentence about an unknown switch and the page's form follow [`SWITCHES`].

use super::spec::{AntiAlias, ArchSpec, BlockKind, DilatedPool, Shortcut, Stem, StrideOn};

/// A switch with a few values.
#[derive(Debug)]
pub struct Choice {
    /// Its values, as in a name.
    pub values: &'static [&'static str],
    /// The value of a description.
    pub value: fn(&ArchSpec) -> &'static str,
    set: fn(&mut ArchSpec, &str) -> bool,
}

/// A switch with a number, or with numbers joined by `-`, after its prefix.
#[derive(Debug)]
pub struct Entry {
    /// The part before the numbers.
    pub prefix: &'static str,
    /// The numbers of a description; `None` where this switch cannot say it.
    pub value: fn(&ArchSpec) -> Option<String>,
    set: fn(&mut ArchSpec, &str) -> Option<()>,
    example: &'static str,
}

/// A switch.
#[derive(Debug, Clone, Copy)]
pub enum Switch {
    /// A few values.
    Choice(&'static Choice),
    /// A prefix and numbers.
    Entry(&'static Entry),
}

macro_rules! choice {
    ($field:ident: $kind:ident { $($value:ident = $text:literal),+ }) => {
        Choice {
            values: &[$($text),+],
            value: |spec| match spec.$field { $($kind::$value => $text),+ },
            set: |spec, text| {
                match text {
                    $($text => spec.$field = $kind::$value,)+
                    _ => return false,
                }
                true
            },
        }
    };
}

macro_rules! number {
    ($prefix:literal, $field:ident, $example:literal) => {
        Entry {
            prefix: $prefix,
            value: |spec| Some(spec.$field.to_string()),
            set: |spec, text| {
                spec.$field = number(text)?;
                Some(())
            },
            example: $example,
        }
    };
}

/// The residual block.
pub static BLOCK: Choice = choice!(block: BlockKind { Basic = "basic", Bottleneck = "bottleneck" });
/// The first convolutions.
pub static STEM: Choice = choice!(stem: Stem { Conv7 = "stem-conv7", Deep = "stem-deep", Tiered = "stem-tiered" });
/// The convolution with the stride.
pub static STRIDE: Choice = choice!(stride_on: StrideOn { Conv1 = "stride-conv1", Conv2 = "stride-conv2" });
/// How path B reduces the size.
pub static SHORTCUT: Choice = choice!(shortcut: Shortcut { Conv = "shortcut-conv", AvgPoolConv = "shortcut-avgpool" });
/// Anti-aliasing.
pub static ANTI_ALIAS: Choice = choice!(anti_alias: AntiAlias { None = "aa-none", AvgPool = "aa-avgpool", Blur = "aa-blur" });
/// How path B starts in a dilated stage.
pub static DILATED_POOL: Choice = choice!(dilated_pool: DilatedPool { Same = "dilatedpool-same", None = "dilatedpool-none" });

/// Blocks per stage.
pub static BLOCKS: Entry = Entry {
    prefix: "blocks",
    value: |spec| Some(joined(spec.layers.iter().copied())),
    set: |spec, text| {
        spec.layers = numbers(text)?;
        spec.dilate.resize(spec.layers.len().saturating_sub(1), false);
        Some(())
    },
    example: "3-4-6-3",
};
/// Width of the first stage.
pub static WIDTH: Entry = Entry {
    prefix: "width",
    value: |spec| Some(spec.width.to_string()),
    set: |spec, text| {
        let width = number(text)?;
        // The stem keeps its width relative to the first stage.
        spec.stem_width = proportional(spec.stem_width, spec.width, width)?;
        spec.width = width;
        Some(())
    },
    example: "32",
};
/// Width of the stem's first convolution.
pub static STEM_WIDTH: Entry = number!("stemwidth", stem_width, "64");
/// Groups of a bottleneck's 3x3.
pub static GROUPS: Entry = number!("groups", groups, "32");
/// Channels per group per 64 planes.
pub static WIDTH_PER_GROUP: Entry = number!("wpg", width_per_group, "4");
/// The output stride, for the dilations that it implies.
pub static OUTPUT_STRIDE: Entry = Entry {
    prefix: "os",
    value: |spec| {
        let implies = |&stride: &usize| spec.dilation_for(stride).as_ref() == Some(&spec.dilate);
        spec.dilate.contains(&true).then(|| [4, 8, 16, 32, 64].into_iter().find(implies))?.map(|stride| stride.to_string())
    },
    set: |spec, text| {
        spec.dilate = spec.dilation_for(number(text)?)?;
        Some(())
    },
    example: "8",
};
/// For each stage after the first, 1 where it is dilated.
pub static DILATE: Entry = Entry {
    prefix: "dilate",
    value: |spec| Some(joined(spec.dilate.iter().map(|&flag| usize::from(flag)))),
    set: |spec, text| {
        let flags = numbers(text)?;
        if flags.len() + 1 != spec.layers.len() || flags.iter().any(|&flag| flag > 1) {
            return None;
        }
        spec.dilate = flags.into_iter().map(|flag| flag == 1).collect();
        Some(())
    },
    example: "0-1-1",
};
/// Number of classes.
pub static CLASSES: Entry = number!("classes", classes, "10");
/// Input channels.
pub static CHANNELS: Entry = number!("channels", channels, "1");

/// Every switch, in the order of a name.
pub static SWITCHES: [Switch; 15] = [
    Switch::Choice(&BLOCK),
    Switch::Entry(&BLOCKS),
    Switch::Choice(&STEM),
    Switch::Choice(&STRIDE),
    Switch::Choice(&SHORTCUT),
    Switch::Entry(&WIDTH),
    Switch::Entry(&STEM_WIDTH),
    Switch::Entry(&GROUPS),
    Switch::Entry(&WIDTH_PER_GROUP),
    Switch::Choice(&ANTI_ALIAS),
    Switch::Entry(&OUTPUT_STRIDE),
    Switch::Entry(&DILATE),
    Switch::Choice(&DILATED_POOL),
    Switch::Entry(&CLASSES),
    Switch::Entry(&CHANNELS),
];

impl Switch {
    /// Sets it as written in a name; returns whether the text is one of its values. Otherwise nothing is changed.
    pub(crate) fn set(self, spec: &mut ArchSpec, text: &str) -> bool {
        match self {
            Self::Choice(choice) => (choice.set)(spec, text),
            Self::Entry(entry) => text.strip_prefix(entry.prefix).and_then(|value| (entry.set)(spec, value)).is_some(),
        }
    }

    /// As a name has it for a description; `None` where this switch cannot say it.
    pub(crate) fn written(self, spec: &ArchSpec) -> Option<String> {
        match self {
            Self::Choice(choice) => Some((choice.value)(spec).to_string()),
            Self::Entry(entry) => Some(format!("{}{}", entry.prefix, (entry.value)(spec)?)),
        }
    }

    /// Its values, or an example: `stem-conv7|stem-deep|stem-tiered`, `blocks3-4-6-3`.
    fn values(self) -> String {
        match self {
            Self::Choice(choice) => choice.values.join("|"),
            Self::Entry(entry) => format!("{}{}", entry.prefix, entry.example),
        }
    }
}

/// Every switch with its values or an example, for a sentence.
pub(crate) fn all_values() -> String {
    SWITCHES.map(Switch::values).join(", ")
}

// `u32` everywhere, so that a name means the same on 32-bit and 64-bit devices.
fn number(digits: &str) -> Option<usize> {
    Some(digits.parse::<u32>().ok()? as usize)
}

fn numbers(text: &str) -> Option<Vec<usize>> {
    text.split('-').map(number).collect()
}

fn joined(numbers: impl Iterator<Item = usize>) -> String {
    numbers.map(|number| number.to_string()).collect::<Vec<_>>().join("-")
}

/// Scales a stem width as the width of the first stage changes from `from` to `to`; `None` if the result does not fit a name.
pub(crate) fn proportional(stem: usize, from: usize, to: usize) -> Option<usize> {
    let width = (stem as u128 * to as u128).checked_div(from as u128)?;
    Some(u32::try_from(width).ok()? as usize)
}
