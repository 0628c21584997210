//! A network: named stages of layers, with their weights on a device.

pub(crate) mod architecture;
pub(crate) mod halfway;
pub(crate) mod layer;
pub(crate) mod receptive;

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind, Tensor};

use crate::error::Error;
use crate::graph::Graph;
use crate::graph::input::GraphInput;
use crate::graph::load::OnnxFile;

use self::architecture::{Architecture, InputSpec};
use self::layer::{Layer, Stage};
use self::receptive::{Receptive, receptive_field};

/// A network with weights, on a device: stages of layers, or the graph of an ONNX file.
#[derive(Debug)]
pub struct Network {
    architecture: String,
    spec: InputSpec,
    device: Device,
    /// None where there is a graph.
    stages: Vec<Stage>,
    graph: Option<Graph>,
    drawn: BTreeMap<String, f64>,
}

impl Network {
    /// Builds `architecture` with weights drawn from `seed` (on the CPU, so the same on every device).
    ///
    /// # Errors
    /// When the architecture does not support the input, or the device is out of memory.
    pub fn build(
        architecture: &dyn Architecture,
        spec: InputSpec,
        seed: u64,
        device: Device,
    ) -> Result<Self, Error> {
        let blueprint = architecture.build(&spec, &mut ChaCha8Rng::seed_from_u64(seed))?;
        let on_cpu = Self {
            architecture: architecture.name().to_owned(),
            spec,
            device: Device::Cpu,
            stages: blueprint.stages,
            graph: None,
            drawn: blueprint.drawn,
        };
        on_cpu.to_device(device)
    }

    /// The network of an ONNX file, for images of this kind. Its own images are grey pixels in [0, 2]: the scaling is part of it.
    ///
    /// # Errors
    /// When an operator is not supported, the file is inconsistent or does not fit `input`, or the device is out of memory.
    pub fn from_onnx(file: &OnnxFile, input: &GraphInput, device: Device) -> Result<Self, Error> {
        let graph = file.graph_for(input)?;
        let on_cpu = Self {
            architecture: "onnx".to_owned(),
            spec: InputSpec {
                side: input.size,
                classes: graph.classes(),
                dropout: 0.0,
            },
            device: Device::Cpu,
            stages: vec![],
            graph: Some(graph),
            drawn: BTreeMap::new(),
        };
        on_cpu.to_device(device)
    }

    /// The graph of a network from an ONNX file.
    pub fn graph(&self) -> Option<&Graph> {
        self.graph.as_ref()
    }

    /// The architecture's name.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// Input and output of the network.
    pub fn spec(&self) -> InputSpec {
        self.spec
    }

    /// The device of the weights; inputs must be there too.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Names of the layers in forward order; the last has the logits.
    pub fn layers(&self) -> Vec<&str> {
        match &self.graph {
            Some(graph) => graph.layers().iter().map(|it| it.name.as_str()).collect(),
            None => self
                .stages
                .iter()
                .map(|stage| stage.name.as_str())
                .collect(),
        }
    }

    /// The name of layer `layer`; empty if there is none.
    pub fn layer(&self, layer: usize) -> &str {
        self.layers().get(layer).copied().unwrap_or_default()
    }

    /// The receptive field of the units in the feature map of layer `layer`; `None` for units without a place on the image.
    pub fn receptive(&self, layer: usize) -> Option<Receptive> {
        match &self.graph {
            Some(graph) => graph.layers().get(layer)?.receptive,
            None => receptive_field(&self.stages, layer),
        }
    }

    /// The stages in forward order; none where there is a graph.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// Random choices of the initialisation, such as the paper's k.
    pub fn drawn(&self) -> &BTreeMap<String, f64> {
        &self.drawn
    }

    /// Position of the layer called `name`.
    ///
    /// # Errors
    /// When there is none; the error lists the names.
    pub fn stage_index(&self, name: &str) -> Result<usize, Error> {
        let names = self.layers();
        let index = names.iter().position(|layer| *layer == name);
        index.ok_or_else(|| no_stage(name, names.into_iter()))
    }

    /// The last stage with a convolution: `conv3` for the paper's network.
    pub fn last_convolution(&self) -> Option<usize> {
        let mut stages = self.stages.iter();
        stages.rposition(|s| s.layers.iter().any(|l| matches!(l, Layer::Conv { .. })))
    }

    /// Feature maps of a convolutional stage, or units of a fully connected one.
    ///
    /// # Errors
    /// When stage `stage` does not exist or has no weights.
    pub fn filters(&self, stage: usize) -> Result<usize, Error> {
        if let Some(graph) = &self.graph {
            return Ok(graph.layer(stage)?.filters);
        }
        Ok(self.weight(stage)?.size()[0] as usize)
    }

    /// The weight of stage `stage`.
    pub(crate) fn weight(&self, stage: usize) -> Result<&Tensor, Error> {
        let stages = self.stages.iter().skip(stage).take(1);
        let mut parameters = stages.flat_map(Stage::parameters);
        let first = parameters.next().map(|(_, weight)| weight);
        first.ok_or_else(|| Error::no_feature_map(stage))
    }

    /// All weights by name (`conv1.weight`, `fc4.bias`), in forward order.
    pub fn parameters(&self) -> Vec<(String, &Tensor)> {
        self.stages.iter().flat_map(Stage::parameters).collect()
    }

    /// Copies `values` (`[shape as the parameter's]`, any device) into the parameter called `name`.
    ///
    /// # Errors
    /// When the parameter does not exist or the shapes differ.
    pub fn set_parameter(&self, name: &str, values: &Tensor) -> Result<(), Error> {
        let parameters = self.parameters();
        let Some((_, parameter)) = parameters.iter().find(|(n, _)| n == name) else {
            return Err(no_stage(name, parameters.iter().map(|(n, _)| n.as_str())));
        };
        if parameter.size() != values.size() {
            let (own, other) = (parameter.size(), values.size());
            let what = format!("{name} has shape {own:?}, the values have {other:?}");
            return Err(tch::TchError::Shape(what).into());
        }
        Ok(tch::no_grad(|| parameter.shallow_clone().f_copy_(values))?)
    }

    /// A network that shares these weights, for another thread: a change to one changes both.
    ///
    /// # Errors
    /// When libtorch fails (not expected).
    pub fn replica(&self) -> Result<Self, Error> {
        self.map(self.device, &|t| Ok(t.f_detach()?))
    }

    /// A copy of the network on `device`.
    ///
    /// # Errors
    /// When the device is not available or out of memory.
    pub fn to_device(&self, device: Device) -> Result<Self, Error> {
        self.map(device, &|t| Ok(t.f_detach()?.f_to_device(device)?))
    }

    /// A copy with separate weights, on the same device.
    ///
    /// # Errors
    /// When the device is out of memory.
    pub fn deep_copy(&self) -> Result<Self, Error> {
        self.map(self.device, &|t| {
            let mut copy = t.f_empty_like()?.f_detach()?;
            copy.f_copy_(&t.f_detach()?)?;
            Ok(copy)
        })
    }

    /// The same graph with weights drawn from `seed`, each tensor's with its own spread: the untrained counterpart of a network whose
    /// initialisation is not known. `None` for a network of stages, which [`build`](Self::build) draws.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn redrawn(&self, seed: u64) -> Result<Option<Self>, Error> {
        let Some(graph) = &self.graph else {
            return Ok(None);
        };
        let graph = graph.redrawn(&mut ChaCha8Rng::seed_from_u64(seed))?;
        let mut other = self.replica()?;
        other.graph = Some(graph);
        Ok(Some(other))
    }

    /// The network whose outputs on images + `shift` equal those of this one on the images: the bias of its first
    /// convolution cancels the shift (Kindermans et al., arXiv 1711.00867, section 2.1). The second result is the width
    /// of the border of value `shift` that its images need on every side. A map that explains one should explain the
    /// other.
    ///
    /// `None` if the first layer is not a convolution.
    ///
    /// # Errors
    /// When the device is out of memory.
    pub fn under_shift(&self, shift: f64) -> Result<Option<(Self, usize)>, Error> {
        let mut shifted = self.replica()?;
        let mut layers = shifted.stages.iter_mut().flat_map(|s| &mut s.layers);
        let Some(Layer::Conv {
            weight,
            bias,
            padding,
        }) = layers.next()
        else {
            return Ok(None);
        };
        let taken_out = weight
            .f_sum_dim_intlist(&[1i64, 2, 3][..], false, Kind::Float)?
            .f_mul_scalar(-shift)?;
        *bias = match bias.take() {
            Some(bias) => Some(bias.f_add(&taken_out)?),
            None => Some(taken_out),
        };
        let margin = std::mem::take(padding) as usize;
        shifted.spec.side += 2 * margin;
        Ok(Some((shifted, margin)))
    }

    pub(crate) fn map(
        &self,
        device: Device,
        f: &impl Fn(&Tensor) -> Result<Tensor, Error>,
    ) -> Result<Self, Error> {
        let stages = self.stages.iter().map(|stage| stage.map(f));
        let graph = self.graph.as_ref().map(|graph| graph.map(f));
        Ok(Self {
            graph: graph.transpose()?,
            architecture: self.architecture.clone(),
            spec: self.spec,
            device,
            stages: stages.collect::<Result<_, Error>>()?,
            drawn: self.drawn.clone(),
        })
    }

    /// Logits `[N, classes]` of images `[N, 1, side, side]` f32 on the network's device, as in evaluation.
    ///
    /// # Errors
    /// When the images' shape or device does not fit.
    pub fn logits(&self, images: &Tensor) -> Result<Tensor, Error> {
        tch::no_grad(|| match &self.graph {
            Some(graph) => graph.logits(images),
            None => forward(&self.stages, images),
        })
    }

    /// Feature maps of a convolutional stage: `[N, filters, H, W]` after its ReLU, before its pooling.
    ///
    /// # Errors
    /// When stage `stage` has no convolution or the images do not fit.
    pub fn feature_maps(&self, images: &Tensor, stage: usize) -> Result<Tensor, Error> {
        if let Some(graph) = &self.graph {
            let layer = graph.layer(stage)?;
            let no_maps = || Error::NoFeatureMap(layer.name.clone());
            layer.side.ok_or_else(no_maps)?;
            return tch::no_grad(|| graph.outputs_of(&graph.until(images, stage)?, stage));
        }
        let own = self.stages.get(stage);
        let own = own.ok_or_else(|| Error::no_feature_map(stage))?;
        if !own.layers.iter().any(|l| matches!(l, Layer::Conv { .. })) {
            return Err(Error::NoFeatureMap(own.name.clone()));
        }
        tch::no_grad(|| {
            let x = forward(&self.stages[..stage], images)?;
            let pools = |layer: &&Layer| matches!(layer, Layer::MaxPool { .. });
            let mut unpooled = own.layers.iter().filter(|layer| !pools(layer));
            unpooled.try_fold(x, |x, layer| layer.forward(&x))
        })
    }
}

/// Applies `stages` as in evaluation.
pub(crate) fn forward(stages: &[Stage], x: &Tensor) -> Result<Tensor, Error> {
    let mut stages = stages.iter();
    stages.try_fold(x.shallow_clone(), |x, stage| stage.forward(&x))
}

fn no_stage<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Error {
    Error::NoStage {
        wanted: wanted.to_owned(),
        known: known.collect::<Vec<_>>().join(", "),
    }
}
