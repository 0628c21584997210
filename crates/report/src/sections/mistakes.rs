//! The most confident mistakes, with their pictures.

use askama::Template;

use super::{Block, Context, Section};
use crate::files::missing;
use crate::run::{Prediction, RERUN, Run};
use crate::text::percent;

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
    said: String,
    confidence: String,
    who: String,
}

pub(super) fn section(context: &Context) -> Result<Section, askama::Error> {
    let run = context.run;
    let folds = run.folds.iter().filter_map(|fold| {
        let rows = fold.predictions.as_ref().ok()?;
        Some(rows.iter().map(move |row| (fold.number, row)))
    });
    let predictions: Vec<(u64, &Prediction)> = folds.flatten().collect();
    let unread = run
        .folds
        .iter()
        .filter_map(|fold| fold.predictions.as_ref().err());
    let mut blocks: Vec<Block> = unread
        .filter(|gap| gap.damage.is_some())
        .cloned()
        .map(Block::Gap)
        .collect();
    if predictions.is_empty() {
        blocks.push(Block::Gap(missing("folds/0/predictions.csv", RERUN)));
        return Section::new("mistakes", "Most confident mistakes", &blocks);
    }
    let wrong = predictions
        .iter()
        .filter(|(_, row)| row.label != row.predicted);
    let mut wrong: Vec<(u64, &Prediction)> = wrong.copied().collect();
    // A total order, so that the same run gives the same page.
    wrong.sort_by(|(_, a), (_, b)| {
        b.confidence
            .total_cmp(&a.confidence)
            .then(a.index.cmp(&b.index))
    });
    if wrong.is_empty() {
        blocks.push(Block::Text("No test image was named wrongly.".to_owned()));
        return Section::new("mistakes", "Most confident mistakes", &blocks);
    }
    let mut seen = std::collections::BTreeSet::new();
    let fresh = |(_, row): &&(u64, &Prediction)| seen.insert(recording(run, row));
    let shown: Vec<_> = wrong.iter().filter(fresh).take(SHOWN).collect();
    blocks.push(Block::Quiet(format!(
        "{} of {} test images were named wrongly. Here are the {} of which the network was surest (softmax of its logits), one at most of a recording.",
        wrong.len(),
        predictions.len(),
        shown.len()
    )));
    if let Err(gap) = &run.images {
        blocks.push(Block::Gap(gap.clone()));
    }
    let gallery = Gallery {
        mistakes: shown
            .into_iter()
            .map(|(fold, row)| mistake(context, *fold, row))
            .collect(),
        side: run.images.as_ref().map_or(0, |images| images.side),
    };
    blocks.push(Block::Html(gallery.render()?));
    Section::new("mistakes", "Most confident mistakes", &blocks)
}

/// Subject and recording, or the image itself where they are not known: the last frames of a recording are alike.
fn recording(run: &Run, row: &Prediction) -> (i64, String) {
    let sample = run
        .samples
        .as_ref()
        .ok()
        .and_then(|samples| samples.of(row.index));
    match sample {
        Some(sample) if !sample.sequence.is_empty() => (sample.subject, sample.sequence.clone()),
        _ => (-1, format!("image {}", row.index)),
    }
}

fn mistake(context: &Context, fold: u64, row: &Prediction) -> Mistake {
    let run = context.run;
    let class = |at: usize| {
        run.classes()
            .get(at)
            .cloned()
            .unwrap_or_else(|| format!("class {at}"))
    };
    let picture = run
        .images
        .as_ref()
        .ok()
        .and_then(|images| images.get(row.index)?.png());
    let sample = run
        .samples
        .as_ref()
        .ok()
        .and_then(|samples| samples.of(row.index));
    let who = sample.map_or(format!("image {}", row.index), |sample| {
        let known = [
            (sample.subject >= 0).then(|| format!("subject {}", sample.subject)),
            (!sample.sequence.is_empty()).then(|| format!("recording {}", sample.sequence)),
            (!sample.frame.is_empty()).then(|| format!("frame {}", sample.frame)),
        ];
        let known: Vec<String> = known.into_iter().flatten().collect();
        match known.is_empty() {
            true => format!("image {}", row.index),
            false => known.join(", "),
        }
    });
    Mistake {
        uri: picture.and_then(|png| context.folder.embed("image/png", &png)),
        truth: class(row.label),
        said: class(row.predicted),
        confidence: percent(row.confidence),
        who: format!("truth at {}; {who}; fold {fold}", percent(row.of_truth)),
    }
}
