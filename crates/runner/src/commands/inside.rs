use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use faus_data::{Prepared, Protocol};
use faus_model::{Checkpoint, DeviceChoice};
use faus_train::{Workers, normalisation_of};
use faus_viz::Method;

use crate::choice::{Choice, SHOWN, class_number};
use crate::app::arguments::{NumberList as Folds, open_network};
use crate::app::program::wrong_usage;
use crate::fits::optimistic;
use crate::config::SplitPart;
use crate::console::say;
use crate::look::{Look, stream_to_npy};
use crate::view::{Beginning, Distinct, View};
use crate::MakeArchitecture;
use crate::config::NetworkConfig;

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
    let stage = network.stage_index(&args.layer)?;
    let normalisation = normalisation_of(&checkpoint, &args.checkpoint)?;
    let (network, prepared, workers) = (&network, &prepared, &Workers::new(0)?);
    let look = Look {
        network,
        stage,
        prepared,
        normalisation,
        workers,
    };
    let rows: Vec<usize> = (0..prepared.len()).collect();
    let filters = network.filters(stage)?;
    stream_to_npy(&look, &rows, filters, &args.output)?;
    say(format!(
        "{} images x {filters} filters of {}",
        rows.len(),
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
    /// guided, deconvnet, gradient or occlusion.
    #[arg(long, default_value = "guided")]
    method: Method,
    /// Filters, for example 0-9 or 3,17; all of them if nothing is said.
    #[arg(long, value_name = "0-9|all", conflicts_with_all = ["best_fau", "best_class"])]
    filters: Option<Filters>,
    /// The N filters that correspond best to action units: the best of each unit first.
    #[arg(long, value_name = "N", conflicts_with = "best_class")]
    best_fau: Option<usize>,
    /// The ten filters that tell this class best from the others.
    #[arg(long, value_name = "NAME")]
    best_class: Option<String>,
    /// Patches of each filter.
    #[arg(long, default_value_t = 10)]
    top: usize,
    /// What the patches of one filter must differ in.
    #[arg(long, value_enum, default_value_t)]
    distinct: Distinct,
    /// The images to look in: by default the checkpoint's test fold, people whom it never saw.
    #[arg(long, value_enum, default_value = "test")]
    split: SplitPart,
    /// Draw what speaks for a class in these images, too: rows of the data set.
    #[arg(long, value_name = "ROWS")]
    evidence: Option<Folds>,
    /// The class that the evidence is for; by default the one predicted.
    #[arg(long, value_name = "NAME", requires = "evidence")]
    class: Option<String>,
    /// Leave out the comparison with random networks.
    #[arg(long)]
    no_sanity: bool,
    /// Of the random networks.
    #[arg(long, default_value_t = 1)]
    seed: u64,
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

/// `all`, or numbers as [`Folds`] reads them.
#[derive(Debug, Clone)]
enum Filters {
    All,
    Numbers(Folds),
}

impl std::str::FromStr for Filters {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            text => text
                .parse()
                .map(Self::Numbers)
                .map_err(|e| format!("{e}, or all")),
        }
    }
}

impl VisualizeArgs {
    fn choice(&self) -> Choice {
        match (&self.filters, self.best_fau, &self.best_class) {
            (Some(Filters::Numbers(numbers)), ..) => Choice::Numbers(numbers.0.clone()),
            (_, Some(count), _) => Choice::BestFau(count),
            (_, _, Some(name)) => Choice::BestClass(name.clone()),
            _ => Choice::All,
        }
    }
}

pub(crate) fn visualize(args: VisualizeArgs, make: MakeArchitecture) -> Result<()> {
    if args.top == 0 || args.best_fau == Some(0) {
        return Err(wrong_usage(anyhow!(
            "--top and --best-fau must be at least 1"
        )));
    }
    let prepared = Prepared::open(&args.prepared)?;
    let (checkpoint, network) = open_network(make, &args.checkpoint, &prepared, args.device)?;
    let look = Look {
        network: &network,
        stage: network.stage_index(&args.layer)?,
        prepared: &prepared,
        normalisation: normalisation_of(&checkpoint, &args.checkpoint)?,
        workers: &Workers::new(0)?,
    };
    let (rows, seen) = rows_of(&args, &checkpoint, &prepared)?;
    let evidence = evidence_of(&args, &look)?;
    let config = NetworkConfig {
        k: checkpoint.info.drawn.get("k").copied(),
        ..NetworkConfig::default()
    };
    let architecture = make.architecture(&config)?;
    let beginning = Beginning {
        architecture: architecture.as_ref(),
        seed: args.seed,
    };
    let view = View {
        look: &look,
        rows: &rows,
        split: args.split,
        fold: checkpoint.info.fold,
        may_have_seen: seen,
        choice: args.choice(),
        method: args.method,
        top: args.top,
        distinct: args.distinct,
        shown: SHOWN,
        arrays: args.arrays,
    };
    view.write(&args.output, (!args.no_sanity).then_some(&beginning))?;
    if let Some((rows, class)) = evidence {
        view.write_evidence(&args.output, rows, class)?;
    }
    if prepared.info().synthetic {
        say("These patches show synthetic faces.");
    }
    println!("{}", args.output.join("figure.png").display());
    Ok(())
}

/// The rows and the class that evidence is asked for.
fn evidence_of<'a>(
    args: &'a VisualizeArgs,
    look: &Look,
) -> Result<Option<(&'a [usize], Option<usize>)>> {
    let Some(Folds(rows)) = &args.evidence else {
        return Ok(None);
    };
    if let Some(row) = rows.iter().find(|row| **row >= look.prepared.len()) {
        bail!(
            "--evidence {row}: the data set has rows 0 to {}",
            look.prepared.len() - 1
        );
    }
    let class = args.class.as_ref().map(|name| class_number(look, name));
    let class = class.transpose()?.map(|class| class as usize);
    Ok(Some((rows, class)))
}

/// The rows of the part that is looked in, and why the network may have seen its test people, under the checkpoint's own split.
fn rows_of(
    args: &VisualizeArgs,
    checkpoint: &Checkpoint,
    prepared: &Prepared,
) -> Result<(Vec<usize>, Option<String>)> {
    let fold = match (args.split, checkpoint.info.fold) {
        (SplitPart::All, fold) => fold.unwrap_or(0),
        (_, fold) => fold.with_context(|| {
            format!(
                "{}: does not say which fold it was trained for, so who is new to it is not known; use --split all",
                args.checkpoint.display()
            )
        })?,
    };
    let protocol = match &checkpoint.info.protocol {
        Some(name) => serde_json::from_value(name.as_str().into())?,
        None => Protocol::default(),
    };
    let seen = match args.split {
        SplitPart::Test => optimistic(checkpoint, prepared, fold, args.split)?,
        _ => None,
    };
    if let Some(why) = &seen {
        say(format!("Note: {why}"));
    }
    let rows = args.split.rows(prepared, fold, protocol)?;
    if rows.is_empty() {
        bail!(
            "the {} part of fold {fold} has no images; use --split all",
            crate::config::name_of(args.split)
        );
    }
    Ok((rows, seen))
}
