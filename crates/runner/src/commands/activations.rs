//! `faus activations`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use faus_base::text::counted;
use faus_fau::Lens;
use faus_train::Workers;
use faus_viz::LayerLens;

use crate::app::arguments::{NetworkArgs, Opened};
use crate::app::console::{Steps, say};
use crate::app::own_network::check_input;
use crate::app::program::Program;

/// Store each filter's largest activation on every image, F(x).
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faus activations runs/ck_plus-cnn_ad-quick --layer conv2 --output activations.npy\n  faus activations --checkpoint best.safetensors --prepared prepared/ck-48 --output activations.npy\n  faus activations --network model.onnx --input input.json --prepared prepared/ck-48 --output activations.npy"
)]
pub(crate) struct ActivationsArgs {
    #[command(flatten)]
    of: NetworkArgs,
    /// f32 [N, filters], one row for each row of samples.csv.
    #[arg(long, alias = "out", value_name = "NPY")]
    output: PathBuf,
}

pub(crate) fn activations(args: ActivationsArgs, program: &Program) -> Result<()> {
    store(&args.of, &args.output, program)?;
    println!("{}", args.output.display());
    Ok(())
}

/// Stores the activations of a network's layer; returns the layer's name.
///
/// # Errors
/// When the network does not fit its data set, or a write fails.
pub(super) fn store(of: &NetworkArgs, output: &Path, program: &Program) -> Result<String> {
    let Opened {
        prepared,
        network,
        stage,
        normalisation,
        ..
    } = of.open(program)?;
    let (workers, steps) = (Workers::new(0)?, Steps::default());
    let lens = LayerLens {
        stage,
        network,
        prepared: &prepared,
        normalisation,
        pool: workers.pool(),
        progress: &|step, done, of| steps.show(step, done, of),
    };
    if lens.network.graph().is_some() {
        check_input(&lens)?;
    }
    lens.write_activations(output)?;
    let (images, filters) = (prepared.len(), lens.network.filters(lens.stage)?);
    let layer = lens.layer();
    say(format!(
        "{} x {} of {layer}",
        counted(images, "image"),
        counted(filters, "filter")
    ));
    Ok(layer.to_owned())
}
