//! Logits and F(x) of images outside the data set.

use faus_data::normalise::Normalisation;
use faus_model::Network;
use rayon::ThreadPool;

use crate::error::Result;
use crate::images::{Progress, as_images, network_input, values};
use crate::lens::maxima::{check_numbers, for_each};

/// A layer of a network, for faces that belong to no data set.
pub struct FaceLens<'a> {
    /// The network.
    pub network: Network,
    /// The layer's number, see [`Network::stage_index`].
    pub stage: usize,
    /// How the network's input is normalised; `None` for a network that does it itself.
    pub normalisation: Option<Normalisation>,
    /// Threads, each with libtorch set to one thread; results do not depend on their number.
    pub pool: &'a ThreadPool,
    /// Shows progress, and stops the work.
    pub progress: Progress<'a>,
}

/// What a network makes of one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// `[classes]`.
    pub logits: Vec<f32>,
    /// F(x) of every filter of the layer, `[filters]`.
    pub activations: Vec<f32>,
}

impl Response {
    /// Softmax of the logits, `[classes]`.
    pub fn probabilities(&self) -> Vec<f64> {
        let most = self
            .logits
            .iter()
            .copied()
            .fold(f32::NEG_INFINITY, f32::max);
        let powers = self
            .logits
            .iter()
            .map(|logit| f64::from(logit - most).exp());
        let powers: Vec<f64> = powers.collect();
        let sum: f64 = powers.iter().sum();
        powers.into_iter().map(|power| power / sum).collect()
    }
}

impl FaceLens<'_> {
    /// The responses to grey images `[side, side]`. Each is computed alone, so that it does not depend on the others to the
    /// last bit.
    ///
    /// # Errors
    /// When an image does not fit the network, or a response is not finite.
    pub fn responses(&self, images: &[Vec<u8>]) -> Result<Vec<Response>> {
        let (network, plan) = (self.network.replica()?, self.network.plan()?);
        let (stage, normalisation) = (self.stage, self.normalisation);
        self.pool.install(move || {
            for_each(&network, network.device(), images, |network, row, image| {
                let side = network.spec().side;
                let image = network_input(image, side, normalisation);
                let image = as_images(&image, side, network)?;
                let response = Response {
                    logits: values(&network.planned_logits(&image, &plan)?)?,
                    activations: network.maxima(&image, stage, &plan)?.values,
                };
                check_numbers("the output", &[row], &response.logits)?;
                Ok(response)
            })
        })
    }
}
