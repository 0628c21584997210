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
    let damaged = run
        .folds
        .iter()
        .filter_map(|fold| fold.predictions.damage());
    damaged.for_each(|gap| blocks.gap(gap));
    match run.predictions().count() {
        0 => blocks.gap(&Gap::missing("folds/0/predictions.csv", RERUN)),
        images => gallery(run, images, &mut blocks),
    }
    blocks.section("mistakes", "Most confident mistakes")
}

fn gallery(run: &Run, images: usize, blocks: &mut Blocks) {
    let wrong = run
        .predictions()
        .filter(|(_, row)| row.label != row.predicted);
    let mut wrong: Vec<(u64, &Prediction)> = wrong.collect();
    if wrong.is_empty() {
        return blocks.text("Every test image was classified correctly.");
    }
    // A total order, so that the same run gives the same page.
    wrong.sort_by(|(_, a), (_, b)| {
        let falling = b.confidence.total_cmp(&a.confidence);
        falling.then(a.index.cmp(&b.index))
    });
    let mut seen = BTreeSet::new();
    let fresh = wrong
        .iter()
        .filter(|(_, row)| seen.insert(recording(run, row)));
    let shown: Vec<_> = fresh.take(SHOWN).collect();
    blocks.quiet(format!(
        "{} of {images} test images were classified wrongly. Shown are the {} with the highest confidence (softmax), at most one per recording.",
        wrong.len(),
        shown.len()
    ));
    if let Err(gap) = &run.images {
        blocks.gap(gap);
    }
    let mistakes = shown
        .into_iter()
        .map(|(fold, row)| mistake(run, *fold, row));
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
    let known = run.sample(row.index).map(|sample| {
        let parts = [
            (sample.subject >= 0).then(|| format!("subject {}", sample.subject)),
            (!sample.sequence.is_empty()).then(|| format!("recording {}", sample.sequence)),
            (!sample.frame.is_empty()).then(|| format!("frame {}", sample.frame)),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    });
    let known = known.filter(|known| !known.is_empty());
    let who = known.unwrap_or(format!("image {}", row.index));
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
