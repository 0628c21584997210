//! Chooses filter-AU pairs on the people of a run and scores them on the people of another data set.

use faus_base::au;
use faus_base::order::median;
use serde_json::{Value, json};

use crate::chance::rates::correct;
use crate::error::Error;
use crate::input::activations::Activations;
use crate::input::coded::{AuCount, Coded};
use crate::input::options::CheckedOptions;
use crate::input::samples::SampleRow;
use crate::input::table::check_rows;
use crate::lens::{Lens, NetworkKind};
use crate::study::answer::Answer;
use crate::study::gap::{Above, Resampled};
use crate::study::out_of_fold::{FoldActivations, OutOfFold, Replicated, score_units};
use crate::study::replicate::{Tally, answer, of_unit};
use crate::study::run::{CodedRows, RunView};
use crate::study::starts::{STARTS, further_starts, start_lens, without_p};
use crate::study::{Study, check_draws, mean_known};
use crate::write::words::{aus, counted, listed};

/// Images of the other set in memory at a time.
const CHUNK: usize = 2048;

/// Chooses filters and action units on a run's people and scores them on the people of another data set with its own codes.
///
/// Every finished fold's network is applied to both sets, and 20 untrained networks beside them. Only images with codes count.
/// An action unit is tested if the run has images of enough people with and without it to choose a filter, and the other set
/// of as many to score it. That the people differ is the caller's to check.
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
        let found = self.found(run, (&own, &other, &samples), &activations, units, &options)?;
        let people = Coded::collect(&other.samples);
        let facts = self.facts(run, &found, &people, &options);
        answer(
            &found.pairs,
            facts,
            self.verdict(run, &found, &people, &options),
        )
    }
}

/// A network's fold: chooses on the run's rows and scores on those of the other set, behind them.
fn other_set<'a>(fold: usize, activations: &'a Activations, own: usize) -> FoldActivations<'a> {
    FoldActivations {
        fold,
        activations,
        test: (0..activations.rows()).map(|row| row >= own).collect(),
    }
}

/// The action units that a filter can be chosen for in the run, with their frequency in the other set.
struct Units {
    /// Frequent enough in the other set.
    tested: Vec<AuCount>,
    untested: Vec<AuCount>,
}

impl Units {
    /// The pairs of a fold, without a score where their action unit is not tested.
    fn replicate(
        &self,
        fold: &FoldActivations,
        coded: &Coded,
        options: &CheckedOptions,
    ) -> Vec<Replicated> {
        let mut pairs = fold.replicate(coded, options);
        let tested = |au: u8| self.tested.iter().any(|unit| unit.au == au);
        for pair in pairs.iter_mut().filter(|pair| !tested(pair.au)) {
            pair.test_auroc = f64::NAN;
        }
        pairs
    }
}

/// What the networks of all folds show on the other set, beside untrained starts.
struct Found {
    pairs: Vec<Replicated>,
    scored: Vec<(OutOfFold, Above)>,
    units: Units,
    /// Share of the starts' pairs that keep their direction.
    starts_same_direction: f64,
}

impl Found {
    /// The units that are detected better than by untrained starts.
    fn kept(&self, fdr: f64) -> Vec<u8> {
        let kept = self.scored.iter().filter(|(_, above)| above.clear(fdr));
        numbers(kept.map(|(unit, _)| &unit.count))
    }
}

/// The coded rows of the run, those of the other set, and both as one table.
type Rows<'a> = (&'a CodedRows, &'a CodedRows, &'a [SampleRow]);

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
        let people = |unit: &AuCount| coded.people(&coded.presence(unit.au));
        let enough = |unit: &AuCount| people(unit).iter().all(|n| *n >= options.min_positives);
        let (tested, untested): (Vec<_>, Vec<_>) = counts.partition(enough);
        if tested.is_empty() {
            let (name, least) = (&self.name, options.min_positives);
            return Err(Error::Unsuitable(format!(
                "{name}: in its {} coded images at least {least} people with and {least} without an action unit are needed that the \
                 run has filters for ({}), and none has as many; give a set with more codes",
                coded.len(),
                aus(&numbers(&chosen)),
            )));
        }
        Ok(Units { tested, untested })
    }

    /// Pairs and units of the run's networks, beside untrained starts.
    fn found(
        &self,
        run: &RunView,
        rows: Rows,
        activations: &[Activations],
        units: Units,
        options: &CheckedOptions,
    ) -> Result<Found, Error> {
        let coded = Coded::collect(rows.2);
        let (starts, starts_same_direction) = self.starts(run, rows, &units, options)?;
        let fold = |(fold, activations)| other_set(fold, activations, rows.0.rows.len());
        let folds = run.folds.iter().copied().zip(activations).map(fold);
        let folds: Vec<FoldActivations> = folds.collect();
        let alone = without_p(options)?;
        let further = further_starts(&starts, |unit| &unit.score, options.seed);
        run.pool.install(|| {
            let scored = score_units(&units.tested, &folds, &coded, options).into_iter();
            let one = |fold| score_units(&units.tested, std::slice::from_ref(fold), &coded, &alone);
            let singles: Vec<Vec<OutOfFold>> = folds.iter().map(one).collect();
            let above = |((at, unit), start): ((usize, OutOfFold), Resampled)| {
                let own = singles.iter().map(|network| &network[at].score);
                let own = Resampled::mean(&own.collect::<Vec<_>>());
                (unit, Above::of(&own, &start, true))
            };
            let mut scored: Vec<_> = scored.enumerate().zip(further).map(above).collect();
            correct(&mut scored, |unit| unit.1.gap.p, |unit| &mut unit.1.q);
            let pairs = folds.iter();
            let pairs = pairs.flat_map(|fold| units.replicate(fold, &coded, options));
            Ok(Found {
                pairs: pairs.collect(),
                scored,
                starts_same_direction,
                units,
            })
        })
    }

    /// The scores of each untrained network, and the share of their pairs that keep their direction.
    fn starts(
        &self,
        run: &RunView,
        (own, other, samples): Rows,
        units: &Units,
        options: &CheckedOptions,
    ) -> Result<(Vec<Vec<OutOfFold>>, f64), Error> {
        let (coded, alone) = (Coded::collect(samples), without_p(options)?);
        let (mut scores, mut pairs) = (Vec::new(), Vec::new());
        // One network's activations are in memory at a time.
        for start in 0..STARTS {
            let lens = start_lens(run, start)?;
            let activations = self.activations(lens.as_ref(), &own.rows, &other.rows)?;
            check_rows(&activations, samples)?;
            let fold = [other_set(start, &activations, own.rows.len())];
            run.pool.install(|| {
                scores.push(score_units(&units.tested, &fold, &coded, &alone));
                pairs.extend(units.replicate(&fold[0], &coded, options));
            });
        }
        let all = Tally::of(0, pairs.iter());
        let kept = all.same_direction as f64 / all.scored as f64;
        Ok((scores, kept))
    }

    /// F(x) of these rows of the run, then of these of the other set.
    fn activations(
        &self,
        lens: &dyn Lens,
        own: &[usize],
        other: &[usize],
    ) -> Result<Activations, Error> {
        let mut all = lens.activations(own)?;
        for rows in other.chunks(CHUNK) {
            let images = rows.iter().map(|&row| (self.image)(row).to_vec());
            let images: Vec<Vec<u8>> = images.collect();
            all = all.then(&lens.activations_of(&images)?)?;
        }
        Ok(all)
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
        let shows = |au: u8| people.people(&people.presence(au));
        let of_unit = |(unit, above): &(OutOfFold, Above)| {
            let mut facts = of_unit(unit);
            let [with, without] = shows(unit.count.au);
            facts["n_people_with"] = with.into();
            facts["n_people_without"] = without.into();
            facts["untrained_auroc"] = json!(above.untrained);
            facts["above_untrained"] = json!(above);
            facts["n_with"] = unit.count.n_with.into();
            facts["n_without"] = unit.count.n_without.into();
            facts["single_filter_aurocs"] = json!(unit.alone);
            facts["median_single_filter_auroc"] = json!(median(&unit.alone));
            facts["mean_single_filter_auroc"] = json!(mean_known(unit.alone.iter().copied()));
            facts
        };
        let untested = |unit: &AuCount| {
            let [with, without] = shows(unit.au);
            json!({"au": unit.au, "name": au::name(unit.au), "n_with": unit.n_with, "n_without": unit.n_without, "n_people_with": with, "n_people_without": without})
        };
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
            "starts": STARTS,
            "starts_same_direction": found.starts_same_direction,
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
        let kept = found.kept(options.fdr);
        let mut verdict = vec![
            format!(
                "On {} of {} ({name}), {} of {} filter-AU pairs chosen on the run's people ({:.0}%, in untrained networks {:.0}%) keep their direction; median AUROC {:.3}.",
                counted(people.len(), "coded image"),
                counted(people.subject_count(), "person"),
                all.same_direction,
                all.scored,
                100.0 * all.same_direction as f64 / all.scored as f64,
                100.0 * found.starts_same_direction,
                all.median_test_auroc
            ),
            format!(
                "The best filters of an action unit, one of each of {}, chosen on the run's people, detect {} of {} units there better than those of {STARTS} untrained networks (mean AUROC of single filters, false-discovery rate {:.0}% over the units): {}.",
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
                "Not tested: {} of the run's units ({}) and {}, since fewer than {} people of that set show the unit or do not.",
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
