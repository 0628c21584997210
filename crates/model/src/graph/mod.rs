//! A network of someone else: the graph of an ONNX file, executed on libtorch.

#[cfg(test)]
mod damaged;
mod field;
mod file;
pub(crate) mod info;
pub(crate) mod input;
pub(crate) mod load;
mod messages;
mod op;
mod outline;
mod pixels;
mod pointwise;
mod probe;
mod shape;
pub(crate) mod trace;
mod window;
mod write;

use std::ops::Range;
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use tch::{Kind, TchError, Tensor};

use crate::error::Error;
use crate::graph::input::GraphInput;
use crate::graph::op::{Inputs, Op};
use crate::network::architecture::normal;
use crate::network::receptive::Receptive;

/// The graph of an ONNX file with its weights. Its images are grey, `[N, 1, side, side]` in [0, 2]; the scaling that the network was
/// trained with is its first step.
#[derive(Debug)]
pub struct Graph {
    plan: Arc<Plan>,
    /// Weights and other constants by value number.
    constants: Vec<Option<Tensor>>,
    /// `[1, channels, 1, 1]`: the first step is `images · factor − offset`.
    factor: Tensor,
    offset: Tensor,
}

/// The value of our own exports that is their image after local contrast normalisation.
const NORMALISED: &str = "normalised";

/// A layer that can be analysed: a convolution, a response such as a ReLU's, a fully connected layer.
#[derive(Debug, Clone, PartialEq)]
pub struct GraphLayer {
    /// The node's name, or else that of its output.
    pub name: String,
    /// ONNX's name of the operator.
    pub operator: String,
    /// Feature maps, or units.
    pub filters: usize,
    /// Side of the feature map; `None` for units.
    pub side: Option<usize>,
    /// The part of the image that a unit sees; `None` without a place on the image. Gates computed from the whole image, as in
    /// squeeze-and-excitation, are left out.
    pub receptive: Option<Receptive>,
    node: usize,
}

/// The graph without its tensors, shared by all threads.
#[derive(Debug)]
struct Plan {
    nodes: Vec<Node>,
    layers: Vec<GraphLayer>,
    /// Number of the image's value.
    image: usize,
    channels_last: bool,
    /// Number of the logits' value.
    output: usize,
    classes: usize,
    /// Whether a value depends on the image and has a gradient.
    active: Vec<bool>,
    /// The last node that uses a value.
    last_use: Vec<usize>,
    parameters: usize,
    input: GraphInput,
    /// The local contrast normalisation that its images need before it: that of our own exports is left out of the graph, so that
    /// their layers, fields and maps are those of the run.
    normalisation: Option<String>,
}

#[derive(Debug)]
struct Node {
    name: String,
    operator: String,
    op: Op,
    inputs: Vec<Option<usize>>,
    output: usize,
}

/// Values by number; `None` for those not computed, or no longer needed.
type Values = Vec<Option<Tensor>>;

impl Graph {
    /// The layers that can be analysed, in forward order; the last has the logits.
    pub fn layers(&self) -> &[GraphLayer] {
        &self.plan.layers
    }

    /// Number of weights.
    pub fn parameters(&self) -> usize {
        self.plan.parameters
    }

    /// The local contrast normalisation that its images need, as a configuration names it; `None` for a network that takes
    /// grey images as they are.
    pub fn normalisation(&self) -> Option<&str> {
        self.plan.normalisation.as_deref()
    }

    /// The images that the network was trained on, and the names of its outputs if they are known.
    pub fn input(&self) -> &GraphInput {
        &self.plan.input
    }

    pub(crate) fn classes(&self) -> usize {
        self.plan.classes
    }

    pub(crate) fn layer(&self, layer: usize) -> Result<&GraphLayer, Error> {
        let layers = self.plan.layers.get(layer);
        layers.ok_or_else(|| Error::no_feature_map(layer))
    }

    pub(crate) fn map(&self, f: &impl Fn(&Tensor) -> Result<Tensor, Error>) -> Result<Self, Error> {
        let constants = self
            .constants
            .iter()
            .map(|it| it.as_ref().map(f).transpose());
        Ok(Self {
            plan: Arc::clone(&self.plan),
            constants: constants.collect::<Result<_, _>>()?,
            factor: f(&self.factor)?,
            offset: f(&self.offset)?,
        })
    }

    /// The same graph with other weights of convolutions and fully connected layers, drawn from N(0, σ²), where σ is the root mean
    /// square of those in their place (our choice: an ONNX file does not record how they were initialised). Biases and
    /// normalisations stay.
    pub(crate) fn redrawn(&self, rng: &mut ChaCha8Rng) -> Result<Self, Error> {
        let mut other = self.map(&|it| Ok(it.shallow_clone()))?;
        for node in self.plan.nodes.iter().filter(|node| node.op.has_weight()) {
            let weight = node.inputs.get(1).copied().flatten();
            let Some(Some(weight)) = weight.and_then(|at| other.constants.get_mut(at)) else {
                continue;
            };
            let square = weight.f_square()?.f_mean(Kind::Double)?;
            let drawn = normal(&weight.size(), f64::try_from(square)?.sqrt(), rng)?;
            *weight = drawn.f_to_device(weight.device())?;
        }
        Ok(other)
    }

    /// Logits `[N, classes]` of images.
    pub(crate) fn logits(&self, images: &Tensor) -> Result<Tensor, Error> {
        let mut values = self.begin(images)?;
        self.run(&mut values, 0..self.plan.nodes.len(), true)?;
        self.output(&values)
    }

    /// The outputs of a layer, with all that later nodes need.
    pub(crate) fn until(&self, images: &Tensor, layer: usize) -> Result<Values, Error> {
        let node = self.layer(layer)?.node;
        let mut values = self.begin(images)?;
        self.run(&mut values, 0..node + 1, true)?;
        Ok(values)
    }

    /// The outputs of a layer among the values of [`until`](Self::until).
    pub(crate) fn outputs_of(&self, values: &Values, layer: usize) -> Result<Tensor, Error> {
        let node = self.plan.nodes.get(self.layer(layer)?.node);
        let output = node.and_then(|node| values.get(node.output)?.as_ref());
        let output = output.ok_or_else(|| Error::no_feature_map(layer))?;
        Ok(output.shallow_clone())
    }

    /// The logits that follow from `outputs` of a layer in place of those in `values`.
    pub(crate) fn logits_after(
        &self,
        values: &Values,
        layer: usize,
        outputs: Tensor,
    ) -> Result<Tensor, Error> {
        let node = self.layer(layer)?.node;
        let mut values: Values = values
            .iter()
            .map(|it| it.as_ref().map(Tensor::shallow_clone))
            .collect();
        if let Some(node) = self.plan.nodes.get(node) {
            set(&mut values, node.output, outputs);
        }
        self.run(&mut values, node + 1..self.plan.nodes.len(), true)?;
        self.output(&values)
    }

    /// The values before the first node.
    fn begin(&self, images: &Tensor) -> Result<Values, Error> {
        let mut values = Vec::new();
        values.resize_with(self.constants.len(), || None);
        let scaled = images.f_mul(&self.factor)?.f_sub(&self.offset)?;
        let image = match self.plan.channels_last {
            true => scaled.f_permute([0, 2, 3, 1])?,
            false => scaled,
        };
        set(&mut values, self.plan.image, image);
        Ok(values)
    }

    /// Applies `nodes`; with `forget`, values are freed after their last use.
    fn run(&self, values: &mut Values, nodes: Range<usize>, forget: bool) -> Result<(), Error> {
        let first = nodes.start;
        for (at, node) in self
            .plan
            .nodes
            .get(nodes)
            .unwrap_or_default()
            .iter()
            .enumerate()
        {
            let output = node.op.apply(&self.inputs(node, values))?;
            set(values, node.output, output);
            if forget {
                self.forget(values, first + at);
            }
        }
        Ok(())
    }

    /// Frees the values that node `at` uses last.
    fn forget(&self, values: &mut Values, at: usize) {
        let inputs = self
            .plan
            .nodes
            .get(at)
            .into_iter()
            .flat_map(|node| node.inputs.iter().flatten());
        for &input in inputs.filter(|&&input| self.plan.last_use.get(input) == Some(&at)) {
            if let Some(value) = values.get_mut(input) {
                *value = None;
            }
        }
    }

    fn inputs<'a>(&'a self, node: &Node, values: &'a Values) -> Inputs<'a> {
        let value = |at: usize| {
            values
                .get(at)?
                .as_ref()
                .or(self.constants.get(at)?.as_ref())
        };
        Inputs(node.inputs.iter().map(|input| value((*input)?)).collect())
    }

    fn output(&self, values: &Values) -> Result<Tensor, Error> {
        let output = values.get(self.plan.output).and_then(Option::as_ref);
        let output = output.ok_or_else(|| TchError::Shape("the graph has no output".to_owned()))?;
        Ok(output.f_flatten(1, -1)?)
    }
}

fn set(values: &mut Values, at: usize, value: Tensor) {
    if let Some(slot) = values.get_mut(at) {
        *slot = Some(value);
    }
}
