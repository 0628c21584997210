use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use faus_data::{Prepared, Protocol};
use faus_model::DeviceChoice;
use faus_train::{Workers, normalisation_of};
use faus_viz::{Method, write_patches};

use crate::MakeArchitecture;
use crate::cli::{Folds, open_network};
use crate::commands::SplitPart;
use crate::console::say;
use crate::look::{Look, write_activations};

/// Store F(x): each filter's largest activation on every image.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: faus activations --checkpoint folds/0/best.safetensors --prepared prepared/ck-48 --layer conv3 --output activations.npy"
)]
pub(crate) struct ActivationsArgs {
    /// A .safetensors checkpoint.
    #[arg(long, value_name = "FILE")]
    checkpoint: PathBuf,
    /// A prepared data set.
    #[arg(long, value_name = "DIR")]
    prepared: PathBuf,
    /// The layer's name.
    #[arg(long, default_value = "conv3")]
    layer: String,
    /// f32 [N, filters], one row for each row of samples.csv.
    #[arg(long, value_name = "NPY")]
    output: PathBuf,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
}

pub(crate) fn activations_command(args: ActivationsArgs, make: MakeArchitecture) -> Result<()> {
    let prepared = Prepared::open(&args.prepared)?;
    let (checkpoint, network) = open_network(make, &args.checkpoint, &prepared, args.device)?;
    let stage = network.stage_index(&args.layer)?;
    let normalisation = normalisation_of(&checkpoint, &args.checkpoint)?;
    let (network, prepared, workers) = (&network, &prepared, &Workers::new(0)?);
    let activations = Look {
        network,
        stage,
        prepared,
        normalisation,
        workers,
    }
    .activations()?;
    write_activations(&args.output, &activations)?;
    say(format!(
        "{} images x {} filters of {}",
        activations.rows(),
        activations.filters(),
        args.layer
    ));
    println!("{}", args.output.display());
    Ok(())
}

/// Find the patches that excite filters most and carry them back to pixels.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: faus visualize --checkpoint folds/0/best.safetensors --prepared prepared/ck-48 --layer conv3 --method guided --filters 0-9 --output viz"
)]
pub(crate) struct VisualizeArgs {
    /// A .safetensors checkpoint.
    #[arg(long, value_name = "FILE")]
    checkpoint: PathBuf,
    /// A prepared data set.
    #[arg(long, value_name = "DIR")]
    prepared: PathBuf,
    /// The layer's name.
    #[arg(long, default_value = "conv3")]
    layer: String,
    /// guided, deconvnet or gradient.
    #[arg(long, default_value = "guided")]
    method: Method,
    /// Filters, for example 0-9 or 3,17; default all.
    #[arg(long, value_name = "0-9")]
    filters: Option<Folds>,
    /// Patches of each filter, each of another subject.
    #[arg(long, default_value_t = 10)]
    top: usize,
    /// The images to look in; other parts than all need a checkpoint that knows its fold.
    #[arg(long, value_enum, default_value = "all")]
    split: SplitPart,
    /// Folder for filters.json and the pictures.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Also store the crops as npy.
    #[arg(long)]
    arrays: bool,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
}

pub(crate) fn visualize(args: VisualizeArgs, make: MakeArchitecture) -> Result<()> {
    let prepared = Prepared::open(&args.prepared)?;
    let (checkpoint, network) = open_network(make, &args.checkpoint, &prepared, args.device)?;
    let stage = network.stage_index(&args.layer)?;
    let normalisation = normalisation_of(&checkpoint, &args.checkpoint)?;
    let fold = match (args.split, checkpoint.info.fold) {
        (SplitPart::All, fold) => fold.unwrap_or(0),
        (_, fold) => fold.context(
            "this checkpoint does not say which fold it was trained for; use --split all",
        )?,
    };
    let protocol = match &checkpoint.info.protocol {
        Some(name) => serde_json::from_value(name.as_str().into())?,
        None => Protocol::default(),
    };
    let rows = args.split.rows(&prepared, fold, protocol)?;
    let filters = args.filters.map_or_else(
        || network.filters(stage).map(|n| (0..n).collect()),
        |f| Ok(f.0),
    )?;
    let look = Look {
        network: &network,
        stage,
        prepared: &prepared,
        normalisation,
        workers: &Workers::new(0)?,
    };
    let patches = look.patches(&rows, &filters, args.top, args.method)?;
    let shown: Vec<usize> = patches.iter().map(|p| p.filter).take(10).collect();
    write_patches(
        &args.output,
        &args.layer,
        args.method,
        &patches,
        &shown,
        args.arrays,
        prepared.info().synthetic,
    )?;
    if prepared.info().synthetic {
        say("These patches show synthetic faces.");
    }
    println!("{}", args.output.join("figure.png").display());
    Ok(())
}
