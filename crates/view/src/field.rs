//! The drawings and texts of the figure **receptive field**.

use crate::heatmap::{data_url, palette, quantise};
use crate::strides::percent;
use stridescope_arch::receptive::{self, Field};
use stridescope_arch::{Graph, Shape};
use stridescope_i18n::tr;
use stridescope_link::{Colours, WHOLE};

/// A pixel belongs to the effective field if its gradient is at least this share of the largest: two standard deviations of a Gaussian (Luo
/// et al., "Understanding the Effective Receptive Field in Deep Convolutional Neural Networks", NIPS 2016, section 3.2).
const FROM: f32 = 1.0 - 0.9545;

/// A position of a layer's map and its receptive field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Row and column.
    pub at: (usize, usize),
    /// Shape of the map.
    pub shape: Shape,
    /// The layer's field; `None` if it is the whole image.
    pub field: Option<Field>,
}

/// The gradient of a position with respect to the pixels of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The position.
    pub place: Place,
    /// Side of the image in pixels.
    pub side: usize,
    /// Magnitude of the gradient, summed over the channels of the image, row-major.
    pub magnitude: Vec<f32>,
}

/// The position of layer `node` whose field's centre is nearest to a point of the image, given in thousandths (down, across).
pub fn place(graph: &Graph, node: &str, (down, across): (usize, usize)) -> Option<Place> {
    let index = graph.find(node)?;
    let shape = graph.nodes[index].shape;
    let field = receptive::fields(graph)[index];
    let nearest = |share: usize, pixels: usize, positions: usize| {
        let pixel = (share * pixels) as f64 / WHOLE as f64 - 0.5;
        let at = field.map_or(0.0, |field| (pixel - field.centre) / field.jump as f64);
        (at.round().max(0.0) as usize).min(positions - 1)
    };
    let at = (nearest(down, graph.input.height, shape.height), nearest(across, graph.input.width, shape.width));
    Some(Place { at, shape, field })
}

impl Place {
    /// First pixel and length of the field along one axis, which may exceed the image.
    fn span(&self, at: usize) -> Option<(f64, usize)> {
        let field = self.field?;
        Some((field.centre + (at * field.jump) as f64 - (field.size - 1) as f64 / 2.0, field.size))
    }
}

impl Seen {
    /// Computes the magnitudes from the gradient, `[1, C, side, side]`.
    pub fn of(place: Place, side: usize, gradient: &[f32]) -> Self {
        let mut magnitude = vec![0.0; side * side];
        for channel in gradient.chunks(side * side) {
            magnitude.iter_mut().zip(channel).for_each(|(sum, value)| *sum += value.abs());
        }
        Self { place, side, magnitude }
    }

    fn most(&self) -> f32 {
        self.magnitude.iter().fold(0.0, |most, value| most.max(*value))
    }

    /// The effective field: the side of a square with as many pixels. Zero if all gradients are zero.
    pub fn effective(&self) -> f64 {
        let least = FROM * self.most();
        (self.magnitude.iter().filter(|value| **value > least).count() as f64).sqrt()
    }

    /// The magnitudes as light on black. Square roots keep weak ones visible.
    pub fn picture(&self) -> String {
        let roots: Vec<f32> = self.magnitude.iter().map(|value| value.sqrt()).collect();
        data_url(&palette(Colours::Magma), self.side, &quantise(&roots, (0.0, self.most().sqrt())))
    }

    /// The outline of the theoretical field, to draw over the image.
    pub fn frame(&self) -> String {
        let side = self.side;
        let rect = |((top, height), (left, width)): ((f64, usize), (f64, usize))| {
            format!(r#"<rect x="{left}" y="{top}" width="{width}" height="{height}"/>"#)
        };
        let (y, x) = self.place.at;
        let body = self.place.span(y).zip(self.place.span(x)).map(rect).unwrap_or_default();
        format!(r#"<svg viewBox="0 0 {side} {side}" preserveAspectRatio="none" aria-hidden="true">{body}</svg>"#)
    }

    /// The sizes of both fields, as text.
    pub fn words(&self) -> String {
        let (y, x) = self.place.at;
        let place = tr!("Row {}, column {} of {} × {}.", y, x, self.place.shape.height, self.place.shape.width);
        let moving = self.magnitude.iter().filter(|value| **value > 0.0).count();
        let share = percent(100.0 * moving as f64 / self.magnitude.len() as f64);
        let effective = format!("{:.0}", self.effective());
        let reads = match self.place.field {
            Some(Field { size, .. }) if moving == 0 => {
                tr!("It can read {0} × {0} pixels, and no pixel moves it: it is zero here, behind a ReLU.", size)
            }
            None if moving == 0 => tr!("It reads the whole picture, and no pixel moves it: it is zero here, behind a ReLU."),
            Some(Field { size, .. }) => tr!(
                "It can read {0} × {0} pixels; those that move it noticeably would fill {1} × {1}. {2} of the picture moves it at all.",
                size,
                effective,
                share
            ),
            None => tr!(
                "It reads the whole picture; those that move it noticeably would fill {0} × {0}. {1} of the picture moves it at all.",
                effective,
                share
            ),
        };
        format!("{place} {reads}")
    }
}
