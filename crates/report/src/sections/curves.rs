//! Learning curves.

use askama::Template;

use crate::page::blocks::Sections;
use crate::plot::Plot;
use crate::plot::curves::{Axes, of_all, of_fold};
use crate::run::Run;
use crate::run::folder::{Gap, Part, RERUN};
use crate::run::folds::Fold;

#[derive(Template)]
#[template(path = "curves.html")]
struct Curves {
    folds: Vec<(u64, Part<Plot>)>,
}

pub(super) fn section(run: &Run, page: &mut Sections) {
    let blocks = page.start("curves", "Learning curves");
    if run.folds.is_empty() {
        return blocks.gap(&Gap::missing("folds/0/metrics.csv", RERUN));
    }
    let measured = run.folds.iter().filter(|fold| !fold.metrics.is_empty());
    let measured: Vec<&Fold> = measured.collect();
    let axes = Axes::of(&measured);
    if measured.len() > 1 {
        blocks.figure(of_all(&measured, &axes), "Accuracy on the validation fold (share of its images) over the training steps: each fold thin and blue, their mean thick and orange.");
    }
    blocks.heading("Fold by fold");
    blocks.quiet("Above, blue: training loss (nats). Below, orange: validation accuracy. Dashed: the chosen checkpoint. All folds share their axes.");
    let curve = |fold: &Fold| (fold.number, curve(fold, &axes));
    let folds = run.folds.iter().map(curve).collect();
    let curves = Curves { folds };
    blocks.html(&curves);
    let plots = curves.folds.into_iter().filter_map(|(_, plot)| plot.ok());
    blocks.plots.extend(plots);
}

fn curve(fold: &Fold, axes: &Axes) -> Part<Plot> {
    if let Some(gap) = &fold.metrics.gap {
        return Err(gap.clone());
    }
    let file = format!("folds/{}/metrics.csv", fold.number);
    of_fold(fold, axes).ok_or_else(|| Gap::damaged(&file, "its curve cannot be drawn", ""))
}
