//! Tests whether filters respond where their action unit shows on the face.

use std::collections::BTreeSet;

use faus_base::au;
use serde_json::{Value, json};

use crate::analysis::Analysis;
use crate::chance::rates::{at_most, correct};
use crate::error::Error;
use crate::input::coded::{numbered, who};
use crate::input::table::pick;
use crate::lens::{Lens, NetworkKind};
use crate::study::answer::Answer;
use crate::study::pointing::{Pointing, pointing};
use crate::study::regions::{FacePoints, RADIUS, region};
use crate::study::run::{CodedRows, RunView};
use crate::study::{Study, mean_known};

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
        correct(&mut found, |score| score.p, |score| &mut score.q);
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
        let verdict = verdict(&found, run.options.fdr);
        Answer::new(header, &found, facts, vec![verdict])
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
            let showing = |at: &usize| coded.samples[*at].intensity(count.au).is_some();
            let shown: Vec<usize> = (0..coded.rows.len()).filter(showing).collect();
            let rows = pick(&coded.rows, &shown);
            let places = lens.places(&rows)?;
            let faces = pick(&self.faces, &rows);
            let subjects = numbered(shown.iter().map(|&at| who(&coded.samples[at])));
            let (images, seed) = ((&*faces, &*subjects), run.options.seed);
            let play = || pointing(&places, images, &region, &filters, seed);
            found.extend(run.pool.install(play)?);
        }
        found.sort_by_key(|score: &Pointing| score.filter);
        Ok(found)
    }
}

fn of_unit(au: u8, found: &[Pointing]) -> Value {
    let own = || found.iter().filter(|score| score.au == au);
    let mean = |of: fn(&Pointing) -> f64| mean_known(own().map(of));
    json!({
        "au": au,
        "name": au::name(au),
        "filters": own().count(),
        "pointing_rate": mean(|s| s.rate),
        "chance": mean(|s| s.chance),
        "iou": mean(|s| s.iou),
        "iou_chance": mean(|s| s.iou_chance),
    })
}

fn verdict(found: &[Pointing], fdr: f64) -> String {
    let mean = |of: fn(&Pointing) -> f64| mean_known(found.iter().map(of));
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
