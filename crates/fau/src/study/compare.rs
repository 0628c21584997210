//! Compares two runs unit by unit on the images that both score out of fold, the folds' networks resampled with their people.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use faus_base::order::auroc;
use faus_base::table::Table;
use serde::{Deserialize, Serialize};

use crate::chance::bootstrap::{Range95, resampled_aurocs};
use crate::chance::rates::correct;
use crate::error::{Error, read_limited};
use crate::input::coded::numbered;
use crate::input::options::AnalysisOptions;
use crate::study::gap::{Above, Gap, Resampled};
use crate::write::words::{aus, counted};

/// The table of `faus replicate` that this reads.
pub(crate) const SCORES: &str = "out_of_fold.csv";
/// Size limit of it, in bytes.
const LIMIT: u64 = 256 << 20;

/// One image and unit: the standardised activation of the unit's best filter, both chosen on other people.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Scored {
    pub au: u8,
    /// Row of the data set.
    pub index: usize,
    /// The fold whose network scores it.
    pub fold: i64,
    /// Number of the person among the coded images.
    pub person: u32,
    /// Whether the image shows the unit: 1 or 0.
    pub shows: u8,
    pub score: f64,
}

/// An action unit in two runs.
#[derive(Debug, Clone, Serialize)]
pub struct ComparedUnit {
    /// The action unit.
    pub au: u8,
    /// Images that both runs score.
    pub images: usize,
    /// Out-of-fold AUROC of the first run.
    pub first: f64,
    /// Out-of-fold AUROC of the other.
    pub other: f64,
    /// The other's distance above the first.
    #[serde(flatten)]
    pub(crate) above: Above,
}

/// The action units of two runs.
#[derive(Debug, Clone, Serialize)]
pub struct ComparedUnits {
    /// Folds, each with a network of its own in both runs.
    pub folds: usize,
    /// Mean difference over the units and its 95% interval over the folds' networks and their people.
    pub mean_difference: f64,
    /// See there.
    #[serde(flatten)]
    pub range: Range95,
    /// One for each unit that both score.
    pub units: Vec<ComparedUnit>,
}

/// Compares the out-of-fold scores in the `fau/` folders of two runs of the same data: the other above the first. `None` where one has
/// none.
///
/// # Errors
/// [`Error::File`] for a damaged table, or one whose images have other folds, people or codes.
pub fn compare_units(
    first: &Path,
    other: &Path,
    options: &AnalysisOptions,
) -> Result<Option<ComparedUnits>, Error> {
    let [first, other] = [first, other].map(|dir| dir.join(SCORES));
    if !(first.exists() && other.exists()) {
        return Ok(None);
    }
    let known: BTreeMap<(u8, usize), Scored> = read(&first)?.map(key).collect();
    let mut pairs: BTreeMap<u8, Vec<(Scored, Scored)>> = BTreeMap::new();
    for (key, row) in read(&other)?.map(key) {
        let Some(own) = known.get(&key) else { continue };
        if (own.fold, own.person, own.shows) != (row.fold, row.person, row.shows) {
            let fault = format!(
                "image {} has another fold, person or code than in {}",
                row.index,
                first.display()
            );
            return Err(Error::file(&other, fault));
        }
        pairs.entry(row.au).or_default().push((*own, row));
    }
    Ok(Some(ComparedUnits::of(pairs, options)))
}

fn read(path: &Path) -> Result<impl Iterator<Item = Scored>, Error> {
    let text = read_limited(path, LIMIT)?;
    let rows = Table::open(&text).and_then(|table| table.rows().collect::<Result<Vec<_>, _>>());
    let again =
        |fault| format!("{fault}; if an earlier version wrote it, run `faus replicate` again");
    let rows = rows.map_err(|fault| Error::file(path, again(fault)))?;
    Ok(rows.into_iter())
}

fn key(row: Scored) -> ((u8, usize), Scored) {
    ((row.au, row.index), row)
}

impl ComparedUnits {
    fn of(pairs: BTreeMap<u8, Vec<(Scored, Scored)>>, options: &AnalysisOptions) -> Self {
        let mut units = Vec::new();
        let mut both = [Vec::new(), Vec::new()];
        let folds_of = |pairs: &[(Scored, Scored)], shows: &[u8]| {
            let own = pairs.iter().filter(|(own, _)| shows.contains(&own.shows));
            own.map(|(own, _)| own.fold).collect::<BTreeSet<i64>>()
        };
        let all = pairs.values().flat_map(|pairs| folds_of(pairs, &[0, 1]));
        let folds = all.collect::<BTreeSet<i64>>().len();
        for (au, pairs) in pairs {
            // A fold in which nobody shows the unit says nothing of it.
            let with = folds_of(&pairs, &[1]).len();
            let networks = numbered(pairs.iter().map(|(own, _)| own.fold));
            let shows: Vec<bool> = pairs.iter().map(|(own, _)| own.shows == 1).collect();
            let of = |score: fn(&(Scored, Scored)) -> f64| {
                let scores: Vec<f64> = pairs.iter().map(score).collect();
                Resampled {
                    auroc: auroc(&scores, &shows),
                    each: resampled_aurocs(&scores, &shows, &networks, options),
                }
                .of_few(with, options.seed)
            };
            let (first, other) = (of(|pair| pair.0.score), of(|pair| pair.1.score));
            units.push(ComparedUnit {
                au,
                images: pairs.len(),
                first: first.auroc,
                other: other.auroc,
                above: Above::of(&other, &first, true),
            });
            both[0].push(first);
            both[1].push(other);
        }
        correct(
            &mut units,
            |unit| unit.above.gap.p,
            |unit| &mut unit.above.q,
        );
        let [first, other] = both.map(|all| Resampled::mean(&all.iter().collect::<Vec<_>>()));
        let mean = Gap::of(&other, &first);
        Self {
            folds,
            mean_difference: mean.difference,
            range: mean.range,
            units,
        }
    }

    /// In a sentence, at a false-discovery rate over the units.
    pub fn sentence(&self, fdr: f64) -> String {
        let units = |side: f64| {
            let clear = self
                .units
                .iter()
                .filter(|unit| unit.above.q <= fdr && unit.above.gap.difference * side > 0.0);
            aus(&clear.map(|unit| unit.au).collect::<Vec<u8>>())
        };
        let Range95 { low, high } = self.range;
        if low.is_nan() {
            return format!(
                "best filters of {} in {}: too few to be compared",
                counted(self.units.len(), "action unit"),
                counted(self.folds, "fold") + " of both runs"
            );
        }
        format!(
            "best filters of {} action units on unseen people: mean AUROC {:+.3} [{low:+.3}, {high:+.3}]; above for {}, below for {} (false-discovery rate {:.0}%, over the networks of {} and their people)",
            self.units.len(),
            self.mean_difference,
            units(1.0),
            units(-1.0),
            100.0 * fdr,
            counted(self.folds, "fold")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::random::{Purpose, keyed};
    use rand_distr::{Distribution, StandardNormal};

    const FOLDS: usize = 10;

    /// Two trainings of one recipe on the same 100 people, five images each. Networks differ in how well they detect the unit.
    fn two_trainings(seed: u64) -> Vec<(Scored, Scored)> {
        let rng = &mut keyed(seed, Purpose::Control, 0);
        let mut normal = |spread: f64| -> f64 {
            let drawn: f64 = StandardNormal.sample(rng);
            spread * drawn
        };
        let skill: Vec<[f64; 2]> = (0..FOLDS)
            .map(|_| [0, 1].map(|_| 0.8 + normal(0.5)))
            .collect();
        let image = |index: usize| {
            let (person, shows) = (index / 5, index % 2);
            let fold = person % FOLDS;
            let face = normal(0.5);
            let score = |skill: f64, noise: f64| Scored {
                au: 12,
                index,
                fold: fold as i64,
                person: person as u32,
                shows: shows as u8,
                score: skill * shows as f64 + face + noise,
            };
            let [own, other] = skill[fold];
            (score(own, normal(1.0)), score(other, normal(1.0)))
        };
        (0..500).map(image).collect()
    }

    #[test]
    fn two_trainings_of_one_recipe_are_called_different_in_about_5_percent() {
        let options = AnalysisOptions {
            bootstrap: 199,
            ..AnalysisOptions::default()
        };
        let different = |seed: &u64| {
            let pairs = [(12, two_trainings(*seed))].into();
            let found = ComparedUnits::of(pairs, &options);
            found.units[0].above.gap.p <= 0.05
        };
        let rejected = (0..200).filter(different).count();
        assert!((1..=20).contains(&rejected), "{rejected} of 200");
    }
}
