use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use faus_data::{Prepared, Protocol, SplitPart};
use faus_model::{Checkpoint, DeviceChoice, Precision};
use faus_train::{
    FoldJob, FoldProgress, Interval, Measures, MemoryForecast, Monitor, Scores, SubjectScore,
    Workers, check_fits, evaluate, normalisation_of, select, why_optimistic,
};

use crate::cli::{architecture_of, open_network};
use crate::console::say;
use crate::data::marks;
use crate::progress::Board;
use crate::run_folder::RunFolder;
use crate::{ExperimentConfig, MakeArchitecture, NetworkConfig, Preset, interrupt};

/// Train one fold.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: faus train experiments/ck_plus/cnn_ad.json --prepared prepared/ck-48 --fold 0 --out folds/0 --preset quick"
)]
pub(crate) struct TrainArgs {
    /// The experiment's JSON file.
    experiment: PathBuf,
    /// A prepared data set; its image size is used whatever the experiment says.
    #[arg(long, value_name = "DIR")]
    prepared: PathBuf,
    /// The test fold.
    #[arg(long, value_name = "K")]
    fold: usize,
    /// Folder for checkpoints, metrics and results.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Go on from the last checkpoint.
    #[arg(long)]
    resume: bool,
    /// Write an event file for TensorBoard into the folder: tensorboard --logdir DIR
    #[arg(long)]
    tensorboard: bool,
    /// How much of the paper's work to do.
    #[arg(long, value_enum, default_value = "auto")]
    preset: Preset,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
    /// Fixes everything random.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Any setting of the experiment, for example train.steps=500; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
}

pub(crate) fn train(args: TrainArgs, make: MakeArchitecture) -> Result<()> {
    let device = args.device.resolve()?;
    let preset = match args.preset {
        Preset::Auto if device.is_cuda() => Preset::Paper,
        Preset::Auto => Preset::Quick,
        other => other,
    };
    let config = ExperimentConfig::resolve(&args.experiment, preset, args.seed, &args.sets)?;
    let (recipe, architecture) = (config.recipe()?, architecture_of(make, &config.network)?);
    let prepared = Prepared::open(&args.prepared)?;
    // Before the folder is made, so that a fold that isn't there leaves none.
    prepared.split(args.fold, config.train.protocol)?;
    let folder = RunFolder::open(&args.out)?;
    if !args.resume && folder.join("fold.json").exists() {
        bail!(
            "{}: holds a finished fold; choose another folder, or delete it",
            args.out.display()
        );
    }
    if let Some(step) = faus_train::stopped_at(&args.out).filter(|_| !args.resume) {
        bail!(
            "{}: this fold was stopped after step {step}; go on with --resume, or delete the folder to start again",
            args.out.display()
        );
    }
    let workers = Workers::new(0)?;
    let architecture = architecture.as_ref();
    MemoryForecast::new(architecture, &prepared, &recipe, workers.count(), device)?
        .folds_that_fit(1)?;
    let done = faus_train::stopped_at(&args.out).unwrap_or(0);
    let board = Board::new(1, recipe.steps.saturating_sub(done));
    board.begin(args.fold);
    let progress = |p: FoldProgress| {
        board.step(&p);
        if let Some(row) = p.row {
            board.line(&format!(
                "step {}: loss {:.3}, validation {:.1}%, {:.0} images/s",
                row.step,
                row.train_loss,
                100.0 * row.val_accuracy,
                row.images_per_second
            ));
        }
    };
    let monitor = Monitor {
        cancelled: interrupt::stop(),
        progress: &progress,
    };
    let seed = config.seed;
    let job = FoldJob {
        prepared: &prepared,
        architecture,
        recipe: &recipe,
        fold: args.fold,
        seed,
        device,
        dir: folder.root(),
        resume: args.resume,
        tensorboard: args.tensorboard,
    };
    let result = job.run(&workers, &monitor);
    drop(board);
    let result = result.map_err(|error| match error.out_of_memory() {
        Some(way_out) => anyhow!("{error}; {way_out}"),
        None => error.into(),
    })?;
    println!(
        "fold {}{}: test accuracy {:.4}, validation {:.4} at step {}; after the last step {:.4}; best of all checkpoints on test {:.4} (optimistic)",
        result.fold,
        marks(prepared.info()),
        result.test_accuracy,
        result.val_accuracy,
        result.best_step,
        result.final_test_accuracy,
        result.best_test_accuracy_optimistic
    );
    Ok(())
}

/// A protocol by the name it has in experiments.
fn protocol(name: &str) -> Result<Protocol, String> {
    serde_json::from_value(name.into())
        .map_err(|_| format!("`{name}` is no protocol: use paper-2017 or paper-2015"))
}

/// Run a checkpoint over a part of a data set.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: faus evaluate --checkpoint folds/0/best.safetensors --prepared prepared/ck-48 --fold 0 --split test --predictions out.csv"
)]
pub(crate) struct EvaluateArgs {
    /// A .safetensors checkpoint.
    #[arg(long, value_name = "FILE")]
    checkpoint: PathBuf,
    /// A prepared data set.
    #[arg(long, value_name = "DIR")]
    prepared: PathBuf,
    /// The test fold that names the split.
    #[arg(long, value_name = "K")]
    fold: usize,
    /// The part to evaluate: train, val, test or all.
    #[arg(long, value_name = "PART")]
    split: SplitPart,
    /// Which folds validate and test: paper-2017 (one each) or paper-2015 (the test fold does both).
    #[arg(long, default_value = "paper-2017", value_parser = protocol)]
    protocol: Protocol,
    /// Logits of every image.
    #[arg(long, value_name = "CSV")]
    predictions: Option<PathBuf>,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
}

pub(crate) fn evaluate_command(args: EvaluateArgs, make: MakeArchitecture) -> Result<()> {
    let prepared = Prepared::open(&args.prepared)?;
    let (checkpoint, network) = open_network(make, &args.checkpoint, &prepared, args.device)?;
    let rows = args.split.rows(&prepared, args.fold, args.protocol)?;
    let optimistic = why_optimistic(&checkpoint, &prepared, args.fold, args.split.part())?;
    if let Some(why) = &optimistic {
        say(format!("Note: optimistic, since {why}"));
    }
    if rows.is_empty() {
        bail!("this part of fold {} has no images", args.fold);
    }
    let normalisation = normalisation_of(&checkpoint, &args.checkpoint)?;
    let predictions = evaluate(
        &network,
        &prepared,
        &rows,
        &normalisation,
        &Workers::new(0)?,
    )?;
    let scores = Scores::count(&predictions);
    let marks = marks(prepared.info());
    println!(
        "accuracy {:.4}{} on {} images{marks}; most frequent class {:.4}",
        scores.accuracy(),
        optimistic_mark(optimistic.is_some()),
        rows.len(),
        scores.majority_accuracy()
    );
    let people = SubjectScore::count(&predictions, &prepared);
    if let Some(interval) = Interval::of_accuracy(&[&people], 0) {
        println!(
            "95% interval over {} people {:.4} to {:.4}",
            interval.subjects, interval.low, interval.high
        );
    }
    if let Some(measures) = Measures::of(&predictions) {
        for (name, value) in &Measures::NAMED[1..] {
            println!("{} {:.4}", name.replace('_', " "), value(&measures));
        }
    }
    for (class, s) in scores.per_class(&prepared.info().classes) {
        println!(
            "  {class:12} precision {:.3}  recall {:.3}  F1 {:.3}  images {}",
            s.precision, s.recall, s.f1, s.support
        );
    }
    print_confusion(&scores, &prepared.info().classes);
    if let Some(path) = &args.predictions {
        predictions.write_csv(path, &prepared.info().classes)?;
        println!("{}", path.display());
    }
    Ok(())
}

fn optimistic_mark(optimistic: bool) -> &'static str {
    if optimistic { " (optimistic)" } else { "" }
}

/// Images of each class (rows) by the class that they were taken for (columns).
fn print_confusion(scores: &Scores, classes: &[String]) {
    println!("confusion, true class by predicted class:");
    print!("  {:12}", "");
    for class in classes {
        print!(" {class:>9}");
    }
    println!();
    for (class, row) in classes.iter().zip(&scores.confusion) {
        print!("  {class:12}");
        for (images, class) in row.iter().zip(classes) {
            print!(" {images:>0$}", class.chars().count().max(9));
        }
        println!();
    }
}

/// Pick the checkpoint of a folder that is best on validation, then test it.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: faus select runs/ck_plus-cnn_ad-quick/folds/0/checkpoints --prepared runs/ck_plus-cnn_ad-quick/dataset --fold 0"
)]
pub(crate) struct SelectArgs {
    /// Folder with step-NNNNNN.safetensors.
    checkpoints: PathBuf,
    /// A prepared data set.
    #[arg(long, value_name = "DIR")]
    prepared: PathBuf,
    /// The test fold.
    #[arg(long, value_name = "K")]
    fold: usize,
    /// Which folds validate and test: paper-2017 (one each) or paper-2015 (the test fold does both).
    #[arg(long, default_value = "paper-2017", value_parser = protocol)]
    protocol: Protocol,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
}

pub(crate) fn select_command(args: SelectArgs, make: MakeArchitecture) -> Result<()> {
    let prepared = Prepared::open(&args.prepared)?;
    let split = prepared.split(args.fold, args.protocol)?;
    let device = args.device.resolve()?;
    Precision::for_looking(device)?;
    let architecture = architecture_of(make, &NetworkConfig::default())?;
    let mut optimistic = (args.protocol == Protocol::Paper2015)
        .then(|| "under paper-2015 the test fold chooses the checkpoint".to_owned());
    for (_, path) in faus_train::list_checkpoints(&args.checkpoints)? {
        let checkpoint = Checkpoint::load(&path)?;
        check_fits(&checkpoint, &prepared)
            .with_context(|| format!("{}: does not fit", path.display()))?;
        if optimistic.is_none() {
            let test = SplitPart::Test.part();
            optimistic = why_optimistic(&checkpoint, &prepared, args.fold, test)?;
        }
    }
    if let Some(why) = &optimistic {
        say(format!("Note: optimistic, since {why}"));
    }
    let selection = select(
        &args.checkpoints,
        architecture.as_ref(),
        &prepared,
        &split,
        device,
        &Workers::new(0)?,
    )?;
    for c in &selection.candidates {
        let mark = if c.step == selection.best.step {
            "  <- best on validation"
        } else {
            ""
        };
        println!("step {:6}  validation {:.4}{mark}", c.step, c.val_accuracy);
    }
    let marks = marks(prepared.info());
    println!(
        "test accuracy {:.4}{marks}{} of step {}",
        selection.best.test_accuracy,
        optimistic_mark(optimistic.is_some()),
        selection.best.step
    );
    Ok(())
}
