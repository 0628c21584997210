//! Evidence: the pixels of one image that speak for a class.

use faus_model::{GradientMethod, Network, Plan, Region};

use crate::error::Error;
use crate::explain::back_projection::BackProjection;
use crate::explain::method::{Explain, UnitRef};
use crate::explain::occlusion::{Windows, occlude};
use crate::images::{ImageSet, as_images, values};
use crate::lens::maxima::for_each;
use crate::lens::strongest::check_filters;

/// The evidence for one class in one image, pixel by pixel.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Row of the data set.
    pub index: usize,
    /// The class.
    pub class: usize,
    /// `[classes]`.
    pub logits: Vec<f32>,
    /// Gradient of the class's logit times the normalised pixel, `[side, side]`: each pixel's contribution to first order.
    pub gradient_x_input: Vec<f32>,
    /// Guided back-propagation of the logit, `[side, side]`.
    pub guided: Vec<f32>,
    /// The logit's loss when a square around the pixel is covered, `[side, side]`.
    pub occlusion: Vec<f32>,
}

/// Names of an [`Evidence`]'s maps, in the order in which they are stored and drawn.
pub const EVIDENCE_METHODS: [&str; 3] = ["gradient_x_input", "guided", "occlusion"];

impl Evidence {
    /// The class with the largest logit.
    pub fn predicted(&self) -> usize {
        largest_of(&self.logits)
    }

    /// Softmax of the logits at the class.
    pub fn probability(&self) -> f64 {
        let most = self
            .logits
            .iter()
            .copied()
            .fold(f32::NEG_INFINITY, f32::max);
        let power = |l: &f32| f64::from(l - most).exp();
        let sum: f64 = self.logits.iter().map(power).sum();
        self.logits.get(self.class).map_or(0.0, power) / sum
    }

    /// The maps in the order of [`EVIDENCE_METHODS`].
    pub fn maps(&self) -> [&[f32]; 3] {
        [&self.gradient_x_input, &self.guided, &self.occlusion]
    }
}

/// The evidence for `class`, or else for the predicted class, in each of the set's rows. Runs on rayon's current pool.
///
/// # Errors
/// When there is no such class or the images do not fit the network.
pub fn evidence(
    network: &Network,
    class: Option<usize>,
    images: &ImageSet,
) -> Result<Vec<Evidence>, Error> {
    check_filters(network, output(network), class.as_slice())?;
    let plan = network.plan(GradientMethod::fastest(network.device()))?;
    let rows = images.rows.iter();
    for_each(network, network.device(), rows, |network, n, &row| {
        images.report("Mapping evidence", n, images.rows.len())?;
        of_image(network, &plan, class, images, row)
    })
}

fn output(network: &Network) -> usize {
    network.stages().len().saturating_sub(1)
}

fn of_image(
    network: &Network,
    plan: &Plan,
    class: Option<usize>,
    images: &ImageSet,
    index: usize,
) -> Result<Evidence, Error> {
    let side = images.images.side();
    let image = images.images.input(index);
    let tensor = |image: &[f32]| as_images(image, side, network);
    let logits = |images: &[f32]| values(&network.planned_logits(&tensor(images)?, plan)?);
    let own = logits(&image)?;
    let class = match class {
        Some(class) => class,
        None => predicted(&own, index, network)?,
    };
    let whole = Region::whole(side);
    let occlusion = occlude(&image, side, whole, Windows::of_face(side), |covered| {
        let all = logits(covered)?;
        Ok(all.chunks_exact(own.len()).map(|l| l[class]).collect())
    })?;
    let map = |method: BackProjection| {
        let unit = UnitRef {
            filter: class,
            row: 0,
            column: 0,
        };
        values(&method.explain(network, output(network), &tensor(&image)?, &[unit])?)
    };
    let gradient = map(BackProjection::Gradient)?;
    Ok(Evidence {
        index,
        class,
        gradient_x_input: gradient.iter().zip(&image).map(|(g, x)| g * x).collect(),
        guided: map(BackProjection::Guided)?,
        occlusion,
        logits: own,
    })
}

fn predicted(logits: &[f32], image: usize, network: &Network) -> Result<usize, Error> {
    match logits.iter().all(|l| l.is_finite()) {
        true => Ok(largest_of(logits)),
        false => Err(Error::NotANumber {
            layer: network.stages()[output(network)].name.clone(),
            image,
        }),
    }
}

/// The first of equals.
fn largest_of(logits: &[f32]) -> usize {
    let best = (0..logits.len()).rev();
    best.max_by(|&a, &b| logits[a].total_cmp(&logits[b]))
        .unwrap_or_default()
}
