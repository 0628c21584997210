//! Learning curves.

use askama::Template;

use crate::page::blocks::{Blocks, Section};
use crate::plot::Plot;
use crate::plot::curves::{Axes, of_all, of_fold};
use crate::run::Run;
use crate::run::folder::{Gap, Part};
use crate::run::folds::{Fold, MetricsRow};
use crate::run::remedy::RERUN;

#[derive(Template)]
#[template(path = "curves.html")]
struct Curves {
    folds: Vec<(u64, Part<String>)>,
}

pub(super) fn section(run: &Run) -> Section {
    let (id, title) = ("curves", "Learning curves");
    let mut blocks = Blocks::default();
    if run.folds.is_empty() {
        blocks.gap(&Gap::missing("folds/0/metrics.csv", RERUN));
        return blocks.section(id, title);
    }
    let measured = run.folds.iter().filter(|fold| !fold.metrics.is_empty());
    let measured: Vec<(u64, &[MetricsRow])> = measured
        .map(|fold| (fold.number, fold.metrics.as_slice()))
        .collect();
    let axes = Axes::of(measured.iter().map(|(_, rows)| *rows));
    if measured.len() > 1 {
        blocks.figure(of_all(&measured, &axes), "Accuracy on the validation fold (share of its images) over the training steps: each fold thin and blue, their mean thick and orange.");
    }
    blocks.heading("Fold by fold");
    blocks.quiet("Above, blue: training loss (nats). Below, orange: validation accuracy. Dashed: the chosen checkpoint. All folds share their axes.");
    let folds = run.folds.iter().map(|fold| {
        let plot = curve(fold, &axes);
        let inline = plot.as_ref().map(Plot::inline).map_err(Gap::clone);
        blocks.plots.extend(plot.ok());
        (fold.number, inline)
    });
    let folds = folds.collect();
    blocks.html(Curves { folds });
    blocks.section(id, title)
}

fn curve(fold: &Fold, axes: &Axes) -> Part<Plot> {
    if let Some(gap) = &fold.metrics.gap {
        return Err(gap.clone());
    }
    let plot = of_fold(fold.number, &fold.metrics, fold.result.best_step, axes);
    let file = format!("folds/{}/metrics.csv", fold.number);
    plot.ok_or_else(|| Gap::damaged(&file, "its curve cannot be drawn", ""))
}
