//! `faus activations`: F(x) of a layer as a file.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use faus_data::Prepared;
use faus_model::DeviceChoice;
use faus_train::{Workers, normalisation_of};
use faus_viz::LayerLens;

use crate::MakeArchitecture;
use crate::cli::open_network;
use crate::console::{Steps, say};

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

pub(crate) fn activations(args: ActivationsArgs, make: MakeArchitecture) -> Result<()> {
    let prepared = Prepared::open(&args.prepared)?;
    let (checkpoint, network) = open_network(make, &args.checkpoint, &prepared, args.device)?;
    let (workers, steps) = (Workers::new(0)?, Steps::default());
    let lens = LayerLens {
        stage: network.stage_index(&args.layer)?,
        network,
        prepared: &prepared,
        normalisation: normalisation_of(&checkpoint, &args.checkpoint)?,
        pool: workers.pool(),
        progress: &|step, done, of| steps.show(step, done, of),
    };
    lens.write_activations(&args.output)?;
    say(format!(
        "{} images x {} filters of {}",
        prepared.len(),
        lens.network.filters(lens.stage)?,
        args.layer
    ));
    println!("{}", args.output.display());
    Ok(())
}
