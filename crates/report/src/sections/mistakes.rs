//! The most confident mistakes, with their pictures.

use std::collections::BTreeSet;

use askama::Template;

use crate::page::blocks::{Blocks, Section};
use crate::page::text::percent;
use crate::run::Run;
use crate::run::folder::Gap;
use crate::run::folds::Prediction;
use crate::run::remedy::RERUN;

/// Mistakes shown.
const SHOWN: usize = 24;

#[derive(Template)]
#[template(path = "mistakes.html")]
struct Gallery {
    mistakes: Vec<Mistake>,
    side: usize,
}

struct Mistake {
    uri: Option<String>,
    truth: String,
    predicted: String,
    confidence: String,
    who: String,
}

pub(super) fn section(run: &Run) -> Section {
    let mut blocks = Blocks::default();
    let folds = run.folds.iter();
    let damaged = folds.filter_map(|fold| fold.predictions.damage());
    damaged.for_each(|gap| blocks.gap(gap));
    match run.predictions().count() {
        0 => blocks.gap(&Gap::missing("folds/0/predictions.csv", RERUN)),
        images => gallery(run, images, &mut blocks),
    }
    blocks.section("mistakes", "Most confident mistakes")
}

fn gallery(run: &Run, images: usize, blocks: &mut Blocks) {
    let mut wrong: Vec<(u64, &Prediction)> = run.predictions().collect();
    wrong.retain(|(_, row)| row.label != row.predicted);
    if wrong.is_empty() {
        return blocks.text("Every test image was classified correctly.");
    }
    // A total order, so that the same run gives the same page.
    wrong.sort_by(|(_, a), (_, b)| {
        let falling = b.confidence.total_cmp(&a.confidence);
        falling.then(a.index.cmp(&b.index))
    });
    let (all, mut seen) = (wrong.len(), BTreeSet::new());
    wrong.retain(|(_, row)| seen.insert(recording(run, row)));
    wrong.truncate(SHOWN);
    blocks.quiet(format!(
        "{all} of {images} test images were classified wrongly. Shown are the {} with the highest confidence (softmax), at most one per recording.",
        wrong.len()
    ));
    if let Err(gap) = &run.images {
        blocks.gap(gap);
    }
    let mistakes = wrong.iter().map(|(fold, row)| mistake(run, *fold, row));
    blocks.html(Gallery {
        mistakes: mistakes.collect(),
        side: run.images.as_ref().map_or(0, |images| images.side),
    });
}

/// Subject and recording, or the image itself where they are unknown: the last frames of a recording are alike.
fn recording(run: &Run, row: &Prediction) -> (i64, String) {
    match run.sample(row.index) {
        Some(sample) if !sample.sequence.is_empty() => (sample.subject, sample.sequence.clone()),
        _ => (-1, format!("image {}", row.index)),
    }
}

fn mistake(run: &Run, fold: u64, row: &Prediction) -> Mistake {
    let images = run.images.as_ref().ok();
    let picture = images.and_then(|images| images.get(row.index)?.png());
    let sample = run.sample(row.index);
    let parts = sample.map(|sample| {
        [
            (sample.subject >= 0).then(|| format!("subject {}", sample.subject)),
            (!sample.sequence.is_empty()).then(|| format!("recording {}", sample.sequence)),
            (!sample.frame.is_empty()).then(|| format!("frame {}", sample.frame)),
        ]
    });
    let parts: Vec<String> = parts.into_iter().flatten().flatten().collect();
    let who = match parts.is_empty() {
        true => format!("image {}", row.index),
        false => parts.join(", "),
    };
    Mistake {
        uri: picture.and_then(|png| run.folder.embed("image/png", &png)),
        truth: run.class(row.label),
        predicted: run.class(row.predicted),
        confidence: percent(row.confidence),
        who: format!(
            "true class at {}; {who}; fold {fold}",
            percent(row.of_truth)
        ),
    }
}
