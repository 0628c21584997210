//! `faus evaluate`.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use faus_base::text::counted;
use faus_data::{Prepared, SplitPart};
use faus_train::{
    Interval, Measures, Predictions, Scores, SubjectScore, Workers, normalisation_of,
    why_optimistic,
};

use crate::app::arguments::{FoldArgs, open_network};
use crate::app::console::say;
use crate::app::program::Program;
use crate::app::usage::wrong_usage;
use crate::config::name_of;
use crate::pipeline::dataset::marks;

/// Run a checkpoint over a part of a data set.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: faus evaluate --checkpoint folds/0/best.safetensors --prepared prepared/ck-48 --fold 0 --split test --predictions out.csv"
)]
pub(crate) struct EvaluateArgs {
    /// A .safetensors checkpoint.
    #[arg(long, value_name = "FILE")]
    checkpoint: PathBuf,
    #[command(flatten)]
    of: FoldArgs,
    /// The parts to run over, one after the other, each once: train, val, test or all.
    #[arg(long, value_name = "PART,…", value_delimiter = ',', required = true)]
    split: Vec<SplitPart>,
    /// Table for the logits of every image; takes one part.
    #[arg(long, value_name = "CSV")]
    predictions: Option<PathBuf>,
}

pub(crate) fn evaluate(args: EvaluateArgs, program: &Program) -> Result<()> {
    let mut parts = args.split.iter().enumerate();
    if let Some((_, part)) = parts.find(|(at, part)| args.split[..*at].contains(part)) {
        let name = name_of(part);
        return Err(wrong_usage(anyhow!("--split names {name} twice")));
    }
    if args.predictions.is_some() && args.split.len() > 1 {
        return Err(wrong_usage(anyhow!(
            "--predictions is a table of one part: give --split one part, and call once for each"
        )));
    }
    let full = |path: &Path| path.canonicalize().ok();
    let predictions = args.predictions.as_deref().and_then(full);
    if predictions.is_some() && predictions == full(&args.checkpoint) {
        return Err(wrong_usage(anyhow!(
            "--predictions would replace the checkpoint: name another file"
        )));
    }
    let (of, prepared) = (&args.of, Prepared::open(&args.of.prepared)?);
    let (checkpoint, network) = open_network(program, &args.checkpoint, &prepared, of.device)?;
    let normalisation = normalisation_of(&checkpoint, &args.checkpoint)?;
    let workers = Workers::new(0)?;
    for split in &args.split {
        let rows = split.rows(&prepared, of.fold, of.protocol)?;
        if rows.is_empty() {
            bail!("this part of fold {} has no images", of.fold);
        }
        let reason = why_optimistic(&checkpoint, &prepared, of.fold, split.part())?;
        if args.split.len() > 1 {
            println!("{}:", name_of(split));
        }
        let mark = optimistic_mark(reason);
        let predictions =
            faus_train::evaluate(&network, &prepared, &rows, &normalisation, &workers)?;
        if let Some(path) = &args.predictions {
            predictions.write_csv(path, &prepared.info().classes)?;
        }
        print_scores(&predictions, &prepared, mark);
        if let Some(path) = &args.predictions {
            println!("{}", path.display());
        }
    }
    Ok(())
}

fn print_scores(predictions: &Predictions, prepared: &Prepared, mark: &str) {
    let scores = Scores::count(predictions);
    let (accuracy, majority) = (scores.accuracy(), scores.majority_accuracy());
    let (images, marks) = (counted(predictions.len(), "image"), marks(prepared.info()));
    println!("accuracy {accuracy:.4}{mark} on {images}{marks}; most frequent class {majority:.4}");
    let people = SubjectScore::count(predictions, prepared);
    if let Some(interval) = Interval::of_accuracy(&[&people], 0) {
        let (people, low, high) = (
            counted(interval.subjects, "person"),
            interval.low,
            interval.high,
        );
        println!("95% interval over {people} {low:.4} to {high:.4}");
    }
    if let Some(measures) = Measures::of(predictions) {
        for (name, value) in &Measures::NAMED[1..] {
            println!("{} {:.4}", name.replace('_', " "), value(&measures));
        }
    }
    print_classes(&scores, &prepared.info().classes);
}

/// ` (optimistic)` where there is a reason, which is printed; else nothing.
pub(super) fn optimistic_mark(reason: Option<String>) -> &'static str {
    let Some(reason) = reason else { return "" };
    say(format!("Note: optimistic, since {reason}"));
    " (optimistic)"
}

/// Scores of each class, then the confusion matrix: true classes in rows, predicted ones in columns.
fn print_classes(scores: &Scores, classes: &[String]) {
    for (class, s) in scores.per_class(classes) {
        println!(
            "  {class:12} precision {:.3}  recall {:.3}  F1 {:.3}  images {}",
            s.precision, s.recall, s.f1, s.support
        );
    }
    println!("confusion, true class by predicted class:");
    let header: String = classes.iter().map(|class| format!(" {class:>9}")).collect();
    println!("  {:12}{header}", "");
    for (class, row) in classes.iter().zip(&scores.confusion) {
        let cells = row.iter().zip(classes);
        let cells: String = cells
            .map(|(images, class)| format!(" {images:>0$}", class.chars().count().max(9)))
            .collect();
        println!("  {class:12}{cells}");
    }
}
