//! Tests whether filters respond where their action unit shows on the face.

use faus_base::au;
use faus_base::order::mean;
use serde_json::{Value, json};

use crate::analysis::Analysis;
use crate::chance::rates::{at_most, benjamini_hochberg};
use crate::error::Error;
use crate::input::options::AnalysisOptions;
use crate::lens::{Lens, NetworkKind};
use crate::study::answer::{Answer, cells};
use crate::study::pointing::{Pointing, pointing};
use crate::study::regions::{FacePoints, RADIUS, region};
use crate::study::run::{CodedRows, RunView};
use crate::study::{Study, numbers};

/// Plays the pointing game, and measures overlap, of every filter and the face region of its action unit.
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
        let options = AnalysisOptions {
            permutations: 0,
            bootstrap: 0,
            ..run.options.clone()
        };
        let analysis = run.analyse("Scoring", &activations, &coded, &options.check()?)?;
        let found = self.play(run, lens.as_ref(), &coded, &analysis)?;
        if found.is_empty() {
            let why = "no filter corresponds to an action unit with a place on the face";
            return Err(Error::Unsuitable(why.to_owned()));
        }
        let p: Vec<f64> = found.iter().map(|(_, score)| score.p).collect();
        let q = benjamini_hochberg(&p);
        let mut aus: Vec<u8> = found.iter().map(|(au, _)| *au).collect();
        aus.sort_unstable();
        aus.dedup();
        let facts = json!({
            "synthetic": run.synthetic,
            "layer": lens.layer(),
            "landmarks": self.from,
            "radius": RADIUS,
            "unit": "distance between the inner corners of the eyes",
            "regions": aus.iter().filter_map(|&au| of_region(au)).collect::<Vec<_>>(),
            "by_au": aus.iter().map(|&au| of_unit(au, &found)).collect::<Vec<_>>(),
        });
        let header = "filter,au,images,pointing_rate,chance,p,q,iou,iou_chance";
        let rows = found.iter().zip(&q).map(|((au, s), q)| {
            cells(&[
                &s.filter,
                au,
                &s.images,
                &s.rate,
                &s.chance,
                &s.p,
                q,
                &s.iou,
                &s.iou_chance,
            ])
        });
        Ok(Answer {
            verdict: vec![verdict(&found, &q, options.fdr)],
            ..Answer::new(header, rows, facts)
        })
    }
}

/// A filter's action unit, and its result.
type Found = (u8, Pointing);

impl Locate {
    /// The pointing game of every filter, sorted by filter.
    fn play(
        &self,
        run: &RunView,
        lens: &dyn Lens,
        coded: &CodedRows,
        analysis: &Analysis,
    ) -> Result<Vec<Found>, Error> {
        let mut found: Vec<Found> = Vec::new();
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
            found.extend(scores.into_iter().map(|score| (count.au, score)));
        }
        found.sort_by_key(|(_, score)| score.filter);
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
fn mean_of<'a>(found: impl Iterator<Item = &'a Found>, of: fn(&Pointing) -> f64) -> f64 {
    mean(&numbers(found.map(|(_, score)| of(score))))
}

fn of_region(au: u8) -> Option<Value> {
    let region = region(au)?;
    let spots = region.spots.iter();
    let spots = spots.map(|s| json!({"points": s.points, "down": s.down}));
    Some(json!({
        "au": au,
        "spots": spots.collect::<Vec<_>>(),
        "words": region.words,
        "source": region.source,
    }))
}

fn of_unit(au: u8, found: &[Found]) -> Value {
    let own = || found.iter().filter(|(of, _)| *of == au);
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

fn verdict(found: &[Found], q: &[f64], fdr: f64) -> String {
    let mean = |of| mean_of(found.iter(), of);
    format!(
        "{} of {} filters have their maximum in the face region of their action unit more often than other filters do (false-discovery rate {:.0}%): {:.0}% of images against {:.0}%, overlap {:.2} against {:.2}.",
        at_most(q.iter().copied(), fdr),
        found.len(),
        100.0 * fdr,
        100.0 * mean(|s| s.rate),
        100.0 * mean(|s| s.chance),
        mean(|s| s.iou),
        mean(|s| s.iou_chance)
    )
}
