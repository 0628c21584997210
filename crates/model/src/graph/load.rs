//! Builds the graph of an ONNX file: names become numbers, nodes operators, and only what the logits need is kept.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use tch::{Device, Tensor};

use crate::error::Error;
use crate::graph::file;
use crate::graph::input::GraphInput;
use crate::graph::messages::{GraphMessage, Model, NodeMessage};
use crate::graph::op::{Op, TRAINING};
use crate::graph::outline::{first_output, image_of, layout, logits_of, needed, title};
use crate::graph::{Graph, Node, Plan};

/// The oldest operators that are read.
const OLDEST: i64 = 11;
/// The newest that were known when this was written.
const NEWEST: i64 = 26;

/// An ONNX file, read but not yet built: its input is not fully described by the file.
#[derive(Debug)]
pub struct OnnxFile {
    path: PathBuf,
    model: Model,
}

impl OnnxFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// When it is missing, too large, damaged or of another format.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let (path, model) = (path.to_path_buf(), file::read(path)?);
        let file = Self { path, model };
        let complete = file.graph().and_then(|_| file.opset());
        complete.map_err(Error::checkpoint(&file.path))?;
        Ok(file)
    }

    /// The input's description as far as the file has it, an open size as 0 and open channels as 1; the scaling is a guess.
    pub fn example_input(&self) -> GraphInput {
        let shape = self.graph().ok().and_then(|graph| image_of(graph).ok());
        let (channels, size, _) = shape
            .and_then(|(_, dims)| layout(&dims).ok())
            .unwrap_or((1, 0, false));
        GraphInput::example(size as usize, if channels == 3 { 3 } else { 1 })
    }

    /// The file and those beside it that hold its weights.
    pub fn files(&self) -> Vec<PathBuf> {
        let weights = self.graph().map(|graph| graph.weights.iter());
        let locations = weights.into_iter().flatten().filter_map(file::location);
        let is_plain = |name: &&str| {
            let mut parts = Path::new(name).components();
            parts.all(|part| matches!(part, Component::Normal(_)))
        };
        let locations = locations.filter(is_plain);
        let beside = BTreeSet::from_iter(locations.map(|name| self.path.with_file_name(name)));
        std::iter::once(self.path.clone()).chain(beside).collect()
    }

    /// The graph for this input, on the CPU.
    ///
    /// # Errors
    /// When an operator is not supported, the file is inconsistent, or the input does not fit.
    pub(crate) fn graph_for(&self, input: &GraphInput) -> Result<Graph, Error> {
        let folder = self
            .path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let built = input.check().and_then(|()| self.build(input, folder));
        built.map_err(Error::checkpoint(&self.path))
    }

    fn graph(&self) -> Result<&GraphMessage, String> {
        let none = "has no graph: damaged, or not an ONNX file; export it again";
        self.model.graph.as_ref().ok_or_else(|| none.to_owned())
    }

    fn opset(&self) -> Result<i64, String> {
        let own = |domain: &str| matches!(domain, "" | "ai.onnx");
        let opset = self.model.opsets.iter().find(|it| own(&it.domain));
        match opset.map(|it| it.version) {
            Some(version) if version > NEWEST => Err(format!(
                "opset {version} is newer than {NEWEST}, the last that is known here: export with opset_version={NEWEST}"
            )),
            Some(version) if version >= OLDEST => Ok(version),
            Some(version) => Err(format!(
                "opset {version} is too old: export with opset_version={OLDEST} or later"
            )),
            None => {
                Err("states no opset: damaged, or not an ONNX file; export it again".to_owned())
            }
        }
    }

    fn build(&self, input: &GraphInput, folder: &Path) -> Result<Graph, String> {
        let graph = self.graph()?;
        let (image, dims) = image_of(graph)?;
        let (channels, size, channels_last) = layout(&dims)?;
        agrees("channels", channels, input.channels)?;
        agrees("size", size, input.size)?;
        if let Some(images) = dims.first().filter(|images| **images > 1) {
            return Err(format!(
                "is made for {images} images at a time: export it with an open number (dynamic_axes={{\"image\": {{0: \"n\"}}}})"
            ));
        }
        let (output, mut names) = (logits_of(graph)?, Names::default());
        let image = names.add(image)?;
        let mut builder = Builder {
            graph,
            folder,
            opset: self.opset()?,
            batch_of_one: dims.first() == Some(&1),
            names,
            constants: vec![],
            nodes: vec![],
        };
        builder.read(&needed(graph, output))?;
        let Builder {
            names,
            constants,
            mut nodes,
            ..
        } = builder;
        unique_names(&mut nodes);
        let output = names.find(output, graph)?.ok_or("has no output")?;
        let values = names.0.len();
        let weights = constants.iter().filter(|(_, it)| it.is_floating_point());
        let plan = Plan {
            parameters: weights.map(|(_, it)| it.numel()).sum(),
            active: active(&nodes, image, values),
            last_use: last_use(&nodes, output, values),
            nodes,
            layers: vec![],
            image,
            channels_last,
            output,
            classes: 0,
            input: input.clone(),
        };
        let mut by_number: Vec<Option<Tensor>> = Vec::new();
        by_number.resize_with(values, || None);
        for (at, value) in constants {
            super::set(&mut by_number, at, value);
        }
        probed(plan, by_number)
    }
}

/// Whether the file's size, 0 where it is open, is that of the input's description.
fn agrees(what: &str, file: i64, given: usize) -> Result<(), String> {
    match file == 0 || file == given as i64 {
        true => Ok(()),
        false => Err(format!(
            "has images of {what} {file}, but the input's `{what}` is {given}"
        )),
    }
}

/// The nodes and constants read so far.
struct Builder<'a> {
    graph: &'a GraphMessage,
    folder: &'a Path,
    opset: i64,
    /// Whether the file was written for one image at a time.
    batch_of_one: bool,
    names: Names<'a>,
    constants: Vec<(usize, Tensor)>,
    nodes: Vec<Node>,
}

impl<'a> Builder<'a> {
    /// Reads the weights and nodes of the values `needed`.
    fn read(&mut self, needed: &HashSet<&str>) -> Result<(), String> {
        let graph = self.graph;
        for message in graph
            .weights
            .iter()
            .filter(|it| needed.contains(it.name.as_str()))
        {
            let tensor = file::tensor(message, self.folder)?;
            self.constants
                .push((self.names.add(&message.name)?, tensor));
        }
        let is_needed =
            |node: &&NodeMessage| node.outputs.iter().any(|it| needed.contains(it.as_str()));
        for node in graph.nodes.iter().filter(is_needed) {
            let wrong = |reason: String| format!("node `{}` ({}) {reason}", title(node), node.op);
            match node.op == "Constant" && node.domain.is_empty() {
                true => self.constant(node).map_err(wrong)?,
                false => self.node(node).map_err(wrong)?,
            }
        }
        Ok(())
    }

    fn node(&mut self, node: &'a NodeMessage) -> Result<(), String> {
        let inputs = node
            .inputs
            .iter()
            .map(|name| self.names.find(name, self.graph));
        let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
        let weight = inputs.get(1).copied().flatten();
        let constant = |at: Option<usize>| {
            let found = self.constants.iter().find(|(own, _)| Some(*own) == at);
            found.map(|(_, value)| value)
        };
        let training = inputs.get(2).copied().flatten();
        let training = constant(training).and_then(|it| f64::try_from(it).ok());
        if node.op == "Dropout" && training.is_some_and(|it| it != 0.0) {
            return Err(TRAINING.to_owned());
        }
        let of_weights = constant(inputs.first().copied().flatten()).is_some();
        let kernel = constant(weight).map(Tensor::size);
        let op = Op::read(node, self.opset, kernel, self.batch_of_one && !of_weights)?;
        self.nodes.push(Node {
            name: title(node),
            operator: node.op.clone(),
            op,
            inputs,
            output: self.names.add(first_output(node))?,
        });
        Ok(())
    }

    fn constant(&mut self, node: &'a NodeMessage) -> Result<(), String> {
        let value = node.constant().ok_or("has no number in it")?;
        let value = file::tensor(&value, self.folder)?;
        self.constants
            .push((self.names.add(first_output(node))?, value));
        Ok(())
    }
}

/// The built graph, with its layers.
fn probed(plan: Plan, constants: Vec<Option<Tensor>>) -> Result<Graph, String> {
    let input = &plan.input;
    let deviations = input.std.iter();
    // Grey values in [0, 2] are the pixels / 127.5.
    let factor = deviations
        .clone()
        .map(|std| (127.5 * input.scale / std) as f32);
    let offset = deviations
        .zip(&input.mean)
        .map(|(std, mean)| (mean / std) as f32);
    let channels = [1, input.channels as i64, 1, 1];
    let tensor = |values: Vec<f32>| {
        let tensor = Tensor::f_from_slice(&values).and_then(|it| it.f_reshape(channels));
        tensor
            .and_then(|it| it.f_to_device(Device::Cpu))
            .map_err(|error| error.to_string())
    };
    let (factor, offset) = (tensor(factor.collect())?, tensor(offset.collect())?);
    let mut graph = Graph {
        plan: Arc::new(plan),
        constants,
        factor,
        offset,
    };
    let (layers, classes) = graph.probe()?;
    graph.plan.input.check_outputs(classes)?;
    // Not shared yet.
    if let Some(plan) = Arc::get_mut(&mut graph.plan) {
        (plan.layers, plan.classes) = (layers, classes);
    }
    graph.check_alone()?;
    Ok(graph)
}

/// Numbers of the values by name.
#[derive(Default)]
struct Names<'a>(HashMap<&'a str, usize>);

impl<'a> Names<'a> {
    fn add(&mut self, name: &'a str) -> Result<usize, String> {
        let number = self.0.len();
        match self.0.insert(name, number) {
            None => Ok(number),
            Some(_) => Err(format!(
                "defines `{name}` a second time: the file is damaged; export it again"
            )),
        }
    }

    /// `None` for an optional input that is left out.
    fn find(&self, name: &str, graph: &GraphMessage) -> Result<Option<usize>, String> {
        if name.is_empty() {
            return Ok(None);
        }
        let later = || {
            graph
                .nodes
                .iter()
                .any(|node| node.outputs.iter().any(|it| it == name))
        };
        match self.0.get(name) {
            Some(number) => Ok(Some(*number)),
            None if later() => Err(format!(
                "needs `{name}`, which no earlier node computes: the graph has a cycle or is out of order"
            )),
            None => Err(format!(
                "needs `{name}`, which is missing: no weight, input or node has this name; export the file again"
            )),
        }
    }
}

/// Numbers nodes of the same name.
fn unique_names(nodes: &mut [Node]) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for node in &*nodes {
        *seen.entry(node.name.clone()).or_default() += 1;
    }
    for (at, node) in nodes.iter_mut().enumerate() {
        if seen.get(&node.name).is_some_and(|count| *count > 1) {
            node.name = format!("{}#{at}", node.name);
        }
    }
}

/// Whether each value depends on the image and has a gradient.
fn active(nodes: &[Node], image: usize, values: usize) -> Vec<bool> {
    let mut active = vec![false; values];
    active[image] = true;
    for node in nodes {
        let mut inputs = node.inputs.iter().flatten();
        let depends = inputs.any(|&input| active.get(input) == Some(&true));
        active[node.output] = depends && node.operator != "Shape";
    }
    active
}

/// The last node that uses each value; none for the output.
fn last_use(nodes: &[Node], output: usize, values: usize) -> Vec<usize> {
    let mut last = vec![usize::MAX; values];
    for (at, node) in nodes.iter().enumerate() {
        for &input in node
            .inputs
            .iter()
            .flatten()
            .filter(|input| **input != output)
        {
            last[input] = at;
        }
    }
    last
}
