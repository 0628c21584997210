//! Logits and F(x) of images outside the data set.

use crate::error::Result;
use crate::images::values;
use crate::lens::LayerLens;
use crate::lens::maxima::{check_numbers, for_each};

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

impl LayerLens<'_> {
    /// The responses to grey images `[side, side]`. Each is computed alone, so that it does not depend on the others to the
    /// last bit.
    ///
    /// # Errors
    /// When an image does not fit the network, or a response is not finite.
    pub fn responses(&self, images: &[Vec<u8>]) -> Result<Vec<Response>> {
        let rows: Vec<usize> = (0..images.len()).collect();
        let plan = self.network.plan()?;
        self.with_images(Some(images), &rows, &[], |network, stage, images| {
            for_each(network, network.device(), &rows, |network, _, &row| {
                let image = images.tensor(&[row], network)?;
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
