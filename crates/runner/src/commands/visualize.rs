//! `faus visualize`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use faus_data::{Prepared, Protocol, SplitPart};
use faus_fau::AnalysisOptions;
use faus_model::{Checkpoint, Network};
use faus_train::{Workers, why_optimistic};
use faus_viz::{Album, Choice, Distinct, LayerLens, Show, Untrained, class_output, write_evidence};

use crate::app::arguments::{NetworkArgs, NumberList, Opened};
use crate::app::console::{Steps, say};
use crate::app::own_network::check_input;
use crate::app::program::Program;
use crate::app::usage::wrong_usage;
use crate::config::NetworkConfig;

/// Number of filters in the figure, and in a choice by class.
const SHOWN: usize = 10;

/// Find and explain the patches that excite filters most.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faus visualize runs/ck_plus-cnn_ad-quick --filters 3,17 --method deconvnet --out viz\n  faus visualize --checkpoint best.safetensors --prepared prepared/ck-48 --layer conv2 --out viz\n  faus visualize --network model.onnx --input input.json --prepared prepared/ck-48 --out viz"
)]
pub(crate) struct VisualizeArgs {
    #[command(flatten)]
    of: NetworkArgs,
    /// guided, deconvnet, gradient, occlusion, or a method of the program.
    #[arg(long, default_value = "guided")]
    method: String,
    /// Filters, for example 0-9 or 3,17; by default all.
    #[arg(long, value_name = "0-9|all", conflicts_with_all = ["best_fau", "best_class"])]
    filters: Option<Filters>,
    /// N of the filters that are named after an action unit, the best of each unit first.
    #[arg(long, value_name = "N", conflicts_with = "best_class")]
    best_fau: Option<usize>,
    /// The ten filters that separate this class best from the others.
    #[arg(long, value_name = "NAME")]
    best_class: Option<String>,
    /// Patches per filter.
    #[arg(long, default_value_t = 10)]
    top: usize,
    /// The picture beside a projection: input (the grey crop) or normalised (the network's input, as in the authors' figures).
    #[arg(long, value_name = "WHAT", default_value = "input")]
    show: Show,
    /// How patches of one filter must differ: by image, sequence or subject.
    #[arg(long, value_name = "WHAT", default_value = "subject")]
    distinct: Distinct,
    /// The images to search: train, val, test or all [default: test, people that the checkpoint was not trained on; for your
    /// own network all].
    #[arg(long, value_name = "PART")]
    split: Option<SplitPart>,
    /// Also draw the evidence for a class in these images: rows of the data set.
    #[arg(long, value_name = "ROWS")]
    evidence: Option<NumberList>,
    /// The class of the evidence; by default the predicted one.
    #[arg(long, value_name = "NAME", requires = "evidence")]
    class: Option<String>,
    /// Skip the comparison with random networks.
    #[arg(long)]
    no_sanity: bool,
    /// Seed of the random networks.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for filters.json and the pictures.
    #[arg(long, alias = "output", value_name = "DIR")]
    out: PathBuf,
    /// Also store the crops as npy.
    #[arg(long)]
    arrays: bool,
}

/// The part to search, its rows, and why the network may have seen its test people.
type Rows = (SplitPart, Vec<usize>, Option<String>);

/// `all`, or numbers as [`NumberList`] reads them.
#[derive(Debug, Clone)]
struct Filters(Option<NumberList>);

impl std::str::FromStr for Filters {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = (text != "all").then(|| text.parse()).transpose();
        numbers
            .map(Self)
            .map_err(|error| format!("{error}, or all"))
    }
}

pub(crate) fn visualize(args: VisualizeArgs, program: &Program) -> Result<()> {
    if args.top == 0 || args.best_fau == Some(0) {
        return Err(wrong_usage(anyhow!(
            "--top and --best-fau must be at least 1"
        )));
    }
    let method = faus_viz::find(&args.method, program.methods());
    let method = method.map_err(|error| wrong_usage(error.into()))?;
    args.check_out()?;
    let Opened {
        path,
        prepared,
        network,
        stage,
        normalisation,
        checkpoint,
    } = args.of.open(program)?;
    let rows = match &checkpoint {
        Some(checkpoint) => args.rows(checkpoint, &prepared),
        None => args.rows_of_own(&prepared),
    };
    let (split, rows, may_have_seen) = rows.with_context(|| path.display().to_string())?;
    let (workers, steps) = (Workers::new(0)?, Steps::default());
    let lens = LayerLens {
        stage,
        network,
        prepared: &prepared,
        normalisation,
        pool: workers.pool(),
        progress: &|step, done, of| steps.show(step, done, of),
    };
    let class = args.class.as_ref().map(|name| class_output(&lens, name));
    let class = class.transpose()?;
    let checkpoint = checkpoint.as_ref();
    let untrained = || args.untrained(checkpoint, &lens.network, program);
    let untrained = (!args.no_sanity).then(untrained).transpose()?;
    if checkpoint.is_none() {
        check_input(&lens)?;
    }
    if let Some(NumberList(rows)) = &args.evidence {
        write_evidence(&lens, &args.out, rows, class, args.arrays).context("--evidence")?;
    }
    let album = Album {
        options: &AnalysisOptions::default().check()?,
        rows: &rows,
        split,
        fold: checkpoint.and_then(|it| it.info.fold),
        may_have_seen,
        choice: args.choice(),
        method,
        top: args.top,
        distinct: args.distinct,
        shown: SHOWN,
        show: args.show,
        front: vec![],
        arrays: args.arrays,
    };
    album.write(&lens, &args.out, untrained)?;
    if prepared.info().synthetic {
        say("These patches show synthetic faces.");
    }
    println!("{}", args.out.join("figure.png").display());
    Ok(())
}

impl VisualizeArgs {
    /// Refuses to replace a run's pictures of all filters with those of some.
    fn check_out(&self) -> Result<()> {
        let some = !matches!(self.choice(), Choice::All);
        let of_run = |out: &Path| {
            let run = out.ancestors().nth(2);
            run.is_some_and(|run| run.join("config.json").exists())
        };
        let out = self.out.canonicalize().unwrap_or_default();
        if some && out.join("filters.json").exists() && of_run(&out) {
            bail!(
                "{}: holds the run's pictures of its filters, which its page shows; choose another folder with --out",
                self.out.display()
            );
        }
        Ok(())
    }

    fn choice(&self) -> Choice {
        match (&self.filters, self.best_fau, &self.best_class) {
            (Some(Filters(Some(numbers))), ..) => Choice::Numbers(numbers.0.clone()),
            (_, Some(count), _) => Choice::BestFau(count),
            (_, _, Some(name)) => Choice::BestClass(name.clone()),
            _ => Choice::All,
        }
    }

    /// Untrained networks with the checkpoint's architecture, or the graph of the user's own.
    fn untrained(
        &self,
        of: Option<&Checkpoint>,
        like: &Network,
        program: &Program,
    ) -> Result<Untrained> {
        let config = NetworkConfig {
            k: of.and_then(|of| of.info.drawn.get("k").copied()),
            ..NetworkConfig::default()
        };
        let architecture = program.architecture(&config)?;
        Ok(Untrained::draw(architecture.as_ref(), self.seed, like)?)
    }

    /// The rows of the part to search under the checkpoint's own split, and why the network may have seen its test people.
    fn rows(&self, of: &Checkpoint, set: &Prepared) -> Result<Rows> {
        let split = self.split.unwrap_or(SplitPart::Test);
        let unknown = "does not name the fold it was trained for, so the people new to it are unknown; use --split all";
        let fold = match (split, of.info.fold) {
            (SplitPart::All, fold) => fold.unwrap_or(0),
            (_, fold) => fold.context(unknown)?,
        };
        let protocol = match &of.info.protocol {
            Some(name) => serde_json::from_value(name.as_str().into())?,
            None => Protocol::default(),
        };
        let seen = match split {
            SplitPart::Test => why_optimistic(of, set, fold, split.part())?,
            _ => None,
        };
        if let Some(why) = &seen {
            say(format!("Note: {why}"));
        }
        let rows = split.rows(set, fold, protocol)?;
        match rows.is_empty() {
            true => bail!("fold {fold} has no images in this part; use --split all"),
            false => Ok((split, rows, seen)),
        }
    }

    /// All rows: the folds of the data set are not those of a network that was trained elsewhere.
    fn rows_of_own(&self, set: &Prepared) -> Result<Rows> {
        match self.split.unwrap_or(SplitPart::All) {
            SplitPart::All => Ok((SplitPart::All, (0..set.len()).collect(), None)),
            _ => bail!("the folds of the data set are not those of its training; use --split all"),
        }
    }
}
