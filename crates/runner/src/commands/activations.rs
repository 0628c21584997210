//! `faus activations`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use faus_base::text::counted;
use faus_train::{Workers, normalisation_of};
use faus_viz::LayerLens;

use crate::app::arguments::{CheckpointArgs, open_network};
use crate::app::console::{Steps, say};
use crate::app::program::Program;

/// Store each filter's largest activation on every image, F(x).
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faus activations runs/ck_plus-cnn_ad-quick --layer conv2 --output activations.npy\n  faus activations --checkpoint best.safetensors --prepared prepared/ck-48 --output activations.npy"
)]
pub(crate) struct ActivationsArgs {
    #[command(flatten)]
    of: CheckpointArgs,
    /// f32 [N, filters], one row for each row of samples.csv.
    #[arg(long, value_name = "NPY")]
    output: PathBuf,
}

pub(crate) fn activations(args: ActivationsArgs, program: &Program) -> Result<()> {
    let of = &args.of;
    let (path, prepared) = of.open()?;
    let (checkpoint, network) = open_network(program, &path, &prepared, of.device)?;
    let (workers, steps) = (Workers::new(0)?, Steps::default());
    let lens = LayerLens {
        stage: network.stage_index(&of.layer)?,
        network,
        prepared: &prepared,
        normalisation: normalisation_of(&checkpoint, &path)?,
        pool: workers.pool(),
        progress: &|step, done, of| steps.show(step, done, of),
    };
    lens.write_activations(&args.output)?;
    let (images, filters) = (prepared.len(), lens.network.filters(lens.stage)?);
    let layer = &of.layer;
    say(format!(
        "{} x {} of {layer}",
        counted(images, "image"),
        counted(filters, "filter")
    ));
    println!("{}", args.output.display());
    Ok(())
}
