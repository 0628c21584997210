//! `faus visualize`: patches of a layer's filters, explained by pixels.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use faus_data::{Prepared, Protocol, SplitPart};
use faus_fau::AnalysisOptions;
use faus_model::{Checkpoint, DeviceChoice, Network};
use faus_train::{Workers, normalisation_of, why_optimistic};
use faus_viz::{Album, Choice, Distinct, LayerLens, Untrained, class_label, write_evidence};

use crate::cli::{Folds, architecture_of, open_network, wrong_usage};
use crate::console::{Steps, say};
use crate::{MakeArchitecture, NetworkConfig};

/// Filters of the figure, and of a choice by class.
const SHOWN: usize = 10;

/// Find the patches that excite filters most and explain them by pixels.
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
    /// guided, deconvnet, gradient, occlusion, or a method of the program.
    #[arg(long, default_value = "guided")]
    method: String,
    /// Filters, for example 0-9 or 3,17; by default all.
    #[arg(long, value_name = "0-9|all", conflicts_with_all = ["best_fau", "best_class"])]
    filters: Option<Filters>,
    /// The N filters that correspond best to action units, the best of each unit first.
    #[arg(long, value_name = "N", conflicts_with = "best_class")]
    best_fau: Option<usize>,
    /// The ten filters that separate this class best from the others.
    #[arg(long, value_name = "NAME")]
    best_class: Option<String>,
    /// Patches per filter.
    #[arg(long, default_value_t = 10)]
    top: usize,
    /// The difference required between the patches of one filter: another image, sequence or subject.
    #[arg(long, value_name = "WHAT", default_value = "subject")]
    distinct: Distinct,
    /// The images to search: train, val, test or all. Test people are new to the checkpoint.
    #[arg(long, value_name = "PART", default_value = "test")]
    split: SplitPart,
    /// Also draw the evidence for a class in these images: rows of the data set.
    #[arg(long, value_name = "ROWS")]
    evidence: Option<Folds>,
    /// The class of the evidence; by default the predicted one.
    #[arg(long, value_name = "NAME", requires = "evidence")]
    class: Option<String>,
    /// Leave out the comparison with random networks.
    #[arg(long)]
    no_sanity: bool,
    /// Seed of the random networks.
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
    let method = faus_viz::find(&args.method, &[]).map_err(|e| wrong_usage(e.into()))?;
    let prepared = Prepared::open(&args.prepared)?;
    let (checkpoint, network) = open_network(make, &args.checkpoint, &prepared, args.device)?;
    let (rows, may_have_seen) = rows_of(&args, &checkpoint, &prepared)?;
    let (workers, steps) = (Workers::new(0)?, Steps::default());
    let lens = LayerLens {
        stage: network.stage_index(&args.layer)?,
        network,
        prepared: &prepared,
        normalisation: normalisation_of(&checkpoint, &args.checkpoint)?,
        pool: workers.pool(),
        progress: &|step, done, of| steps.show(step, done, of),
    };
    let class = args.class.as_ref().map(|name| class_label(&lens, name));
    let class = class.transpose()?;
    let untrained = match args.no_sanity {
        true => None,
        false => Some(untrained(&args, &checkpoint, &lens.network, make)?),
    };
    if let Some(Folds(rows)) = &args.evidence {
        write_evidence(&lens, &args.output, rows, class, args.arrays)?;
    }
    let album = Album {
        options: &AnalysisOptions::default().check()?,
        rows: &rows,
        split: args.split,
        fold: checkpoint.info.fold,
        may_have_seen,
        choice: args.choice(),
        method,
        top: args.top,
        distinct: args.distinct,
        shown: SHOWN,
        arrays: args.arrays,
    };
    album.write(&lens, &args.output, untrained)?;
    if prepared.info().synthetic {
        say("These patches show synthetic faces.");
    }
    println!("{}", args.output.join("figure.png").display());
    Ok(())
}

/// Untrained networks of the checkpoint's kind.
fn untrained(
    args: &VisualizeArgs,
    checkpoint: &Checkpoint,
    network: &Network,
    make: MakeArchitecture,
) -> Result<Untrained> {
    let config = NetworkConfig {
        k: checkpoint.info.drawn.get("k").copied(),
        ..NetworkConfig::default()
    };
    let architecture = architecture_of(make, &config)?;
    Ok(Untrained::draw(architecture.as_ref(), args.seed, network)?)
}

/// The rows of the part to search under the checkpoint's own split, and why the network may have seen its test people.
fn rows_of(
    args: &VisualizeArgs,
    checkpoint: &Checkpoint,
    prepared: &Prepared,
) -> Result<(Vec<usize>, Option<String>)> {
    let fold = match (args.split, checkpoint.info.fold) {
        (SplitPart::All, fold) => fold.unwrap_or(0),
        (_, fold) => fold.with_context(|| {
            format!(
                "{}: does not name the fold it was trained for, so the people new to it are unknown; use --split all",
                args.checkpoint.display()
            )
        })?,
    };
    let protocol = match &checkpoint.info.protocol {
        Some(name) => serde_json::from_value(name.as_str().into())?,
        None => Protocol::default(),
    };
    let seen = match args.split {
        SplitPart::Test => why_optimistic(checkpoint, prepared, fold, args.split.part())?,
        _ => None,
    };
    if let Some(why) = &seen {
        say(format!("Note: {why}"));
    }
    let rows = args.split.rows(prepared, fold, protocol)?;
    if rows.is_empty() {
        bail!("fold {fold} has no images in this part; use --split all");
    }
    Ok((rows, seen))
}
