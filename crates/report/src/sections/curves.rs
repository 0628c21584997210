//! Learning curves.

use askama::Template;

use super::{Block, Context, Section};
use crate::files::{Gap, damaged, missing};
use crate::plot::curves::{Axes, of_all, of_fold};
use crate::run::{MetricsRow, RERUN};

#[derive(Template)]
#[template(path = "curves.html")]
struct Curves {
    folds: Vec<(u64, Result<String, Gap>)>,
}

pub(super) fn section(context: &Context) -> Result<Section, askama::Error> {
    let folds = &context.run.folds;
    let measured: Vec<(u64, &[MetricsRow])> = folds
        .iter()
        .filter_map(|fold| Some((fold.number, fold.metrics.as_deref().ok()?)))
        .filter(|(_, rows)| !rows.is_empty())
        .collect();
    let mut blocks = Vec::new();
    if folds.is_empty() {
        blocks.push(Block::Gap(missing("folds/0/metrics.csv", RERUN)));
        return Section::new("curves", "Learning curves", &blocks);
    }
    let axes = Axes::of(measured.iter().map(|(_, rows)| *rows));
    let caption = "Accuracy on the validation fold (a share of its images) over the training steps: each fold thin and blue, their mean thick and orange.";
    if measured.len() > 1 {
        blocks.extend(context.figure(of_all(&measured, &axes), caption.to_owned()));
    }
    blocks.push(Block::Heading("Fold by fold".to_owned()));
    blocks.push(Block::Quiet("Above, blue: training loss (nats). Below, orange: validation accuracy. Dashed: the checkpoint that was chosen. All folds share their axes.".to_owned()));
    let curve = |fold: &crate::run::Fold| {
        let best = fold
            .result
            .as_ref()
            .ok()
            .and_then(|result| result.best_step);
        let rows = fold.metrics.as_ref().map_err(Gap::clone)?;
        let plot = of_fold(fold.number, rows, best, &axes).ok_or_else(|| {
            let file = format!("folds/{}/metrics.csv", fold.number);
            damaged(&file, "its curve cannot be drawn".to_owned(), "")
        })?;
        let inline = plot.inline();
        context.plots.borrow_mut().push(plot);
        Ok(inline)
    };
    let curves = folds
        .iter()
        .map(|fold| (fold.number, curve(fold)))
        .collect();
    blocks.push(Block::Html(Curves { folds: curves }.render()?));
    Section::new("curves", "Learning curves", &blocks)
}
