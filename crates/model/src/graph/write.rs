//! Our own networks as the messages of an ONNX file.

use std::collections::HashSet;

use tch::Tensor;

use crate::checkpoint::bytes;
use crate::error::Error;
use crate::export::{CONTRAST_BOX, LocalContrast, UNIT_RANGE};
use crate::graph::NORMALISED;
use crate::graph::messages::{
    Attribute, Dimension, FLOAT, GraphMessage, NodeMessage, Shape, TensorKind, TensorMessage,
    Value, ValueKind,
};
use crate::network::Network;
use crate::network::layer::{Layer, Stage};

/// `AttributeProto.AttributeType`.
const INT: i32 = 2;
const INTS: i32 = 7;

/// The graph of a network of stages, for grey pixels `[n, 1, side, side]` from 0 to 255. The node with the outputs of a stage has
/// the stage's name.
pub(super) fn graph_of(network: &Network, contrast: LocalContrast) -> Result<GraphMessage, Error> {
    let (side, classes) = (network.spec().side as i64, network.spec().classes as i64);
    let mut writer = Writer::new("pixels");
    writer.contrast(contrast)?;
    for stage in network.stages() {
        writer.stage(stage)?;
    }
    let mut graph = writer.graph;
    if let Some(last) = graph.nodes.last_mut() {
        last.outputs = vec!["logits".to_owned()];
    }
    graph.name = network.architecture().to_owned();
    graph.inputs = vec![value("pixels", &[1, side, side])];
    graph.outputs = vec![value("logits", &[classes])];
    Ok(graph)
}

/// A chain of nodes.
struct Writer {
    graph: GraphMessage,
    /// The value that the next node takes.
    last: String,
    names: HashSet<String>,
}

impl Writer {
    fn new(input: &str) -> Self {
        Self {
            graph: GraphMessage::default(),
            last: input.to_owned(),
            names: HashSet::from([input.to_owned()]),
        }
    }

    /// Appends a node that takes the last value, and `more`.
    fn node(&mut self, op: &str, name: &str, more: &[&str], attributes: Vec<Attribute>) {
        let name = self.unused(name);
        let last = std::mem::replace(&mut self.last, name.clone());
        let more = more.iter().map(|it| (*it).to_owned());
        self.graph.nodes.push(NodeMessage {
            inputs: [last].into_iter().chain(more).collect(),
            outputs: vec![name.clone()],
            name,
            op: op.to_owned(),
            attributes,
            ..NodeMessage::default()
        });
    }

    /// The name, or the first of name-2, name-3 … that no value has.
    fn unused(&mut self, name: &str) -> String {
        let numbered = (2..).map(|n| format!("{name}-{n}"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        let free = names.find(|it| self.names.insert(it.clone()));
        free.unwrap_or_default()
    }

    fn weight(&mut self, name: &str, values: &Tensor) -> Result<(), Error> {
        self.graph.weights.push(float_weight(name, values)?);
        Ok(())
    }

    /// From pixels to the input of the first stage.
    fn contrast(&mut self, contrast: LocalContrast) -> Result<(), Error> {
        self.weight("factor", &Tensor::from(UNIT_RANGE as f32))?;
        self.node("Mul", "grey", &["factor"], vec![]);
        let box_mean = || {
            let reach = CONTRAST_BOX / 2;
            vec![
                ints("kernel_shape", &[CONTRAST_BOX; 2]),
                ints("pads", &[reach; 4]),
                int("count_include_pad", 1),
            ]
        };
        self.node("AveragePool", "grey/mean", &[], box_mean());
        self.last = "grey".to_owned();
        let Some(epsilon) = contrast.epsilon else {
            self.node("Sub", NORMALISED, &["grey/mean"], vec![]);
            return Ok(());
        };
        self.node("Sub", "centred", &["grey/mean"], vec![]);
        self.node("Mul", "centred/square", &["centred"], vec![]);
        self.node("AveragePool", "centred/variance", &[], box_mean());
        // Before the root, whose derivative at 0 is no number.
        self.weight("least", &Tensor::from(epsilon * epsilon))?;
        self.node("Clip", "centred/clipped", &["least"], vec![]);
        self.node("Sqrt", "centred/deviation", &[], vec![]);
        self.last = "centred".to_owned();
        self.node("Div", NORMALISED, &["centred/deviation"], vec![]);
        Ok(())
    }

    fn stage(&mut self, stage: &Stage) -> Result<(), Error> {
        let layers = as_evaluated(&stage.layers);
        let is_pool = |layer: &&Layer| matches!(layer, Layer::MaxPool { .. });
        let own = layers.iter().rposition(|layer| !is_pool(layer));
        for (name, tensor) in stage.parameters() {
            self.weight(&name, tensor)?;
        }
        for (at, layer) in layers.iter().enumerate() {
            let name = match Some(at) == own {
                true => stage.name.clone(),
                false => format!("{}/{}", stage.name, kind(layer)),
            };
            self.layer(layer, &stage.name, &name);
        }
        Ok(())
    }

    fn layer(&mut self, layer: &Layer, stage: &str, name: &str) {
        let (weight, bias) = (format!("{stage}.weight"), format!("{stage}.bias"));
        match layer {
            Layer::Conv {
                bias: given,
                padding,
                ..
            } => {
                let weights: Vec<&str> = match given {
                    Some(_) => vec![&weight, &bias],
                    None => vec![&weight],
                };
                self.node("Conv", name, &weights, vec![ints("pads", &[*padding; 4])]);
            }
            Layer::MaxPool { side } => {
                let tile = [*side; 2];
                let attributes = vec![ints("kernel_shape", &tile), ints("strides", &tile)];
                self.node("MaxPool", name, &[], attributes);
            }
            Layer::Relu => self.node("Relu", name, &[], vec![]),
            Layer::Flatten => self.node("Flatten", name, &[], vec![]),
            Layer::Dropout { .. } => {}
            Layer::Linear { .. } => {
                self.node("Gemm", name, &[&weight, &bias], vec![int("transB", 1)]);
            }
        }
    }
}

/// Layers without dropout, and with ReLU before pooling: the two commute, and the map that is analysed is rectified and not
/// pooled.
fn as_evaluated(layers: &[Layer]) -> Vec<&Layer> {
    let mut ordered: Vec<&Layer> = Vec::new();
    for layer in layers {
        match (layer, ordered.last()) {
            (Layer::Dropout { .. }, _) => {}
            (Layer::Relu, Some(Layer::MaxPool { .. })) => {
                ordered.insert(ordered.len() - 1, layer);
            }
            _ => ordered.push(layer),
        }
    }
    ordered
}

fn kind(layer: &Layer) -> &'static str {
    match layer {
        Layer::Conv { .. } => "convolution",
        Layer::MaxPool { .. } => "pooling",
        Layer::Relu => "relu",
        Layer::Flatten => "flattened",
        Layer::Dropout { .. } => "dropout",
        Layer::Linear { .. } => "linear",
    }
}

/// A float32 weight with its values in the file.
pub(super) fn float_weight(name: &str, values: &Tensor) -> Result<TensorMessage, Error> {
    Ok(TensorMessage {
        dims: values.size(),
        kind: FLOAT,
        name: name.to_owned(),
        raw: bytes(values)?.into(),
        ..TensorMessage::default()
    })
}

/// An input or output of any number of images.
fn value(name: &str, sizes: &[i64]) -> Value {
    let size = |size: &i64| Dimension {
        size: *size,
        name: String::new(),
    };
    let images = Dimension {
        size: 0,
        name: "n".to_owned(),
    };
    let dims = [images].into_iter().chain(sizes.iter().map(size)).collect();
    let tensor = TensorKind {
        kind: FLOAT,
        shape: Some(Shape { dims }),
    };
    Value {
        name: name.to_owned(),
        kind: Some(ValueKind {
            tensor: Some(tensor),
        }),
    }
}

fn int(name: &str, int: i64) -> Attribute {
    Attribute {
        name: name.to_owned(),
        int,
        kind: INT,
        ..Attribute::default()
    }
}

fn ints(name: &str, ints: &[i64]) -> Attribute {
    Attribute {
        name: name.to_owned(),
        ints: ints.to_vec(),
        kind: INTS,
        ..Attribute::default()
    }
}
