//! Tests whether filters respond where their action unit shows on the face.

use std::collections::BTreeSet;

use faus_base::au;
use serde_json::{Value, json};

use crate::analysis::names::{Name, filter_names};
use crate::chance::rates::{at_most, correct};
use crate::error::Error;
use crate::input::coded::{grouped, numbered, who};
use crate::input::table::pick;
use crate::lens::{Lens, NetworkKind};
use crate::study::answer::Answer;
use crate::study::pointing::{Pointing, pointing};
use crate::study::regions::{FacePoints, RADIUS, region};
use crate::study::run::{CodedRows, RunView};
use crate::study::{Study, mean_known};

/// Runs the pointing game, and measures overlap, of every named filter and the face region of its action unit.
#[derive(Debug, Clone)]
pub struct Locate {
    /// The 68 landmarks of every row of the data set, in its crop; `None` for a row without any.
    pub faces: Vec<Option<FacePoints>>,
    /// The face that stands for those of rows without landmarks.
    pub mean: FacePoints,
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
        let options = run.options.check()?;
        Error::unless(
            options.permutations > 0,
            "fau.permutations",
            0,
            "filters have no names without",
        )?;
        let named = || filter_names(&activations, &coded.samples, &options);
        let names = run.pool.install(named)?;
        let mut found = self.play(run, lens.as_ref(), &coded, &names)?;
        correct(&mut found, |score| score.p, |score| &mut score.q);
        let (all, without) = (coded.rows.len(), self.without(&coded.rows));
        let landmarks = match without {
            0 => "per image",
            _ if without == all => "mean shape",
            _ => "per image, mean shape where an image has none",
        };
        let aus: BTreeSet<u8> = found.iter().map(|score| score.au).collect();
        let facts = json!({
            "synthetic": run.synthetic,
            "layer": lens.layer(),
            "landmarks": landmarks,
            "without_landmarks": without,
            "radius": RADIUS,
            "unit": "distance between the inner corners of the eyes",
            "regions": aus.iter().filter_map(|&au| region(au)).collect::<Vec<_>>(),
            "by_au": aus.iter().map(|&au| of_unit(au, &found)).collect::<Vec<_>>(),
        });
        let header = "filter,au,images,pointing_rate,chance,p,q,iou,iou_chance";
        let mut verdict = vec![verdict(&found, run.options.fdr)];
        verdict.extend((without > 0).then(|| format!(
            "Approximate: the face regions of {without} of {all} coded images are those of a mean face, since these images have no landmarks."
        )));
        Answer::new(header, &found, facts, verdict)
    }
}

impl Locate {
    /// How many of `rows` have no landmarks.
    fn without(&self, rows: &[usize]) -> usize {
        let known = |row: &&usize| self.faces.get(**row).is_some_and(Option::is_some);
        rows.len() - rows.iter().filter(known).count()
    }

    /// The pointing game of every filter that is more active with the unit it is named after, sorted by filter.
    fn play(
        &self,
        run: &RunView,
        lens: &dyn Lens,
        coded: &CodedRows,
        names: &[Name],
    ) -> Result<Vec<Pointing>, Error> {
        // A filter that is less active with its unit has its maximum elsewhere.
        let more = names.iter().filter(|name| name.sign() > 0);
        let units = grouped(more.map(|name| (name.au, name.filter)));
        let (mut found, count) = (Vec::new(), units.len());
        for (done, (au, filters)) in units.into_iter().enumerate() {
            run.step("Places of maxima", done, count)?;
            let Some(region) = region(au) else {
                continue;
            };
            let showing = |at: &usize| coded.samples[*at].intensity(au).is_some();
            let shown: Vec<usize> = (0..coded.rows.len()).filter(showing).collect();
            let rows = pick(&coded.rows, &shown);
            let places = lens.places(&rows)?;
            let faces = pick(&self.faces, &rows).into_iter();
            let faces: Vec<FacePoints> = faces.map(|face| face.unwrap_or(self.mean)).collect();
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
    if found.is_empty() {
        return "No filter is named after an action unit with a place on the face that it is more active with, so none was located.".to_owned();
    }
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
