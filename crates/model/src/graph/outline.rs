//! What the messages of a graph state: its images, its logits, and the nodes that these need.

use std::collections::{HashMap, HashSet};

use crate::graph::messages::{GraphMessage, NodeMessage};

/// The input that is no weight, with its dimensions.
pub(super) fn image_of(graph: &GraphMessage) -> Result<(&str, Vec<i64>), String> {
    let weights: HashSet<&str> = graph.weights.iter().map(|it| it.name.as_str()).collect();
    let inputs = graph
        .inputs
        .iter()
        .filter(|it| !weights.contains(it.name.as_str()));
    match inputs.collect::<Vec<_>>()[..] {
        [image] => Ok((&image.name, image.dims().unwrap_or(vec![0; 4]))),
        ref all => Err(format!(
            "has {} inputs, and a network of images has one",
            all.len()
        )),
    }
}

/// Channels, side (0 where open), and whether channels come last.
pub(super) fn layout(dims: &[i64]) -> Result<(i64, i64, bool), String> {
    let &[_, a, b, c] = dims else {
        return Err(format!(
            "has an input of dimensions {dims:?}, and images have four: [images, channels, height, width]"
        ));
    };
    let is_channels = |dim: i64| dim == 1 || dim == 3;
    let channels_last = is_channels(c) && !is_channels(a);
    let (channels, height, width) = if channels_last { (c, a, b) } else { (a, b, c) };
    match (height, width) {
        _ if height < 0 || width < 0 || channels < 0 => {
            Err(format!("has impossible dimensions {dims:?}"))
        }
        (0, side) | (side, 0) => Ok((channels, side, channels_last)),
        (height, width) if height == width => Ok((channels, height, channels_last)),
        _ => Err(format!(
            "has images of {height}x{width} pixels, and only square ones are supported"
        )),
    }
}

/// The name of the logits: the output, before a softmax at its end.
pub(super) fn logits_of(graph: &GraphMessage) -> Result<&str, String> {
    let names: Vec<&str> = graph.outputs.iter().map(|it| it.name.as_str()).collect();
    let mut name = match names[..] {
        [] => return Err("has no output".to_owned()),
        [name] => name,
        _ => {
            return Err(format!(
                "has {} outputs ({}): export the network with its logits as the only one",
                names.len(),
                names.join(", ")
            ));
        }
    };
    for node in graph
        .nodes
        .iter()
        .rev()
        .filter(|node| matches!(node.op.as_str(), "Softmax" | "LogSoftmax" | "Identity"))
    {
        if let (true, [input]) = (first_output(node) == name, &node.inputs[..]) {
            name = input;
        }
    }
    Ok(name)
}

/// The names of all values that `output` is computed from, given `image`.
pub(super) fn needed<'a>(
    graph: &'a GraphMessage,
    output: &'a str,
    image: &'a str,
) -> HashSet<&'a str> {
    let mut needed = HashSet::from([output]);
    let producer: HashMap<&str, &NodeMessage> = graph
        .nodes
        .iter()
        .flat_map(|node| node.outputs.iter().map(move |it| (it.as_str(), node)))
        .collect();
    let mut open = vec![output];
    while let Some(name) = open.pop() {
        for input in producer.get(name).into_iter().flat_map(|node| &node.inputs) {
            if input != image && needed.insert(input) {
                open.push(input);
            }
        }
    }
    needed
}

pub(super) fn first_output(node: &NodeMessage) -> &str {
    node.outputs.first().map_or("", String::as_str)
}

/// The node's name, or else that of its output, with `?` for what a terminal would obey.
pub(super) fn title(node: &NodeMessage) -> String {
    let name = if node.name.is_empty() {
        first_output(node)
    } else {
        &node.name
    };
    name.replace(char::is_control, "?")
}
