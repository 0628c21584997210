//! The graph of an ONNX file for pixels from 0 to 255: its scaling becomes nodes, what the logits do not need is left out.

use std::path::Path;

use tch::Tensor;

use crate::error::Error;
use crate::graph::file::inlined;
use crate::graph::input::GraphInput;
use crate::graph::messages::{GraphMessage, NodeMessage, TensorMessage, Value};
use crate::graph::outline::{image_of, layout, logits_of, needed};
use crate::graph::write::float_weight;

/// The graph of the messages with the scaling of `input` in front. `folder` has weights in files of their own.
pub(super) fn for_pixels(
    graph: &GraphMessage,
    input: &GraphInput,
    folder: &Path,
) -> Result<GraphMessage, String> {
    let (image, dims) = image_of(graph)?;
    let channels_last = layout(&dims)?.2;
    let output = logits_of(graph)?;
    let needed = needed(graph, output, image);
    let is_needed = |name: &String| needed.contains(name.as_str());
    let nodes = graph
        .nodes
        .iter()
        .filter(|node| node.outputs.iter().any(is_needed));
    let weights = graph.weights.iter().filter(|it| is_needed(&it.name));
    let weights = weights.map(|it| inlined(it, folder));
    let images = graph.inputs.iter().filter(|it| it.name == image);
    let logits = graph.outputs.iter().map(|it| Value {
        name: output.to_owned(),
        ..it.clone()
    });
    let nodes = nodes.map(|node| with_numbers(node, folder));
    let mut pixels = GraphMessage {
        nodes: nodes.collect::<Result<_, _>>()?,
        name: graph.name.clone(),
        weights: weights.collect::<Result<_, _>>()?,
        inputs: images.cloned().collect(),
        outputs: logits.collect(),
    };
    if !input.is_pixels() {
        let stem = pixels.free_stem(image);
        let scaling = scaling(&stem, input, channels_last).map_err(|error| error.to_string())?;
        pixels.scale(image, &stem, scaling);
    }
    Ok(pixels)
}

/// The node with the numbers of its attributes in it.
fn with_numbers(node: &NodeMessage, folder: &Path) -> Result<NodeMessage, String> {
    let mut node = node.clone();
    for tensor in node.attributes.iter_mut().flat_map(|it| &mut it.tensor) {
        *tensor = inlined(tensor, folder)?;
    }
    Ok(node)
}

/// Factor and offset of each channel.
fn scaling(
    stem: &str,
    input: &GraphInput,
    channels_last: bool,
) -> Result<[TensorMessage; 2], Error> {
    let channels = input.channels as i64;
    let sizes = match channels_last {
        true => vec![channels],
        false => vec![channels, 1, 1],
    };
    let weight = |name: &str, values: Vec<f32>| {
        let values = Tensor::f_from_slice(&values)?.f_reshape(&sizes)?;
        float_weight(&format!("{stem}/{name}"), &values)
    };
    let std = || input.std.iter();
    let factor = std().map(|std| (input.scale / std) as f32).collect();
    let offset = std()
        .zip(&input.mean)
        .map(|(std, mean)| (mean / std) as f32);
    Ok([
        weight("factor", factor)?,
        weight("offset", offset.collect())?,
    ])
}

impl GraphMessage {
    /// The beginning of names that are not in use.
    fn free_stem(&self, image: &str) -> String {
        let outputs = self.nodes.iter().flat_map(|node| &node.outputs);
        let weights = self.weights.iter().map(|weight| &weight.name);
        let names = Vec::from_iter(outputs.chain(weights));
        let mut stem = image.to_owned();
        while names
            .iter()
            .any(|name| name.starts_with(&format!("{stem}/")))
        {
            stem.push('_');
        }
        stem
    }

    /// Puts image · factor − offset in place of the image.
    fn scale(&mut self, image: &str, stem: &str, [factor, offset]: [TensorMessage; 2]) {
        let node = |op: &str, input: &str, weight: &TensorMessage, output: &str| NodeMessage {
            inputs: vec![input.to_owned(), weight.name.clone()],
            outputs: vec![output.to_owned()],
            name: output.to_owned(),
            op: op.to_owned(),
            ..NodeMessage::default()
        };
        let (scaled, shifted) = (format!("{stem}/scaled"), format!("{stem}/shifted"));
        for node in &mut self.nodes {
            let images = node.inputs.iter_mut().filter(|input| *input == image);
            images.for_each(|input| input.clone_from(&shifted));
        }
        let first = [
            node("Mul", image, &factor, &scaled),
            node("Sub", &scaled, &offset, &shifted),
        ];
        self.nodes.splice(0..0, first);
        self.weights.extend([factor, offset]);
    }
}
