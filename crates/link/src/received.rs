//! Files and addresses that are dropped, pasted or chosen: their kind, and what the page does with them.

use crate::samples::{SAMPLES, Sample};
use stridescope_i18n::{Explain, Message, msg, tr};
use stridescope_weights::source::{WeightsSource, file_name, host};

/// File extensions of weights.
pub const ENDINGS: [&str; 5] = [".safetensors", ".pth", ".pt", ".bin", ".ckpt"];
const PICTURE_ENDINGS: [&str; 14] =
    [".png", ".jpg", ".jpeg", ".jfif", ".gif", ".webp", ".bmp", ".avif", ".heic", ".heif", ".tif", ".tiff", ".jxl", ".svg"];
const TEXT_ENDINGS: [&str; 6] = [".txt", ".csv", ".tsv", ".json", ".names", ".labels"];
/// Extensions of other ZIP archives: PyTorch's files are ZIP archives too.
const OTHER_ARCHIVES: [&str; 7] = [".docx", ".xlsx", ".pptx", ".odt", ".ods", ".jar", ".epub"];
/// Signatures of image files: JPEG, PNG, GIF, BMP, ICO, TIFF of both byte orders, JPEG XL bare and boxed, Photoshop, OpenEXR.
const PICTURE_STARTS: [&[u8]; 11] = [
    b"\xFF\xD8\xFF",
    b"\x89PNG",
    b"GIF8",
    b"BM",
    b"\0\0\x01\0",
    b"II*\0",
    b"MM\0*",
    b"\xFF\x0A",
    b"\0\0\0\x0CJXL ",
    b"8BPS",
    b"v/1\x01",
];
/// Brands of HEIF and AVIF (ISO/IEC 23008-12 and AV1's image format).
const BRANDS: [&[u8]; 9] = [b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"avif", b"avis"];
/// Number of first bytes that [`Kind::of`] needs at most.
pub const HEAD: usize = 16;
/// Largest header of a safetensors file in bytes (the format's own limit).
const MOST_DESCRIPTION: u64 = 100_000_000;
/// Most names in one sentence.
const LISTED: usize = 3;

/// The kind of a file, by its first bytes and its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A picture, whether this browser can decode it or not.
    Picture,
    /// Weights of a network, whether they can be read here or not.
    Weights,
    /// Text, as lists of class names are.
    Text,
    /// A folder.
    Folder,
    /// An unknown kind.
    Other,
}

impl Kind {
    /// The kind of a file. The signature of an image counts more than the name, and the name more than the signature of weights, so that a file with
    /// an image's name is reported as a damaged image. The MIME type of the system counts least.
    pub fn of(name: &str, mime: &str, head: &[u8]) -> Self {
        let name = name.to_ascii_lowercase();
        let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
        if ends(&OTHER_ARCHIVES) {
            return Self::Other;
        }
        if is_picture(head) || ends(&PICTURE_ENDINGS) {
            return Self::Picture;
        }
        if is_weights(head) || ends(&ENDINGS) {
            return Self::Weights;
        }
        match mime {
            _ if ends(&TEXT_ENDINGS) => Self::Text,
            mime if mime.starts_with("image/") => Self::Picture,
            mime if mime.starts_with("text/") || mime == "application/json" => Self::Text,
            _ => Self::Other,
        }
    }
}

fn is_picture(head: &[u8]) -> bool {
    // HEIF and AVIF consist of boxes, as films do, and the first box names the brand; WebP is a RIFF file, as sounds are.
    let is_boxed = head.get(4..8) == Some(b"ftyp") && head.get(8..12).is_some_and(|brand| BRANDS.contains(&brand));
    let is_webp = head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP");
    is_boxed || is_webp || PICTURE_STARTS.iter().any(|start| head.starts_with(start))
}

fn is_weights(head: &[u8]) -> bool {
    // ZIP archives of PyTorch, and pickles of protocol 2 or later. HDF5 and GGUF count as weights too: they are then rejected with a reason.
    let starts: [&[u8]; 3] = [b"PK\x03\x04", b"\x89HDF", b"GGUF"];
    let is_pickle = head.first() == Some(&0x80) && head.get(1).is_some_and(|protocol| (2..=5).contains(protocol));
    // safetensors: the length of the header, and the header, which is JSON.
    let length = head.first_chunk().map(|length| u64::from_le_bytes(*length));
    let is_safetensors = length.is_some_and(|length| (2..=MOST_DESCRIPTION).contains(&length)) && head.get(8) == Some(&b'{');
    is_safetensors || is_pickle || starts.iter().any(|start| head.starts_with(start))
}

/// Where files were dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Anywhere on the page.
    Page,
    /// On a button that chooses a picture.
    Picture,
    /// On a button that chooses a file of weights.
    Weights,
    /// On a button that chooses class names.
    Names,
    /// Near such a button, with no other network's in between.
    NearNames,
}

/// What is done with files that arrived together, as indices into the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The picture to show.
    pub picture: Option<usize>,
    /// The file of weights to open.
    pub weights: Option<usize>,
    /// The class names to use.
    pub names: Option<usize>,
    /// The messages about all other files.
    pub said: Vec<Message>,
}

/// Decides what is done with files, given by name and kind. An embedded figure (not `is_whole`) opens no weights.
pub fn plan(files: &[(String, Kind)], place: Place, is_whole: bool) -> Plan {
    let mut plan = Plan::default();
    let (mut said, mut unused) = (Vec::new(), Vec::new());
    let of = |kind: Kind| -> Vec<usize> { (0..files.len()).filter(|&index| files[index].1 == kind).collect() };
    let (pictures, weights, texts, folders, others) =
        (of(Kind::Picture), of(Kind::Weights), of(Kind::Text), of(Kind::Folder), of(Kind::Other));
    // A single file of unknown kind is taken for what the place expects; its reader reports what is wrong with it.
    let stranger = if files.len() == 1 { others.first().copied() } else { None };
    match &pictures[..] {
        [] => {}
        [one] => plan.picture = Some(*one),
        many => said.push(msg!("{} pictures came at once, and one is looked at at a time: drop one of them.", many.len())),
    }
    match &weights[..] {
        [] => {}
        _ if !is_whole => said.push(msg!(
            "Weights are opened on the whole page: choose \"Open in Stridescope\" below this figure, and drop them there."
        )),
        [one] => plan.weights = Some(*one),
        many => said.push(msg!("{} files of weights came at once, and one is opened at a time: drop one of them.", many.len())),
    }
    match (&texts[..], place) {
        ([], _) => {}
        ([one], Place::Names | Place::NearNames) => plan.names = Some(*one),
        (several, _) => {
            said.push(msg!(
                "As text only names of classes are read: drop such a file, alone, on the button \"Names of its classes…\" of your own weights."
            ));
            unused.extend(several);
        }
    }
    if !folders.is_empty() {
        said.push(msg!("Folders are not looked into: drop a picture or a file of weights out of one."));
        unused.extend(folders);
    }
    match (stranger, place) {
        (Some(one), Place::Page | Place::Picture | Place::NearNames) => plan.picture = Some(one),
        (Some(one), Place::Weights) => plan.weights = Some(one),
        (Some(one), Place::Names) => plan.names = Some(one),
        (None, _) if others.is_empty() => {}
        (None, _) => {
            said.push(msg!("Only pictures and files of weights are used here."));
            unused.extend(others);
        }
    }
    if !unused.is_empty() {
        said.push(msg!("Not used: {}.", listed(files, &unused)));
    }
    plan.said = said;
    plan
}

/// Names in quotation marks, and the number of further ones.
fn listed(files: &[(String, Kind)], which: &[usize]) -> String {
    let names: Vec<String> =
        which.iter().take(LISTED).filter_map(|&index| files.get(index)).map(|(name, _)| format!("\"{name}\"")).collect();
    match which.len() - names.len() {
        0 => names.join(", "),
        more => tr!("{} and {} more", names.join(", "), more),
    }
}

/// The target of a dropped or pasted address.
#[derive(Debug, Clone, PartialEq)]
pub enum Linked {
    /// One of the site's own pictures.
    Sample(Sample),
    /// Weights, which are fetched after the visitor's consent.
    Weights(WeightsSource),
    /// Nothing is fetched; the sentence tells the visitor what to do.
    Said(Message),
    /// A page of this site, or no address.
    Nothing,
}

impl Linked {
    /// The target of a text, if it is a single address. `site` is the address of this site, up to its last slash.
    pub fn of(text: &str, site: &str) -> Self {
        let text = text.trim();
        let is_address = ["https://", "http://"].iter().any(|scheme| text.starts_with(scheme));
        if !is_address || text.contains(char::is_whitespace) {
            return Self::Nothing;
        }
        if let Some(path) = text.strip_prefix(site) {
            return sample_at(path).map_or(Self::Nothing, Self::Sample);
        }
        let name = file_name(text).to_ascii_lowercase();
        let is_picture = PICTURE_ENDINGS.iter().any(|ending| name.ends_with(ending));
        match WeightsSource::parse(text) {
            Ok(source @ WeightsSource::Hub(_)) if !is_picture => Self::Weights(source),
            Ok(source) if ENDINGS.iter().any(|ending| name.ends_with(ending)) => Self::Weights(source),
            Err(error) if ENDINGS.iter().any(|ending| name.ends_with(ending)) => Self::Said(error.sentence()),
            _ => Self::Said(msg!(
                "This page asks {} for nothing by itself: save the picture on your device, and drop or paste its file.",
                host(text)
            )),
        }
    }
}

/// The first address in a drag's `text/uri-list` (RFC 2483) or Firefox' `text/x-moz-url`.
pub fn first_address(list: &str) -> &str {
    list.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default()
}

/// The sample of a file of this site: the image itself, its preview or its thumbnail.
fn sample_at(path: &str) -> Option<Sample> {
    // The folder's name ends with a hash.
    let (_, file) = path.split(['?', '#']).next()?.rsplit_once("samples")?.1.split_once('/')?;
    SAMPLES.into_iter().find(|sample| {
        let Sample { id, .. } = sample;
        file == sample.file || file == format!("previews/{id}.webp") || file == format!("thumbs/{id}.jpg")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_recognised_by_their_signature_else_by_their_name() {
        let safetensors = b"\x50\x01\0\0\0\0\0\0{\"conv1.w";
        let cases: [(&str, &str, &[u8], Kind); 27] = [
            ("cat.png", "image/png", b"\x89PNG\r\n\x1a\n", Kind::Picture),
            ("cat", "", b"\xFF\xD8\xFF\xE0\0\x10JFIF", Kind::Picture),
            ("cat.pth", "", b"\xFF\xD8\xFF\xE0\0\x10JFIF", Kind::Picture),
            ("IMG_1.HEIC", "", b"\0\0\0\x18ftypheic\0\0\0\0", Kind::Picture),
            ("IMG_1.HEIC", "", b"", Kind::Picture),
            ("a.webp", "", b"RIFF\x24\0\0\0WEBPVP8 ", Kind::Picture),
            ("a.wav", "audio/wav", b"RIFF\x24\0\0\0WAVEfmt ", Kind::Other),
            ("a.mp4", "video/mp4", b"\0\0\0\x18ftypmp42\0\0\0\0", Kind::Other),
            ("broken.jpg", "", b"{\"a\": 1}", Kind::Picture),
            ("drawing.svg", "image/svg+xml", b"<svg xmlns=", Kind::Picture),
            ("pasted", "image/png", b"", Kind::Picture),
            ("model.safetensors", "", safetensors, Kind::Weights),
            ("model", "", safetensors, Kind::Weights),
            ("packed.png", "image/png", b"PK\x03\x04\0\0", Kind::Picture),
            ("model_best.pth.tar", "application/x-tar", b"PK\x03\x04\0\0", Kind::Weights),
            ("resnet50", "", b"PK\x03\x04\0\0", Kind::Weights),
            ("old", "", b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", Kind::Weights),
            ("resnet.h5", "", b"\x89HDF\r\n\x1a\n", Kind::Weights),
            ("Mine.PTH", "", b"", Kind::Weights),
            ("letter.docx", "", b"PK\x03\x04\0\0", Kind::Other),
            ("labels.txt", "text/plain", b"tench\ngoldfish\n", Kind::Text),
            ("labels.csv", "application/vnd.ms-excel", b"0,tench\n", Kind::Text),
            ("id2label.json", "application/json", b"{\"0\": \"tench\"}", Kind::Text),
            ("labels", "text/plain", b"tench\n", Kind::Text),
            ("short", "", b"{", Kind::Other),
            ("empty", "", b"", Kind::Other),
            ("clip.mov", "video/quicktime", b"\0\0\0\x08wide", Kind::Other),
        ];
        for (name, mime, head, kind) in cases {
            assert_eq!(Kind::of(name, mime, head), kind, "{name}, {mime}, {head:?}");
        }
    }

    fn files(list: &[(&str, Kind)]) -> Vec<(String, Kind)> {
        list.iter().map(|(name, kind)| ((*name).to_string(), *kind)).collect()
    }

    #[test]
    fn each_file_is_used_or_reported() {
        use Kind::{Folder, Other, Picture, Text, Weights};
        let cat = ("cat.png", Picture);
        let model = ("model.pth", Weights);
        let labels = ("labels.txt", Text);
        let stranger = ("notes", Other);
        // Indices of the picture, the weights and the names.
        type Taken = (Option<usize>, Option<usize>, Option<usize>);
        // Files, place, files that are used, messages.
        type Case<'a> = (&'a [(&'a str, Kind)], Place, Taken, &'a [&'a str]);
        let cases: [Case<'_>; 19] = [
            (&[cat], Place::Page, (Some(0), None, None), &[]),
            (&[cat], Place::Weights, (Some(0), None, None), &[]),
            (&[cat], Place::Names, (Some(0), None, None), &[]),
            (&[model], Place::Page, (None, Some(0), None), &[]),
            (&[model], Place::Picture, (None, Some(0), None), &[]),
            (&[model], Place::Names, (None, Some(0), None), &[]),
            (&[labels], Place::Names, (None, None, Some(0)), &[]),
            (&[labels], Place::NearNames, (None, None, Some(0)), &[]),
            (&[labels], Place::Page, (None, None, None), &["the button \"Names of its classes…\"", "Not used: \"labels.txt\"."]),
            (&[stranger], Place::Page, (Some(0), None, None), &[]),
            (&[stranger], Place::Weights, (None, Some(0), None), &[]),
            (&[stranger], Place::Names, (None, None, Some(0)), &[]),
            (
                &[stranger, cat],
                Place::Page,
                (Some(1), None, None),
                &["Only pictures and files of weights are used here. Not used: \"notes\"."],
            ),
            (&[cat, model], Place::Page, (Some(0), Some(1), None), &[]),
            (&[cat, model, labels], Place::Names, (Some(0), Some(1), Some(2)), &[]),
            (&[cat, ("dog.png", Picture), model], Place::Page, (None, Some(2), None), &["2 pictures came at once"]),
            (&[model, ("b.pth", Weights)], Place::Page, (None, None, None), &["2 files of weights came at once"]),
            (&[("photos", Folder)], Place::Page, (None, None, None), &["Folders are not looked into", "Not used: \"photos\"."]),
            (
                &[stranger, ("a", Other), ("b", Other), ("c", Other), ("d", Other)],
                Place::Page,
                (None, None, None),
                &["\"notes\", \"a\", \"b\" and 2 more"],
            ),
        ];
        for (list, place, taken, said) in cases {
            let plan = plan(&files(list), place, true);
            assert_eq!((plan.picture, plan.weights, plan.names), taken, "{list:?} at {place:?}");
            let shown = Message::all(&plan.said);
            assert_eq!(shown.is_empty(), said.is_empty(), "{list:?} at {place:?}: {shown}");
            for words in said {
                assert!(shown.contains(words), "{list:?} at {place:?}: {shown}");
            }
        }
        let alone = plan(&files(&[cat, model]), Place::Page, false);
        assert_eq!((alone.picture, alone.weights), (Some(0), None));
        let shown = Message::all(&alone.said);
        assert!(shown.contains("Open in Stridescope"), "{shown}");
    }

    #[test]
    fn only_addresses_of_samples_and_weights_are_fetched() {
        let site = "https://example.org/s/";
        let samples = [
            ("https://example.org/s/samples-0123456789abcdef/thumbs/coffee.jpg", "coffee"),
            ("https://example.org/s/assets/samples/previews/rocket.webp?x", "rocket"),
            ("https://example.org/s/assets/samples/chelsea.png#", "chelsea"),
        ];
        for (address, id) in samples {
            assert!(matches!(Linked::of(address, site), Linked::Sample(sample) if sample.id == id), "{address}");
        }
        let nothing = [
            "",
            "some words",
            "two https://example.org/a.png addresses",
            "https://example.org/a.png\nhttps://example.org/b.png",
            "https://example.org/s/?models=tiny-a",
            "https://example.org/s/assets/samples/other.png",
            "javascript:alert(1)",
            "data:image/png;base64,AAAA",
        ];
        for text in nothing {
            assert_eq!(Linked::of(text, site), Linked::Nothing, "{text}");
        }
        let weights = [
            ("https://huggingface.co/timm/resnet50d.gluon_in1k", "hf:timm/resnet50d.gluon_in1k"),
            (
                "https://download.pytorch.org/models/resnet50-11ad3fa6.pth",
                "https://download.pytorch.org/models/resnet50-11ad3fa6.pth",
            ),
        ];
        for (address, source) in weights {
            match Linked::of(address, site) {
                Linked::Weights(found) => assert_eq!(found.to_string(), source),
                other => panic!("{address}: {other:?}"),
            }
        }
        let said = [
            ("https://photos.example/cat.jpg?w=200", "asks photos.example for nothing by itself"),
            ("http://photos.example/cat", "asks photos.example for nothing by itself"),
            ("http://models.example/a.pth", "write an address that begins with https://"),
            ("https://github.com/u/r/releases/download/v1/a.pth", "GitHub lets no page fetch"),
        ];
        for (address, words) in said {
            match Linked::of(address, site) {
                Linked::Said(message) => assert!(message.to_string().contains(words), "{address}: {message}"),
                other => panic!("{address}: {other:?}"),
            }
        }
    }

    #[test]
    fn comments_in_a_list_of_addresses_are_skipped() {
        let cases = [
            ("# a comment\r\nhttps://a.example/\r\nhttps://b.example/", "https://a.example/"),
            ("https://a.example/x\nA title", "https://a.example/x"),
            ("", ""),
        ];
        for (list, first) in cases {
            assert_eq!(first_address(list), first, "{list:?}");
        }
    }
}
