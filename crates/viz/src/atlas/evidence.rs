//! Evidence: the pixels of one image that support a class.

use faus_model::{Network, Plan, Region};

use crate::error::Result;
use crate::explain::back_projection::BackProjection;
use crate::explain::method::{Explain, UnitRef};
use crate::explain::occlusion::{Windows, occlude};
use crate::images::{ImageSet, as_images, values};
use crate::lens::maxima::{check_numbers, for_each};
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
    /// Three maps `[side, side]`, named by [`EVIDENCE_METHODS`]: the gradient of the class's logit times the normalised pixel,
    /// which is the pixel's contribution to first order; guided back-propagation of the logit; and the logit's loss when a
    /// square around the pixel is covered.
    pub maps: [Vec<f32>; 3],
}

/// Names of an [`Evidence`]'s maps, in their order in files and pictures.
pub const EVIDENCE_METHODS: [&str; 3] = ["gradient_x_input", "guided", "occlusion"];

impl Evidence {
    /// The class with the largest logit.
    pub fn predicted(&self) -> usize {
        largest_of(&self.logits)
    }

    /// Softmax of the logits at the class.
    pub fn probability(&self) -> f64 {
        let most = self.logits[self.predicted()];
        let power = |l: &f32| f64::from(l - most).exp();
        let sum: f64 = self.logits.iter().map(power).sum();
        self.logits.get(self.class).map_or(0.0, power) / sum
    }
}

/// The evidence for `class`, or else for the predicted class, in each of the set's rows. Runs on rayon's current pool.
///
/// # Errors
/// When the class does not exist or the images do not fit the network.
pub fn evidence(network: &Network, class: Option<usize>, set: &ImageSet) -> Result<Vec<Evidence>> {
    check_filters(network, output(network), class.as_slice())?;
    let (device, plan) = (network.device(), network.plan()?);
    for_each(network, device, set.rows, |network, n, &row| {
        set.report("Mapping evidence", n, set.rows.len())?;
        of_image(network, &plan, class, set, row)
    })
}

fn output(network: &Network) -> usize {
    network.layers().len().saturating_sub(1)
}

fn of_image(
    network: &Network,
    plan: &Plan,
    class: Option<usize>,
    images: &ImageSet,
    index: usize,
) -> Result<Evidence> {
    let side = images.source.side();
    let image = images.source.input(index);
    let tensor = |image: &[f32]| as_images(image, side, network);
    let logits = |images: &[f32]| values(&network.planned_logits(&tensor(images)?, plan)?);
    let own = logits(&image)?;
    check_numbers(network.layer(output(network)), &[index], &own)?;
    let class = class.unwrap_or_else(|| largest_of(&own));
    let whole = Region::whole(side);
    let occlusion = occlude(&image, side, whole, Windows::of_face(side), |covered| {
        let all = logits(covered)?;
        Ok(all.chunks_exact(own.len()).map(|l| l[class]).collect())
    })?;
    let unit = UnitRef::at(class, 0, 1);
    let map = |method: BackProjection| {
        values(&method.explain(network, output(network), &tensor(&image)?, &[unit])?)
    };
    let (gradient, guided) = (map(BackProjection::Gradient)?, map(BackProjection::Guided)?);
    let gradient_x_input = gradient.iter().zip(&image).map(|(g, x)| g * x).collect();
    Ok(Evidence {
        index,
        class,
        logits: own,
        maps: [gradient_x_input, guided, occlusion],
    })
}

/// The first on ties.
fn largest_of(logits: &[f32]) -> usize {
    let best = (0..logits.len()).rev();
    best.max_by(|&a, &b| logits[a].total_cmp(&logits[b]))
        .unwrap_or_default()
}
