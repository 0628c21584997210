//! `faus network`.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::Args;
use faus_base::text::counted;
use faus_model::{GraphInput, GraphLayer, Network, OnnxFile};
use tch::Device;

use crate::app::console::say;
use crate::app::own_network::default_layer;
use crate::app::usage::wrong_usage;

/// List the layers of an ONNX network that can be analysed.
///
/// With shapes, receptive fields and the number of weights. Nothing of the file is run but the network itself.
#[derive(Debug, Args)]
#[command(after_help = "Example: faus network model.onnx")]
pub(crate) struct OnnxArgs {
    /// The network, as torch.onnx.export writes it.
    #[arg(value_name = "MODEL.onnx")]
    model: PathBuf,
    /// The images that it was trained on: size, channels, scale, mean, std, crop; needed where the file leaves the size open.
    #[arg(long, value_name = "INPUT.json")]
    input: Option<PathBuf>,
}

pub(crate) fn network(args: OnnxArgs) -> Result<()> {
    let file = OnnxFile::read(&args.model)?;
    let example = file.example_input();
    let shown = args.model.display();
    let input = match &args.input {
        Some(path) => GraphInput::read(path, &example)?,
        None if example.size == 0 => {
            let example = GraphInput::example(48, example.channels).text();
            return Err(wrong_usage(anyhow!(
                "{shown}: leaves the size of its images open; describe them in a file and give it with --input, for example {example}"
            )));
        }
        None => example,
    };
    let network = Network::from_onnx(&file, &input, Device::Cpu)?;
    let Some(graph) = network.graph() else {
        return Ok(());
    };
    println!(
        "{shown}: {0}x{0} pixels, {1}, {2}, {3}",
        input.size,
        counted(input.channels, "channel"),
        counted(network.spec().classes, "class"),
        counted(graph.parameters(), "weight")
    );
    let names = graph
        .layers()
        .iter()
        .map(|layer| layer.name.chars().count());
    let width = names.max().unwrap_or(0).max(5);
    println!(
        "{:width$}  {:<12} {:>7} {:>5} {:>6} {:>7}",
        "layer", "operator", "filters", "map", "field", "stride"
    );
    for layer in graph.layers() {
        println!("{}", line(layer, width));
    }
    say(format!(
        "Analysed where no --layer is given: {}. Field: side of the receptive field in pixels, without gates computed from the whole image; - for units without a place.",
        default_layer(&network)
    ));
    if args.input.is_none() && file.info().is_none() {
        say(format!(
            "To analyse it, describe its images, for example {}",
            input.text()
        ));
    }
    Ok(())
}

fn line(layer: &GraphLayer, width: usize) -> String {
    let number = |value: Option<i64>| value.map_or("-".to_owned(), |value| value.to_string());
    let seen = layer.receptive;
    format!(
        "{:width$}  {:<12} {:>7} {:>5} {:>6} {:>7}",
        layer.name,
        layer.operator,
        layer.filters,
        number(layer.side.map(|side| side as i64)),
        number(seen.map(|seen| seen.size)),
        number(seen.map(|seen| seen.stride))
    )
}
