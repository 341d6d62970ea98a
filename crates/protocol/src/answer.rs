//! The answer to a run: one typed value in the worker and in the page. Its arrays cross between the threads beside the JSON.

use crate::{BackendReport, PictureId, Want};
use serde::{Deserialize, Serialize};
use stridescope_weights::Card;

/// What a run computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The request's.
    pub id: u32,
    /// The network.
    pub net: String,
    /// The input image; none where the input was synthetic.
    pub picture: Option<PictureId>,
    /// Where it ran.
    pub backend: BackendReport,
    /// Milliseconds of the forward pass, reading the result included.
    pub ms: f64,
    /// The weights' recipe, preparation and classes.
    pub card: Option<Card>,
    /// Whether the weights were never trained, so that no classes are named.
    pub untrained: bool,
    /// Whether the network is too unsure to answer: the image may show none of its classes.
    pub none_of_its_classes: bool,
    /// The most likely classes, most likely first; empty with weights that were never trained.
    pub top: Vec<Prediction>,
    /// One value a class; of a batch one row after another.
    #[serde(skip)]
    pub logits: Vec<f32>,
    /// What the run's edits made of the prediction; none where nothing was edited.
    pub changed: Option<Changed>,
    /// The requested outputs of layers, in the run's order.
    pub taps: Vec<Tapped>,
    /// Class activation maps of the most likely classes.
    pub cams: Vec<Cam>,
    /// Gradients of the run's units with respect to the input.
    pub gradients: Vec<Tapped>,
    /// The pixels of the network's input, where they were requested.
    pub seen: Option<Seen>,
    /// The time of each layer, where it was measured.
    pub times: Option<Times>,
}

/// What edits made of a prediction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    /// The most likely classes with the edits.
    pub top: Vec<Prediction>,
    /// The logits with the edits.
    #[serde(skip)]
    pub logits: Vec<f32>,
}

/// Values of a layer, or their gradient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tapped {
    /// The layer.
    pub node: String,
    /// Which values of it.
    pub want: Want,
    /// `[N, C, H, W]`
    pub shape: [usize; 4],
    /// Row by row.
    #[serde(skip)]
    pub values: Vec<f32>,
}

/// A class activation map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cam {
    /// The class's index.
    pub class: usize,
    /// `[N, 1, H, W]`
    pub shape: [usize; 4],
    /// Row by row.
    #[serde(skip)]
    pub values: Vec<f32>,
}

/// The pixels that a network read, after resizing and cropping.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Rows and columns.
    pub side: usize,
    /// Red, green and blue of each pixel, from 0 to 255.
    #[serde(skip)]
    pub values: Vec<f32>,
}

impl Answer {
    /// All arrays, in the order in which they cross between the threads: the logits, those with edits, taps, class activation maps, gradients, and the
    /// pixels.
    pub fn buffers(&mut self) -> Vec<&mut Vec<f32>> {
        let mut buffers = vec![&mut self.logits];
        buffers.extend(self.changed.as_mut().map(|changed| &mut changed.logits));
        buffers.extend(self.taps.iter_mut().map(|tap| &mut tap.values));
        buffers.extend(self.cams.iter_mut().map(|cam| &mut cam.values));
        buffers.extend(self.gradients.iter_mut().map(|gradient| &mut gradient.values));
        buffers.extend(self.seen.as_mut().map(|seen| &mut seen.values));
        buffers
    }

    /// The mean over the channels of a layer's output, row by row.
    pub fn mean(&self, node: &str) -> Option<&[f32]> {
        self.taps.iter().find(|tap| tap.want == Want::Mean && tap.node == node).map(|tap| &tap.values[..])
    }
}

/// The time of each layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// Smallest step of the clock, in milliseconds.
    pub clock_ms: f64,
    /// In the network's order.
    pub timings: Vec<Timing>,
}

/// The time of one layer, together with the layers that are fused with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// The layer; of fused layers, the convolution.
    pub node: String,
    /// Milliseconds.
    pub ms: f64,
    /// MACs of convolutions and fc.
    pub macs: u64,
    /// Bytes of input, weights and output, as float32.
    pub bytes: u64,
}

impl Timing {
    /// Shortest measurement in milliseconds: a layer is computed repeatedly for at least that long.
    pub const LEAST_MS: f64 = 10.0;
}

/// One class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Its index in the network's output.
    pub index: usize,
    /// Its WordNet id, `n02124075`.
    pub wnid: String,
    /// Its English name.
    pub label: String,
    /// Its probability.
    pub p: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, Packed};

    fn answer() -> Answer {
        let tap = |node: &str, want, first: f32| Tapped {
            node: node.into(),
            want,
            shape: [1, 1, 1, 2],
            values: vec![first, first + 1.0],
        };
        Answer {
            id: 7,
            net: "tiny-a".into(),
            picture: Some(PictureId(3)),
            backend: BackendReport {
                name: "cpu".into(),
                adapter: String::new(),
                why: stridescope_i18n::Message::Verbatim("chosen".into()),
            },
            ms: 1.5,
            card: None,
            untrained: false,
            none_of_its_classes: false,
            top: Vec::new(),
            logits: vec![0.0, 1.0],
            changed: Some(Changed { top: Vec::new(), logits: vec![2.0, 3.0] }),
            taps: vec![tap("layer1", Want::Values, 4.0), tap("layer1", Want::Mean, 6.0), tap("layer2", Want::Mean, 8.0)],
            cams: vec![Cam { class: 5, shape: [1, 1, 1, 2], values: vec![10.0, 11.0] }],
            gradients: vec![tap("layer3", Want::Values, 12.0)],
            seen: Some(Seen { side: 1, values: vec![14.0, 15.0] }),
            times: None,
        }
    }

    #[test]
    fn arrays_cross_beside_the_json_and_are_put_back() {
        let mut sent = answer();
        let arrays: Vec<Vec<f32>> = sent.buffers().into_iter().map(std::mem::take).collect();
        assert_eq!(arrays.concat(), (0..16).map(|value| value as f32).collect::<Vec<_>>());
        let json = serde_json::to_string(&Event::Ran(Box::new(sent))).expect("JSON");
        assert!(!json.contains("15"), "{json}");
        let Event::Ran(mut received) = serde_json::from_str(&json).expect("an event") else { panic!("{json}") };
        let places = received.buffers();
        assert_eq!(places.len(), arrays.len());
        places.into_iter().zip(arrays).for_each(|(place, array)| *place = array);
        assert_eq!(*received, answer());
    }

    #[test]
    fn the_mean_of_a_layer_is_not_its_values() {
        let answer = answer();
        assert_eq!(answer.mean("layer1"), Some(&[6.0, 7.0][..]));
        assert_eq!(answer.mean("layer3"), None);
    }

    #[test]
    fn a_packed_value_is_a_text_in_the_message() {
        let packed = Packed::pack(&answer()).expect("JSON");
        let json = serde_json::to_string(&packed).expect("JSON");
        assert!(json.starts_with("\"{"), "{json}");
        let read: Packed<Answer> = serde_json::from_str(&json).expect("a packed value");
        assert_eq!(read.unpack().expect("an answer").net, "tiny-a");
        assert!(serde_json::from_str::<Packed<Answer>>("\"{}\"").expect("a text").unpack().is_err());
    }
}
