//! Builds the graph of an ONNX file: names become numbers, nodes operators, and only what the logits need is kept.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use prost::Message;
use tch::{Device, Tensor};

use crate::error::Error;
use crate::export::LocalContrast;
use crate::graph::file::{self, MAX_BYTES};
use crate::graph::info::ExportInfo;
use crate::graph::input::GraphInput;
use crate::graph::messages::{GraphMessage, Model, NodeMessage, Opset};
use crate::graph::op::{Op, TRAINING};
use crate::graph::outline::{first_output, image_of, layout, logits_of, needed, title};
use crate::graph::pixels::for_pixels;
use crate::graph::write::graph_of;
use crate::graph::{Graph, NORMALISED, Node, Plan};
use crate::network::Network;

/// The oldest operators that are read.
const OLDEST: i64 = 11;
/// The newest that were known when this was written.
const NEWEST: i64 = 26;
/// Those of our own networks, with the version of ONNX's messages that has them: old enough for every program.
const OWN: (i64, i64) = (13, 7);

/// An ONNX file, read but not yet built: its input is not fully described by the file.
#[derive(Debug)]
pub struct OnnxFile {
    path: PathBuf,
    model: Model,
    info: Option<ExportInfo>,
}

impl OnnxFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// When it is missing, too large, damaged or of another format.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let model = file::read(path)?;
        let file = Self {
            info: ExportInfo::of(&model).map_err(Error::checkpoint(path))?,
            path: path.to_path_buf(),
            model,
        };
        let complete = file.graph().and_then(|_| file.opset());
        complete.map_err(Error::checkpoint(&file.path))?;
        Ok(file)
    }

    /// The description in a file that was exported here.
    pub fn info(&self) -> Option<&ExportInfo> {
        self.info.as_ref()
    }

    /// The file to be written to `path` of a network of stages that needs `contrast` before it.
    pub(crate) fn of_network(
        network: &Network,
        contrast: LocalContrast,
        info: &ExportInfo,
        path: &Path,
    ) -> Result<Self, Error> {
        let opset = Opset {
            domain: String::new(),
            version: OWN.0,
        };
        let model = Model {
            version: OWN.1,
            graph: Some(graph_of(network, contrast)?),
            opsets: vec![opset],
            ..Model::default()
        };
        Ok(Self::described(path, model, info))
    }

    /// The same network for pixels from 0 to 255, all in one file.
    pub(crate) fn for_pixels(&self, input: &GraphInput, info: &ExportInfo) -> Result<Self, Error> {
        let graph = self.graph();
        let graph = graph.and_then(|graph| for_pixels(graph, input, self.folder()));
        let model = Model {
            graph: Some(graph.map_err(Error::checkpoint(&self.path))?),
            ..self.model.clone()
        };
        Ok(Self::described(&self.path, model, info))
    }

    fn described(path: &Path, mut model: Model, info: &ExportInfo) -> Self {
        model.producer = "faus".to_owned();
        let entries = info.entries();
        let is_ours = |key: &str| entries.iter().any(|entry| entry.key == key);
        model.metadata.retain(|entry| !is_ours(&entry.key));
        model.metadata.extend(entries);
        Self {
            path: path.to_path_buf(),
            model,
            info: Some(info.clone()),
        }
    }

    /// Writes the file, atomically.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Error> {
        let wrong = Error::checkpoint::<String>(path);
        if self.model.encoded_len() as u64 > MAX_BYTES {
            return Err(wrong(
                "an ONNX file may not have more than 2 GiB".to_owned(),
            ));
        }
        let written = faus_base::file::write(path, &self.model.encode_to_vec());
        written.map_err(Error::checkpoint(path))
    }

    /// Whether it takes one image at a time.
    pub fn is_of_one_image(&self) -> bool {
        let image = self.graph().ok().and_then(|graph| image_of(graph).ok());
        image.is_some_and(|(_, dims)| dims.first() == Some(&1))
    }

    /// The input's description as far as the file has it, an open size as 0 and open channels as 1; the scaling is a guess, unless
    /// the file was exported here.
    pub fn example_input(&self) -> GraphInput {
        if let Some(info) = &self.info {
            return info.input.clone();
        }
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

    /// The graph for this input, on the CPU. Of a file exported here, with the input that it describes, the graph begins behind the
    /// normalisation.
    ///
    /// # Errors
    /// When an operator is not supported, the file is inconsistent, or the input does not fit.
    pub(crate) fn graph_for(&self, input: &GraphInput) -> Result<Graph, Error> {
        let own = self.info.as_ref().filter(|info| info.input == *input);
        self.graph_behind(input, own.and_then(|info| info.normalisation.as_deref()))
    }

    /// The graph of an exported file from its pixels on.
    pub(crate) fn whole_graph(&self) -> Result<Graph, Error> {
        self.graph_behind(&self.example_input(), None)
    }

    fn graph_behind(&self, input: &GraphInput, normalised: Option<&str>) -> Result<Graph, Error> {
        let built = input.check().and_then(|()| self.build(input, normalised));
        built.map_err(Error::checkpoint(&self.path))
    }

    fn folder(&self) -> &Path {
        let folder = self.path.parent();
        let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
        folder.unwrap_or(Path::new("."))
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

    fn build(&self, input: &GraphInput, normalised: Option<&str>) -> Result<Graph, String> {
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
        let first = normalised.map_or(image, |_| NORMALISED);
        let mut needed = needed(graph, output, first);
        needed.remove(first);
        let image = names.add(first)?;
        let mut builder = Builder {
            graph,
            folder: self.folder(),
            opset: self.opset()?,
            batch_of_one: dims.first() == Some(&1),
            names,
            constants: vec![],
            of_image: HashSet::from([image]),
            nodes: vec![],
        };
        builder.read(&needed)?;
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
            normalisation: normalised.map(str::to_owned),
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
    /// The image, and what is computed from it.
    of_image: HashSet<usize>,
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
        let kernel = constant(weight).map(Tensor::size);
        let of_image = inputs.iter().flatten();
        let of_image = of_image.into_iter().any(|at| self.of_image.contains(at));
        let op = Op::read(node, self.opset, kernel, self.batch_of_one && of_image)?;
        let output = self.names.add(first_output(node))?;
        if of_image {
            self.of_image.insert(output);
        }
        self.nodes.push(Node {
            name: title(node),
            operator: node.op.clone(),
            op,
            inputs,
            output,
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
    // Grey values in [0, 2] are the pixels / 127.5; those of our own exports are normalised already.
    let scale = |std: &f64| match plan.normalisation {
        Some(_) => 1.0,
        None => (127.5 * input.scale / std) as f32,
    };
    let factor = input.std.iter().map(scale);
    let offset = input.std.iter().zip(&input.mean);
    let offset = offset.map(|(std, mean)| (mean / std) as f32);
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
