//! Chooses filter-AU pairs on the people of a run and scores them on the people of another data set.

use faus_base::au;
use faus_base::order::median;
use serde_json::{Value, json};

use crate::error::Error;
use crate::input::activations::Activations;
use crate::input::coded::{AuCount, Coded};
use crate::input::options::CheckedOptions;
use crate::input::samples::SampleRow;
use crate::input::table::check_rows;
use crate::lens::{Lens, NetworkKind};
use crate::study::answer::Answer;
use crate::study::out_of_fold::{FoldActivations, OutOfFold, Replicated, score_units};
use crate::study::replicate::{Tally, answer, of_unit};
use crate::study::run::{CodedRows, RunView};
use crate::study::{Study, check_draws};
use crate::write::words::{aus, counted, listed};

/// Images of the other set in memory at a time.
const CHUNK: usize = 2048;

/// Chooses filters and action units on a run's people and scores them on the people of another data set with its own codes.
///
/// Every finished fold's network is applied to both sets. Only images with codes count. An action unit is tested if the run
/// has enough images with and without it to choose a filter, and the other set as many to score it. That the people
/// differ is the caller's to check.
pub struct ReplicateOn<'a> {
    /// The other set's name, and what its faces and codes are if not photographs and people's codes.
    pub name: String,
    /// Its rows, in order.
    pub samples: &'a [SampleRow],
    /// Grey pixels of one of its rows, of the size of the run's images.
    pub image: &'a dyn Fn(usize) -> &'a [u8],
    /// Its description for the JSON.
    pub about: Value,
    /// Reservations about the comparison, in sentences.
    pub cautions: Vec<String>,
}

impl Study for ReplicateOn<'_> {
    fn name(&self) -> &str {
        "replicate"
    }

    fn file(&self) -> &str {
        "replication_on"
    }

    fn answer(&self, run: &RunView) -> Result<Answer, Error> {
        let options = run.options.check()?;
        check_draws(&options)?;
        let (own, other) = (run.coded(), CodedRows::of(self.samples));
        let units = self.units(&own, &other, &options)?;
        let samples = joined(&own.samples, &other.samples);
        let mut activations = Vec::new();
        for (done, &fold) in run.folds.iter().enumerate() {
            run.step("Activations of every fold", done, run.folds.len())?;
            let lens = run.networks.lens(NetworkKind::Trained, fold, None)?;
            activations.push(self.activations(lens.as_ref(), &own.rows, &other.rows)?);
            check_rows(&activations[done], &samples)?;
        }
        let fold = |(&fold, activations)| FoldActivations {
            fold,
            activations,
            test: (0..samples.len())
                .map(|row| row >= own.rows.len())
                .collect(),
        };
        let folds: Vec<FoldActivations> = run.folds.iter().zip(&activations).map(fold).collect();
        let (pairs, scored) = run.pool.install(|| {
            let coded = Coded::collect(&samples);
            let pairs = folds
                .iter()
                .flat_map(|fold| fold.replicate(&coded, &options));
            let pairs = pairs.map(|pair| units.only_tested(pair)).collect();
            (pairs, score_units(&units.tested, &folds, &coded, &options))
        });
        let people = Coded::collect(&other.samples);
        let found = Found {
            pairs,
            scored,
            units,
        };
        let facts = self.facts(run, &found, &people, &options);
        answer(
            &found.pairs,
            facts,
            self.verdict(run, &found, &people, &options),
        )
    }
}

/// The action units that a filter can be chosen for in the run, with their frequency in the other set.
struct Units {
    /// Frequent enough in the other set.
    tested: Vec<AuCount>,
    untested: Vec<AuCount>,
}

impl Units {
    /// The pair without a score where its action unit is not tested.
    fn only_tested(&self, pair: Replicated) -> Replicated {
        match self.tested.iter().any(|unit| unit.au == pair.au) {
            true => pair,
            false => Replicated {
                test_auroc: f64::NAN,
                ..pair
            },
        }
    }
}

/// What the networks of all folds show on the other set.
struct Found {
    pairs: Vec<Replicated>,
    scored: Vec<OutOfFold>,
    units: Units,
}

/// The rows of two tables as one, renumbered.
fn joined(own: &[SampleRow], other: &[SampleRow]) -> Vec<SampleRow> {
    let mut samples = [own, other].concat();
    let rows = samples.iter_mut().enumerate();
    rows.for_each(|(row, sample)| sample.index = row);
    samples
}

fn numbers<'a>(units: impl IntoIterator<Item = &'a AuCount>) -> Vec<u8> {
    units.into_iter().map(|unit| unit.au).collect()
}

impl ReplicateOn<'_> {
    fn units(
        &self,
        own: &CodedRows,
        other: &CodedRows,
        options: &CheckedOptions,
    ) -> Result<Units, Error> {
        let (chosen, _) = Coded::collect(&own.samples).usable(options.min_positives)?;
        let coded = Coded::collect(&other.samples);
        let counts = chosen.iter().map(|unit| unit.au);
        let counts = counts.map(|au| AuCount::of(au, &coded.presence(au)));
        let enough = |unit: &AuCount| unit.smaller() >= options.min_positives;
        let (tested, untested): (Vec<_>, Vec<_>) = counts.partition(enough);
        if tested.is_empty() {
            let (name, least) = (&self.name, options.min_positives);
            return Err(Error::Unsuitable(format!(
                "{name}: of its {} coded images at least {least} with and {least} without are needed for an action unit that the \
                 run has filters for ({}), and none has as many; give a set with more codes",
                coded.len(),
                aus(&numbers(&chosen)),
            )));
        }
        Ok(Units { tested, untested })
    }

    /// F(x) of these rows of the run, then of these of the other set.
    fn activations(
        &self,
        lens: &dyn Lens,
        own: &[usize],
        other: &[usize],
    ) -> Result<Activations, Error> {
        let of_run = lens.activations(own)?;
        let mut values = of_run.values().to_vec();
        for rows in other.chunks(CHUNK) {
            let images = rows.iter().map(|&row| (self.image)(row).to_vec());
            let images: Vec<Vec<u8>> = images.collect();
            values.extend_from_slice(lens.activations_of(&images)?.values());
        }
        Activations::new(own.len() + other.len(), of_run.filters(), values)
    }

    fn facts(
        &self,
        run: &RunView,
        found: &Found,
        people: &Coded,
        options: &CheckedOptions,
    ) -> Value {
        let of_fold =
            |fold: &usize| Tally::of(*fold, found.pairs.iter().filter(|p| p.fold == *fold));
        let of_unit = |unit: &OutOfFold| {
            let mut facts = of_unit(unit);
            facts["n_with"] = unit.count.n_with.into();
            facts["n_without"] = unit.count.n_without.into();
            facts["single_filter_aurocs"] = json!(unit.alone);
            facts["median_single_filter_auroc"] = json!(median(&unit.alone));
            facts
        };
        let untested = |unit: &AuCount| json!({"au": unit.au, "name": au::name(unit.au), "n_with": unit.n_with, "n_without": unit.n_without});
        json!({
            "synthetic": run.synthetic || self.about["synthetic"] == true,
            "on": self.about,
            "coded_images": people.len(),
            "people": people.subject_count(),
            "exchange": options.exchange,
            "min_positives": options.min_positives,
            "rule": "the action unit with the filter's largest |z| on the run's coded people; by_au: of every network the filter with the largest |z| for the unit on them, the mean response of the networks on the other set",
            "folds": run.folds.iter().map(of_fold).collect::<Vec<_>>(),
            "by_au": found.scored.iter().map(of_unit).collect::<Vec<_>>(),
            "untested": found.units.untested.iter().map(untested).collect::<Vec<_>>(),
            "cautions": self.cautions,
        })
    }

    fn verdict(
        &self,
        run: &RunView,
        found: &Found,
        people: &Coded,
        options: &CheckedOptions,
    ) -> Vec<String> {
        let name = &self.name;
        let all = Tally::of(0, found.pairs.iter());
        let kept = found.scored.iter().filter(|unit| unit.q <= options.fdr);
        let kept = numbers(kept.map(|unit| &unit.count));
        let mut verdict = vec![
            format!(
                "On {} of {} ({name}), {} of {} filter-AU pairs chosen on the run's people ({:.0}%, chance 50%) keep their direction; median AUROC {:.3}.",
                counted(people.len(), "coded image"),
                counted(people.subject_count(), "person").replace("persons", "people"),
                all.same_direction,
                all.scored,
                100.0 * all.same_direction as f64 / all.scored as f64,
                all.median_test_auroc
            ),
            format!(
                "The best filters of an action unit, one of each of {}, chosen on the run's people, detect {} of {} units there by their mean response (false-discovery rate {:.0}%): {}.",
                counted(run.folds.len(), "network"),
                kept.len(),
                found.scored.len(),
                100.0 * options.fdr,
                listed(&kept)
            ),
        ];
        verdict.extend(self.reservations(&all, &found.units, people, options));
        verdict
    }

    /// What was not tested, and what limits the test.
    fn reservations(
        &self,
        all: &Tally,
        units: &Units,
        people: &Coded,
        options: &CheckedOptions,
    ) -> Vec<String> {
        let mut lines = Vec::new();
        let untested = numbers(&units.untested);
        if !untested.is_empty() {
            lines.push(format!(
                "Not tested: {} of the run's units ({}) and {}, since fewer than {} coded images of that set show the unit or do not.",
                untested.len(),
                listed(&untested),
                counted(all.selected - all.scored, "pair"),
                options.min_positives,
            ));
        }
        if people.without_subject() > 0 {
            lines.push(format!(
                "The person is unknown in {} of the {} images: each of their recordings counts as a person. If people occur more than once, p is too small and intervals are too narrow.",
                people.without_subject(),
                people.len()
            ));
        }
        lines.extend(self.cautions.iter().cloned());
        lines
    }
}
