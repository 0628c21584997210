//! Learning curves.

use crate::page::blocks::Sections;
use crate::page::text::{decimal, list, percent};
use crate::plot::curves::of_all;
use crate::run::Run;
use crate::run::folder::{Gap, RERUN};
use crate::run::folds::Fold;

pub(super) fn section(run: &Run, page: &mut Sections) {
    let blocks = page.start("curves", "Learning curves");
    if run.folds.is_empty() {
        return blocks.gap(&Gap::missing("folds/0/metrics.csv", RERUN));
    }
    let gaps = run
        .folds
        .iter()
        .filter_map(|fold| fold.metrics.gap.as_ref());
    gaps.for_each(|gap| blocks.gap(gap));
    let measured = run.folds.iter().filter(|fold| !fold.metrics.is_empty());
    let measured: Vec<&Fold> = measured.collect();
    let classes = Some(run.summary.class_count()).filter(|classes| *classes > 0);
    let guessing = [
        classes.map(|classes| (classes as f64).ln()),
        run.summary.majority(),
    ];
    let words = [
        guessing[0].map(|loss| format!("the loss of guessing ({} nats)", decimal(loss, 2))),
        guessing[1].map(|share| {
            format!(
                "the most frequent expression ({} of the test images)",
                percent(share)
            )
        }),
    ];
    let words: Vec<String> = words.into_iter().flatten().collect();
    let dashed = match words.is_empty() {
        true => String::new(),
        false => format!(" Grey, dashed: {}.", list(&words)),
    };
    blocks.figure(
        of_all(&measured, guessing),
        format!("Training loss, and accuracy on the validation fold in % of its images, over the training steps. Blue, thin: each fold; orange, thick: their mean.{dashed}"),
    );
}
