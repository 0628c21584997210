//! `faus export`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use clap::{Args, ValueEnum};
use faus_base::digest::sha256;
use faus_base::text::counted;
use faus_data::Prepared;
use faus_data::normalise::Normalisation;
use faus_model::{
    CheckpointInfo, DeviceChoice, Export, ExportInfo, GraphInput, LocalContrast, Network, OnnxFile,
};
use faus_train::normalisation_of;
use serde_json::{Map, Value, json};
use tch::Device;

use crate::app::arguments::open_network;
use crate::app::console::say;
use crate::app::own_network::{self, SYNTHETIC};
use crate::app::program::Program;
use crate::app::usage::wrong_usage;
use crate::pipeline::finished_run::fold_checkpoint;
use crate::pipeline::run::versions;
use crate::pipeline::run_folder::read_json;

/// Write a network for other programs, as ONNX or TorchScript.
///
/// It takes face crops as float32 pixels from 0 to 255, [N, 1, side, side] with any N, and gives logits [N, classes]: the
/// normalisation is part of it. Class names, input and origin are in the file's metadata.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faus export runs/ck_plus-cnn_ad-quick --out model.onnx\n  faus export runs/ck_plus-cnn_ad-quick --fold 3 --out model.pt\n  faus export --checkpoint best.safetensors --prepared prepared/ck-48 --out model.onnx"
)]
pub(crate) struct ExportArgs {
    /// A run folder: the network of the finished fold that validated best.
    #[arg(required_unless_present_any = ["checkpoint", "network"], conflicts_with_all = ["checkpoint", "network"])]
    run: Option<PathBuf>,
    /// The network of this fold of the run.
    #[arg(long, value_name = "K", requires = "run")]
    fold: Option<usize>,
    /// A .safetensors checkpoint, instead of a run.
    #[arg(
        long,
        value_name = "FILE",
        requires = "prepared",
        conflicts_with = "network"
    )]
    checkpoint: Option<PathBuf>,
    /// The prepared data set of --checkpoint.
    #[arg(long, value_name = "DIR", requires = "checkpoint")]
    prepared: Option<PathBuf>,
    /// A network of your own, with the scaling of --input as its first step.
    #[arg(long, value_name = "MODEL.onnx")]
    network: Option<PathBuf>,
    /// The images that it was trained on: size, channels, scale, mean, std, crop.
    #[arg(long, value_name = "INPUT.json", requires = "network", conflicts_with_all = ["run", "checkpoint"])]
    input: Option<PathBuf>,
    /// By default that of the ending of --out: .onnx or .pt.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The file to write.
    #[arg(long, alias = "output", value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Onnx,
    Torchscript,
}

pub(crate) fn export(args: ExportArgs, program: &Program) -> Result<()> {
    let format = args.format()?;
    if let Some(model) = &args.network {
        return args.write_own(model, format);
    }
    let path = match &args.run {
        Some(run) => fold_checkpoint(run, args.fold)?,
        None => args.checkpoint.clone().unwrap_or_default(),
    };
    args.check_out(&path)?;
    let own = args.run.as_ref().map(|run| run.join("dataset"));
    let prepared = Prepared::open(&args.prepared.clone().or(own).unwrap_or_default())?;
    let (checkpoint, network) = open_network(program, &path, &prepared, DeviceChoice::Cpu)?;
    if checkpoint.info.synthetic {
        say(SYNTHETIC);
    }
    let normalisation = normalisation_of(&checkpoint, &path)?;
    let crop = prepared.info().crop.to_string();
    let input = GraphInput {
        classes: Some(checkpoint.info.classes.clone()),
        ..GraphInput::example(checkpoint.info.side, 1)
    };
    let info = ExportInfo {
        input: pixels(input, crop),
        normalisation: Some(normalisation.to_string()),
        origin: origin(args.run.as_deref(), &path, &checkpoint.info, &prepared)?,
    };
    args.write(&network, Some(normalisation), info, None, format)
}

impl ExportArgs {
    fn format(&self) -> Result<Format> {
        let out = self.out.display();
        if self.out.is_dir() {
            return Err(wrong_usage(anyhow!(
                "--out {out} is a folder; give the name of a file, for example {out}/model.onnx"
            )));
        }
        let ending = self.out.extension().map(|it| it.to_ascii_lowercase());
        let ending = ending.as_ref().and_then(|it| it.to_str());
        match (self.format, ending) {
            (Some(format), _) => Ok(format),
            (None, Some("onnx")) => Ok(Format::Onnx),
            (None, Some("pt")) => Ok(Format::Torchscript),
            _ => Err(wrong_usage(anyhow!(
                "--out {out}: the ending names no format; use .onnx or .pt, or give --format onnx or torchscript"
            ))),
        }
    }

    /// Refuses to replace the network that is exported.
    fn check_out(&self, from: &Path) -> Result<()> {
        let full = |path: &Path| path.canonicalize().ok();
        match full(from).is_some_and(|from| full(&self.out) == Some(from)) {
            true => Err(wrong_usage(anyhow!(
                "--out {}: would replace the network that is exported; name another file",
                self.out.display()
            ))),
            false => Ok(()),
        }
    }

    fn write_own(&self, model: &Path, format: Format) -> Result<()> {
        self.check_out(model)?;
        let file = OnnxFile::read(model)?;
        let given = own_network::input_of(&file, model, self.input.as_deref(), None)?;
        let network = Network::from_onnx(&file, &given, Device::Cpu)?;
        let normalisation = own_network::normalisation(&network)?;
        let origin = match file.info() {
            Some(info) => info.origin.clone(),
            None => {
                let name = model.file_name().unwrap_or_default().to_string_lossy();
                let bytes = std::fs::read(model).with_context(|| model.display().to_string())?;
                let origin = json!({ "versions": versions(), "network": name, "network_sha256": sha256(&bytes) });
                known(origin)
            }
        };
        let crop = given.crop.clone();
        let info = ExportInfo {
            input: pixels(given, crop),
            normalisation: normalisation.map(|it| it.to_string()),
            origin,
        };
        if format == Format::Onnx && file.is_of_one_image() {
            say(format!(
                "Note: as {}, what is written takes one image at a time",
                model.display()
            ));
        }
        self.write(&network, normalisation, info, Some(&file), format)
    }

    fn write(
        &self,
        network: &Network,
        normalisation: Option<Normalisation>,
        info: ExportInfo,
        file: Option<&OnnxFile>,
        format: Format,
    ) -> Result<()> {
        let GraphInput { size, channels, .. } = info.input;
        let export = Export {
            network,
            contrast: normalisation.map(contrast),
            info,
        };
        match format {
            Format::Onnx => export.onnx(file, &self.out)?,
            Format::Torchscript => export.torchscript(&self.out)?,
        }
        say(format!(
            "Takes pixels from 0 to 255, float32 [N, {channels}, {size}, {size}]; gives logits of {}",
            counted(network.spec().classes, "class")
        ));
        println!("{}", self.out.display());
        Ok(())
    }
}

/// The input of a network that takes pixels as they are.
fn pixels(input: GraphInput, crop: String) -> GraphInput {
    GraphInput {
        scale: 1.0,
        mean: vec![0.0; input.channels],
        std: vec![1.0; input.channels],
        crop,
        ..input
    }
}

fn contrast(normalisation: Normalisation) -> LocalContrast {
    LocalContrast {
        epsilon: match normalisation {
            Normalisation::Subtractive => None,
            Normalisation::Divisive { epsilon } => Some(epsilon),
        },
    }
}

/// Where the network of a checkpoint comes from.
fn origin(
    run: Option<&Path>,
    path: &Path,
    info: &CheckpointInfo,
    prepared: &Prepared,
) -> Result<Map<String, Value>> {
    let config = run.map(|run| read_json(&run.join("config.json")));
    let config = config.transpose()?.flatten().unwrap_or_default();
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    Ok(known(json!({
        "synthetic": info.synthetic,
        "experiment": config["experiment"],
        "preset": config["preset"],
        "seed": config["seed"],
        "fold": info.fold,
        "step": info.step,
        "protocol": info.protocol,
        "architecture": info.architecture,
        "checkpoint_sha256": sha256(&bytes),
        "dataset": prepared.info().name,
        "source_digest": prepared.info().source_digest,
        "versions": versions(),
    })))
}

/// The entries that are known.
fn known(all: Value) -> Map<String, Value> {
    let Value::Object(mut all) = all else {
        return Map::new();
    };
    all.retain(|_, value| !value.is_null());
    all
}
