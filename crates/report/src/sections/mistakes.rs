//! The most confident mistakes, with their pictures.

use std::collections::BTreeSet;

use askama::Template;
use faus_base::person::Person;

use crate::page::blocks::{Blocks, Sections};
use crate::page::text::{percent, when};
use crate::run::Run;
use crate::run::folder::{ANALYSE, Gap, RERUN};
use crate::run::folds::Prediction;
use crate::run::pictures::png;

/// Mistakes shown.
const SHOWN: usize = 24;

#[derive(Template)]
#[template(path = "mistakes.html")]
struct Gallery {
    mistakes: Vec<Mistake>,
    side: u32,
}

struct Mistake {
    uri: Option<String>,
    truth: String,
    predicted: String,
    confidence: String,
    who: String,
}

pub(super) fn section(run: &Run, page: &mut Sections) {
    let blocks = page.start("mistakes", "Most confident mistakes");
    let folds = run.folds.iter();
    let damaged = folds.filter_map(|fold| fold.predictions.damage());
    damaged.for_each(|gap| blocks.gap(gap));
    match run.predictions().count() {
        0 if run.folder.analysed => {
            blocks.gap(&Gap::missing("predictions.csv", ANALYSE));
        }
        0 => blocks.gap(&Gap::missing("folds/0/predictions.csv", RERUN)),
        images => gallery(run, images, blocks),
    }
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
    let shown = wrong.len();
    let test = when(!run.folder.analysed, "test ");
    blocks.quiet(format!("{all} of {images} {test}images were classified wrongly. Shown are the {shown} with the highest confidence (softmax), at most one per recording."));
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
fn recording(run: &Run, row: &Prediction) -> (Option<Person>, String) {
    match run.sample(row.index) {
        Some(sample) if !sample.sequence.is_empty() => (sample.person(), sample.sequence.clone()),
        _ => (None, format!("image {}", row.index)),
    }
}

fn mistake(run: &Run, fold: u64, row: &Prediction) -> Mistake {
    let images = run.images.as_ref().ok();
    let picture = images.and_then(|images| png(&images.get(row.index)?));
    let mut who = Vec::new();
    if let Some(sample) = run.sample(row.index) {
        who.extend(sample.person().map(|person| format!("subject {person}")));
        let parts = [("recording", &sample.sequence), ("frame", &sample.frame)];
        let known = parts.iter().filter(|(_, part)| !part.is_empty());
        who.extend(known.map(|(name, part)| format!("{name} {part}")));
    }
    if who.is_empty() {
        who.push(format!("image {}", row.index));
    }
    let (of_truth, who) = (percent(row.of_truth), who.join(", "));
    Mistake {
        uri: picture.and_then(|png| run.folder.embed("image/png", &png)),
        truth: run.class(row.label),
        predicted: run.class(row.predicted),
        confidence: percent(row.confidence),
        who: match run.folder.analysed {
            true => format!("true class at {of_truth}; {who}"),
            false => format!("true class at {of_truth}; {who}; fold {fold}"),
        },
    }
}
