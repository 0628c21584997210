//! Tests whether filters respond where their action unit shows on the face.

use std::collections::BTreeSet;

use faus_base::au;
use faus_base::order::mean;
use serde_json::{Value, json};

use crate::analysis::Analysis;
use crate::chance::rates::{at_most, benjamini_hochberg};
use crate::error::Error;
use crate::lens::{Lens, NetworkKind};
use crate::study::answer::Answer;
use crate::study::pointing::{Pointing, pointing};
use crate::study::regions::{FacePoints, RADIUS, region};
use crate::study::run::{CodedRows, RunView};
use crate::study::{Study, numbers};

/// Runs the pointing game, and measures overlap, of every filter and the face region of its action unit.
#[derive(Debug, Clone)]
pub struct Locate {
    /// The 68 landmarks of every row of the data set, in its crop.
    pub faces: Vec<FacePoints>,
    /// Their origin, for the files.
    pub from: String,
}

impl Study for Locate {
    fn name(&self) -> &str {
        "locate"
    }

    fn file(&self) -> &str {
        "spatial"
    }

    fn answer(&self, run: &RunView) -> Result<Answer, Error> {
        Error::unless_equal("faces", self.faces.len(), run.samples.len())?;
        let lens = run.lens(NetworkKind::Trained)?;
        let coded = run.coded();
        let activations = lens.activations(&coded.rows)?;
        let analysis = run.scores("Scoring", &activations, &coded)?;
        let mut found = self.play(run, lens.as_ref(), &coded, &analysis)?;
        if found.is_empty() {
            let why = "no filter corresponds to an action unit with a place on the face";
            return Err(Error::Unsuitable(why.to_owned()));
        }
        let p: Vec<f64> = found.iter().map(|score| score.p).collect();
        for (score, q) in found.iter_mut().zip(benjamini_hochberg(&p)) {
            score.q = q;
        }
        let aus: BTreeSet<u8> = found.iter().map(|score| score.au).collect();
        let facts = json!({
            "synthetic": run.synthetic,
            "layer": lens.layer(),
            "landmarks": self.from,
            "radius": RADIUS,
            "unit": "distance between the inner corners of the eyes",
            "regions": aus.iter().filter_map(|&au| region(au)).collect::<Vec<_>>(),
            "by_au": aus.iter().map(|&au| of_unit(au, &found)).collect::<Vec<_>>(),
        });
        let header = "filter,au,images,pointing_rate,chance,p,q,iou,iou_chance";
        Answer::new(
            header,
            &found,
            facts,
            vec![verdict(&found, run.options.fdr)],
        )
    }
}

impl Locate {
    /// The pointing game of every filter, sorted by filter.
    fn play(
        &self,
        run: &RunView,
        lens: &dyn Lens,
        coded: &CodedRows,
        analysis: &Analysis,
    ) -> Result<Vec<Pointing>, Error> {
        let mut found = Vec::new();
        for (done, count) in analysis.aus_used.iter().enumerate() {
            run.step("Places of maxima", done, analysis.aus_used.len())?;
            let own = analysis.correspondences.iter().filter(|c| c.au == count.au);
            let filters: Vec<usize> = own.map(|c| c.filter).collect();
            let (Some(region), false) = (region(count.au), filters.is_empty()) else {
                continue;
            };
            let rows = showing(count.au, coded);
            let places = lens.places(&rows)?;
            let faces: Vec<FacePoints> = rows.iter().map(|&row| self.faces[row]).collect();
            let subjects = rows.iter().map(|&row| run.samples[row].subject);
            let subjects: Vec<i64> = subjects.map(|subject| subject.unwrap_or(-1)).collect();
            let seed = run.options.seed;
            let images = (faces.as_slice(), subjects.as_slice());
            let scores = run
                .pool
                .install(|| pointing(&places, images, &region, &filters, seed))?;
            found.extend(scores);
        }
        found.sort_by_key(|score: &Pointing| score.filter);
        Ok(found)
    }
}

/// Rows of the data set that show an action unit.
fn showing(au: u8, coded: &CodedRows) -> Vec<usize> {
    let rows = coded.rows.iter().zip(&coded.samples);
    let shown = rows.filter(|(_, sample)| {
        let units = sample.coded.as_deref().unwrap_or_default();
        units.iter().any(|unit| unit.0 == au)
    });
    shown.map(|(row, _)| *row).collect()
}

/// Mean over the results where it is defined.
fn mean_of<'a>(found: impl Iterator<Item = &'a Pointing>, of: fn(&Pointing) -> f64) -> f64 {
    mean(&numbers(found.map(of)))
}

fn of_unit(au: u8, found: &[Pointing]) -> Value {
    let own = || found.iter().filter(|score| score.au == au);
    json!({
        "au": au,
        "name": au::name(au),
        "filters": own().count(),
        "pointing_rate": mean_of(own(), |s| s.rate),
        "chance": mean_of(own(), |s| s.chance),
        "iou": mean_of(own(), |s| s.iou),
        "iou_chance": mean_of(own(), |s| s.iou_chance),
    })
}

fn verdict(found: &[Pointing], fdr: f64) -> String {
    let mean = |of| mean_of(found.iter(), of);
    format!(
        "{} of {} filters have their maximum in the face region of their action unit more often than other filters do (false-discovery rate {:.0}%): {:.0}% of images against {:.0}%, overlap {:.2} against {:.2}.",
        at_most(found.iter().map(|score| score.q), fdr),
        found.len(),
        100.0 * fdr,
        100.0 * mean(|s| s.rate),
        100.0 * mean(|s| s.chance),
        mean(|s| s.iou),
        mean(|s| s.iou_chance)
    )
}
