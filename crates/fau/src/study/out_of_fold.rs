//! Filters of action units chosen on some people and scored on others.

use faus_base::order::{auroc, deviation, doubled_midranks, mean};
use rayon::prelude::*;
use serde::Serialize;

use crate::analysis::names::{best_filter, farthest};
use crate::chance::bootstrap::{Range95, resampled_aurocs, within_class_aurocs};
use crate::chance::exchange::Scheme;
use crate::chance::moments::z_scores;
use crate::chance::p_value;
use crate::chance::random::Purpose;
use crate::chance::rates::correct;
use crate::chance::within_class::Classes;
use crate::error::Error;
use crate::input::activations::Activations;
use crate::input::coded::{AuCount, Coded};
use crate::input::options::CheckedOptions;
use crate::input::table::{Table, pick};
use crate::score::association::{Association, Kl};
use crate::study::gap::Resampled;

/// One fold: a network's activations, and the people it is tested on.
#[derive(Debug, Clone)]
pub(crate) struct FoldActivations<'a> {
    /// Number of the fold.
    pub fold: usize,
    /// F(x) of all rows.
    pub activations: &'a Activations,
    /// Whether each coded row shows one of them.
    pub test: Vec<bool>,
}

/// Detection of an action unit by its best filter, chosen on other people.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OutOfFold {
    /// The action unit and how often it occurs.
    pub count: AuCount,
    /// The chosen filter of each fold in which one could be chosen and scored.
    pub filters: Vec<usize>,
    /// AUROC of each of them alone, turned so that more means the unit; NaN where the tested rows all show it or none does.
    pub alone: Vec<f64>,
    /// The tested rows' samples by `index`, and the mean of the chosen filters' activations on each.
    pub scored: Vec<(usize, f64)>,
    /// AUROC of the chosen filters' activations (in standard deviations of the choosing rows, turned so that more means
    /// the unit), all left-out people pooled; of rows that several folds test, the mean. NaN if there is nothing to score.
    pub score: Resampled,
    /// The AUROC over pairs of tested rows of the same expression class.
    pub within: Resampled,
    /// Tested rows that are of the rarer kind, with or without the unit, in their class.
    pub n_rarer_within_class: usize,
    /// Whether these are enough for it.
    pub testable_within: bool,
    /// 95% interval over resampled subjects, for given choices.
    pub range: Range95,
    /// One-sided p of AUROC above 0.5 under exchange of codes between and within people, as the options say.
    pub p: f64,
    /// Its false-discovery rate over all units.
    pub q: f64,
}

/// A pair chosen on people outside a fold and scored on the fold's people.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Replicated {
    /// The fold.
    pub fold: usize,
    /// The filter.
    pub filter: usize,
    /// Its action unit: the largest |z| on the choosing people.
    pub au: u8,
    /// Their KL.
    pub train_kl: f64,
    /// AUROC on the choosing people.
    pub train_auroc: f64,
    /// Tested rows that show the unit.
    pub test_n_with: usize,
    /// Tested rows that do not.
    pub test_n_without: usize,
    /// AUROC on the tested people; NaN where one group is empty.
    pub test_auroc: f64,
}

impl Replicated {
    /// Whether both AUROCs lie on the same side of 0.5; `None` where the second is not defined.
    pub fn same_direction(&self) -> Option<bool> {
        (!self.test_auroc.is_nan())
            .then_some((self.test_auroc - 0.5) * (self.train_auroc - 0.5) > 0.0)
    }
}

/// `folds` folds of people for activations of one network: subjects in order of appearance are assigned in turn.
pub(crate) fn deal_subjects<'a>(
    activations: &'a Activations,
    coded: &Coded,
    folds: usize,
) -> Vec<FoldActivations<'a>> {
    let subjects = || coded.subjects.iter().map(|&subject| subject as usize);
    let fold = |fold: usize| FoldActivations {
        fold,
        activations,
        test: subjects().map(|subject| subject % folds == fold).collect(),
    };
    (0..folds).map(fold).collect()
}

/// Chooses and scores the best filter of every sufficiently frequent action unit: its z is farthest from 0 among the people
/// who are not tested.
///
/// # Errors
/// [`Error::NoCodedRows`] and [`Error::NoUsableAu`].
pub(crate) fn out_of_fold(
    folds: &[FoldActivations],
    coded: &Coded,
    options: &CheckedOptions,
) -> Result<Vec<OutOfFold>, Error> {
    let (aus, _) = coded.usable(options.min_positives)?;
    Ok(score_units(&aus, folds, coded, options))
}

/// [`out_of_fold`] for these action units.
pub(crate) fn score_units(
    aus: &[AuCount],
    folds: &[FoldActivations],
    coded: &Coded,
    options: &CheckedOptions,
) -> Vec<OutOfFold> {
    let chosen = folds.iter().map(|fold| fold.choose(aus, coded, options));
    let chosen: Vec<Vec<Option<Chosen>>> = chosen.collect();
    let unit = |(unit, count): (usize, &AuCount)| {
        let own = chosen.iter().filter_map(|fold| fold[unit].as_ref());
        score_unit(*count, coded, own, options)
    };
    let mut all: Vec<OutOfFold> = aus.par_iter().enumerate().map(unit).collect();
    correct(&mut all, |unit| unit.p, |unit| &mut unit.q);
    all
}

/// The best filter of an action unit among the rows that are not tested.
struct Chosen {
    filter: usize,
    /// The rows that are tested, and its turned, standardised activation on each.
    values: Vec<(usize, f64)>,
}

impl FoldActivations<'_> {
    /// The best filter of every unit; `None` if there is no basis for a choice.
    fn choose(
        &self,
        aus: &[AuCount],
        coded: &Coded,
        options: &CheckedOptions,
    ) -> Vec<Option<Chosen>> {
        let (test, train): (Vec<usize>, Vec<usize>) =
            (0..coded.len()).partition(|&row| self.test[row]);
        let values = |rows: &[usize], filter: usize| {
            self.activations.column(&pick(&coded.rows, rows), filter)
        };
        let z = self.z(aus, coded, options);
        let of_unit = |unit: usize| {
            let filter = best_filter(&z, aus.len(), unit)?;
            let sign = z[filter * aus.len() + unit].signum();
            let before = values(&train, filter);
            let (centre, spread) = (mean(&before), deviation(&before));
            let after = values(&test, filter).into_iter();
            let turned = after.map(|x| (x - centre) / spread * sign);
            let values = test.iter().copied().zip(turned).collect();
            Some(Chosen { filter, values })
        };
        (0..aus.len()).map(of_unit).collect()
    }

    /// z of every filter and unit among the people who are not tested, by filter, then unit.
    pub fn z(&self, aus: &[AuCount], coded: &Coded, options: &CheckedOptions) -> Vec<f64> {
        let rows = coded.only(|row| !self.test[row]);
        let table = Table::new(&rows, self.activations, aus.iter().map(|count| count.au));
        let scheme = Scheme::of_subjects(&rows.subjects, &rows.recordings, options.exchange);
        z_scores(&table, &scheme)
    }

    /// For every live filter: the action unit with the largest |z| among the people who are not tested, and the pair's AUROC
    /// on those who are.
    pub fn replicate(&self, coded: &Coded, options: &CheckedOptions) -> Vec<Replicated> {
        let kl = Kl::of(options);
        let chosen_on = coded.only(|row| !self.test[row]);
        let scored_on = coded.only(|row| self.test[row]);
        let Ok((aus, _)) = chosen_on.usable(options.min_positives) else {
            return vec![];
        };
        let before = Table::new(&chosen_on, self.activations, aus.iter().map(|c| c.au));
        let after = Table::new(&scored_on, self.activations, aus.iter().map(|c| c.au));
        let z = self.z(&aus, coded, options);
        let pair = |(filter, z): (usize, &[f64])| {
            let unit = farthest(z)?;
            let count = AuCount::of(aus[unit].au, &after.presence[unit]);
            Some(Replicated {
                fold: self.fold,
                filter,
                au: count.au,
                train_kl: kl.score(&before.columns[filter], &before.presence[unit]),
                train_auroc: before.auroc(filter, unit),
                test_n_with: count.n_with,
                test_n_without: count.n_without,
                test_auroc: after.auroc(filter, unit),
            })
        };
        let filters = z.par_chunks(aus.len()).enumerate();
        filters.filter_map(pair).collect()
    }
}

fn score_unit<'a>(
    count: AuCount,
    coded: &Coded,
    chosen: impl Iterator<Item = &'a Chosen>,
    options: &CheckedOptions,
) -> OutOfFold {
    let presence = coded.presence(count.au);
    let (mut sums, mut tests) = (vec![0.0; coded.len()], vec![0.0; coded.len()]);
    let (mut filters, mut alone) = (Vec::new(), Vec::new());
    for Chosen { filter, values } in chosen {
        filters.push(*filter);
        let (rows, values): (Vec<usize>, Vec<f64>) = values.iter().copied().unzip();
        alone.push(auroc(&values, &pick(&presence, &rows)));
        for (row, value) in rows.into_iter().zip(values) {
            sums[row] += value;
            tests[row] += 1.0;
        }
    }
    // 0 / 0 is NaN: no fold tests the row.
    let scores = sums.iter().zip(&tests).map(|(sum, tests)| sum / tests);
    let mut scores: Vec<f64> = scores.collect();
    let rows = coded.only(|row| !scores[row].is_nan());
    let codes = rows.presence(count.au);
    scores.retain(|score| !score.is_nan());
    let (classes, subjects) = (&rows.classes, &rows.subjects);
    let within = within_class_aurocs(&scores, &codes, classes, subjects, options);
    let each = resampled_aurocs(&scores, &codes, &rows.subjects, options);
    let of_classes = Classes::of(&rows, options.exchange);
    OutOfFold {
        count,
        filters,
        alone,
        scored: rows
            .rows
            .iter()
            .copied()
            .zip(scores.iter().copied())
            .collect(),
        range: Range95::percentile(&each),
        p: exchange_p(&scores, &codes, &rows, options),
        q: f64::NAN,
        score: Resampled {
            auroc: auroc(&scores, &codes),
            each,
        },
        within: Resampled {
            auroc: within.0,
            each: within.1,
        },
        n_rarer_within_class: of_classes.variation(&codes).1,
        testable_within: of_classes.testable(&codes),
    }
}

/// Share of exchanges with at least this AUROC.
fn exchange_p(values: &[f64], codes: &[bool], rows: &Coded, options: &CheckedOptions) -> f64 {
    if values.is_empty() || options.permutations == 0 {
        return f64::NAN;
    }
    let scheme = Scheme::of_subjects(&rows.subjects, &rows.recordings, options.exchange);
    let ranks = doubled_midranks(values);
    let sum = |code: &dyn Fn(usize) -> bool| -> u64 {
        let with = (0..ranks.len()).filter(|&row| code(row));
        with.map(|row| u64::from(ranks[row])).sum()
    };
    let observed = sum(&|row| codes[row]);
    let reached = (0..options.permutations as u64).filter(|&index| {
        let source = scheme.draw(options.seed, Purpose::Exchange, index);
        sum(&|row| codes[source[row] as usize]) >= observed
    });
    p_value(reached.count(), options.permutations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::options::AnalysisOptions;
    use crate::input::samples::SampleRow;

    #[test]
    fn rows_that_two_networks_test_are_scored_by_the_mean_of_both() {
        let samples: Vec<SampleRow> = (0..8)
            .map(|index| SampleRow {
                index,
                coded: Some(if index % 2 == 0 {
                    vec![(12, 1)]
                } else {
                    vec![]
                }),
                ..SampleRow::default()
            })
            .collect();
        let coded = Coded::collect(&samples);
        // Chosen on 3, 1, 3, 1 (mean 2); each network misses another one of the two images with the unit.
        let network = |with: [f32; 2]| {
            let values = vec![3.0, 1.0, 3.0, 1.0, with[0], 2.0, with[1], 2.0];
            Activations::new(8, 1, values).unwrap()
        };
        let networks = [network([5.0, 1.0]), network([1.0, 5.0])];
        let fold = |(fold, activations)| FoldActivations {
            fold,
            activations,
            test: (0..8).map(|row| row > 3).collect(),
        };
        let folds: Vec<FoldActivations> = networks.iter().enumerate().map(fold).collect();
        let options = AnalysisOptions {
            permutations: 19,
            bootstrap: 19,
            ..AnalysisOptions::default()
        };
        let count = AuCount::of(12, &coded.presence(12));
        let unit = &score_units(&[count], &folds, &coded, &options.check().unwrap())[0];
        assert_eq!((&unit.filters, &unit.alone), (&vec![0, 0], &vec![0.5, 0.5]));
        assert_eq!(unit.score.auroc, 1.0);
    }
}
