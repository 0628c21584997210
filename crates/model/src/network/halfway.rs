//! A network stopped behind a layer, to go on with some of its filters silenced.

use tch::Tensor;

use crate::error::Error;
use crate::network::{Network, forward};

/// The outputs of a layer, after ReLU and pooling, with all that the layers behind it need.
#[derive(Debug)]
pub struct Halfway {
    layer: usize,
    /// Of stages their outputs alone; of a graph the values by number.
    values: Vec<Option<Tensor>>,
}

impl Halfway {
    /// The images of all of `parts` together, where the network's values can be joined: those of a graph stay apart.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn joined(parts: Vec<Self>) -> Result<Vec<Self>, Error> {
        let outputs: Option<Vec<&Tensor>> = parts.iter().map(Self::alone).collect();
        match (outputs, parts.first()) {
            (Some(outputs), Some(first)) => Ok(vec![Self {
                layer: first.layer,
                values: vec![Some(Tensor::f_cat(&outputs, 0)?)],
            }]),
            _ => Ok(parts),
        }
    }

    fn alone(&self) -> Option<&Tensor> {
        match &self.values[..] {
            [outputs] => outputs.as_ref(),
            _ => None,
        }
    }

    /// The same values, for another thread.
    pub fn replica(&self) -> Self {
        let values = self.values.iter();
        Self {
            layer: self.layer,
            values: values
                .map(|it| it.as_ref().map(Tensor::shallow_clone))
                .collect(),
        }
    }
}

impl Network {
    /// Runs images up to layer `layer`.
    ///
    /// # Errors
    /// When the layer does not exist or the images do not fit.
    pub fn until(&self, images: &Tensor, layer: usize) -> Result<Halfway, Error> {
        let values = tch::no_grad(|| match self.graph() {
            Some(graph) => graph.until(images, layer),
            None => {
                let stages = self.stages().get(..=layer);
                let stages = stages.ok_or_else(|| Error::no_feature_map(layer))?;
                Ok(vec![Some(forward(stages, images)?)])
            }
        })?;
        Ok(Halfway { layer, values })
    }

    /// Logits from there on, with the filters numbered in `silenced` (i64, on the network's device) at 0.
    ///
    /// # Errors
    /// When a filter does not exist.
    pub fn logits_without(&self, halfway: &Halfway, silenced: &Tensor) -> Result<Tensor, Error> {
        let without = |outputs: &Tensor| outputs.f_index_fill(1, silenced, 0.0);
        let layer = halfway.layer;
        tch::no_grad(|| match (self.graph(), halfway.alone()) {
            (Some(graph), _) => {
                let outputs = graph.outputs_of(&halfway.values, layer)?;
                graph.logits_after(&halfway.values, layer, without(&outputs)?)
            }
            (None, Some(outputs)) => forward(&self.stages()[layer + 1..], &without(outputs)?),
            (None, None) => Err(Error::no_feature_map(layer)),
        })
    }
}
