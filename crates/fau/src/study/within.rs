//! Filters that follow their named unit inside expressions, beside those of untrained starts and under exchanged codes.

use faus_base::order::doubled_midranks;
use serde::Serialize;

use crate::analysis::names::{Name, NameCounts, Standing, name_counts};
use crate::chance::exchange::Exchange;
use crate::chance::held_out::HeldOut;
use crate::chance::rates::benjamini_hochberg;
use crate::chance::within_class::{Classes, WithinPair, within_class};
use crate::error::Error;
use crate::input::activations::Activations;
use crate::input::coded::{Coded, grouped};
use crate::input::options::{AnalysisOptions, CheckedOptions};
use crate::input::samples::SampleRow;
use crate::input::table::Table;
use crate::study::run::RunView;
use crate::watch::Watch;
use crate::write::words::range;

/// Permutations for each of many networks and draws. Our choice: names need p of about 1/1000.
const PERMUTATIONS: usize = 2000;

/// Counts of named filters, and of those that follow their unit inside expressions.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct WithinExpressions {
    /// Of the trained network.
    pub trained: NameCounts,
    /// Filters of the trained network that follow their unit inside expressions given the network's evidence for the
    /// expression.
    pub given_strength: Option<usize>,
    /// Of each untrained start.
    pub starts: Vec<NameCounts>,
    /// Of the trained network with codes exchanged, for each draw.
    pub au_shuffled: Vec<NameCounts>,
    /// Names on labelled images that hold on those without a label; `None` where there are too few of either.
    pub held_out: Option<HeldOutCounts>,
}

/// How many filters have a name on labelled images, and for how many it holds on the images without a label.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Kept {
    pub pairs_selected: usize,
    pub pairs_replicated: usize,
}

/// Those of the trained network and of each untrained start.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct HeldOutCounts {
    pub trained: Kept,
    pub starts: Vec<Kept>,
}

impl HeldOutCounts {
    /// `None` where nothing can be held out.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn of(
        trained: &Activations,
        starts: &[Activations],
        samples: &[SampleRow],
        options: &CheckedOptions,
        watch: &Watch,
    ) -> Result<Option<Self>, Error> {
        let (coded, fewer) = (Coded::collect(samples), fewer_permutations(options)?);
        let kept = |activations: &Activations, options: &CheckedOptions| {
            let held_out = HeldOut::of(&coded, activations, options, watch)?;
            Ok::<_, Error>(held_out.map(|held_out| Kept {
                pairs_selected: held_out.pairs.len(),
                pairs_replicated: held_out.replicated(options.fdr),
            }))
        };
        let Some(trained) = kept(trained, options)? else {
            return Ok(None);
        };
        let starts = starts.iter().map(|start| kept(start, &fewer));
        let starts = starts.collect::<Result<Option<_>, _>>()?;
        Ok(starts.map(|starts| Self { trained, starts }))
    }

    /// In a sentence; `None` where the trained network has no name on labelled images.
    pub fn sentence(&self) -> Option<String> {
        let share = |kept: &Kept| {
            let share = 100.0 * kept.pairs_replicated as f64 / kept.pairs_selected as f64;
            (kept.pairs_selected > 0).then(|| share.round() as u64)
        };
        let untrained: Vec<u64> = self.starts.iter().filter_map(share).collect();
        Some(format!(
            "Of {} filters with a name on labelled images, {} ({}%) respond to it on the images without a label too; of those of an untrained network {}.",
            self.trained.pairs_selected,
            self.trained.pairs_replicated,
            share(&self.trained)?,
            match untrained.as_slice() {
                [] => "none has a name".to_owned(),
                shares => format!("{}%", range(shares)),
            }
        ))
    }
}

impl WithinExpressions {
    /// The counts in a sentence.
    pub fn sentence(&self, exchange: Exchange) -> String {
        let each = |counts: &[NameCounts], of: fn(&NameCounts) -> usize| {
            range(&Vec::from_iter(counts.iter().map(of)))
        };
        let NameCounts {
            named,
            within_holds,
            within_fails,
            within_untestable,
            ..
        } = self.trained;
        format!(
            "{named} filters of the trained network have a name ({} in an untrained network, {} with exchanged codes); inside expressions {within_holds} follow their unit ({} untrained), {within_fails} do not, {within_untestable} cannot be tested.{}",
            each(&self.starts, |counts| counts.named),
            each(&self.au_shuffled, |counts| counts.named),
            each(&self.starts, |counts| counts.within_holds),
            match exchange {
                Exchange::Within => "",
                _ =>
                    " Something about the person that shapes both face and codes would count in all of these.",
            }
        )
    }
}

/// The options with few enough permutations to name the filters of many networks.
///
/// # Errors
/// None that the checked options do not have.
pub(crate) fn fewer_permutations(options: &CheckedOptions) -> Result<CheckedOptions, Error> {
    let permutations = options.permutations.min(PERMUTATIONS);
    AnalysisOptions {
        permutations,
        ..(**options).clone()
    }
    .check()
}

/// [`name_counts`] of each of some activations with its samples.
///
/// # Errors
/// Errors from [`name_counts`].
pub(crate) fn each_count<'a>(
    what: &str,
    all: impl Iterator<Item = (&'a Activations, &'a [SampleRow])>,
    run: &RunView,
    options: &CheckedOptions,
) -> Result<Vec<NameCounts>, Error> {
    let options = fewer_permutations(options)?;
    let count = |(activations, samples): (&Activations, &[SampleRow])| {
        run.work(what, |watch| {
            name_counts(activations, samples, &options, watch)
        })
    };
    all.map(count).collect()
}

/// Filters of a network, its names and its outputs.
pub(crate) struct Strength<'a> {
    pub names: &'a [Name],
    pub activations: &'a Activations,
    /// Outputs before the softmax, `[coded rows, classes]`.
    pub logits: &'a Activations,
}

impl Strength<'_> {
    /// How many of the filters that follow their unit inside expressions do so beyond the strength of the expression: the
    /// network's own evidence for the image's class, ln p/(1 − p), is regressed out of the activations inside each class
    /// (both as ranks) before they are tested as for `p_within_class`. `None` where the outputs are not the classes'.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn count(
        &self,
        samples: &[SampleRow],
        options: &CheckedOptions,
        watch: &Watch,
    ) -> Result<Option<usize>, Error> {
        let coded = Coded::collect(samples);
        let evidence = (0..coded.len()).map(|row| match coded.classes[row] {
            Some(label) => self.evidence(coded.rows[row], usize::try_from(label).ok()?),
            None => Some(0.0),
        });
        let Some(evidence) = evidence.collect::<Option<Vec<f64>>>() else {
            return Ok(None);
        };
        let classes = Classes::of(&coded, options.exchange);
        let holding = self.names.iter();
        let holding = holding.filter(|name| name.within.standing == Standing::Holds);
        let mut found: Vec<(&Name, WithinPair)> = Vec::new();
        for (au, names) in grouped(holding.map(|name| (name.au, name))) {
            let column = |name: &&Name| {
                let column = self.activations.column(&coded.rows, name.filter);
                classes.less(&column, &evidence)
            };
            let table = Table {
                columns: names.iter().map(column).collect(),
                presence: vec![coded.presence(au)],
            };
            let pairs = within_class(&classes, &table, options, watch)?;
            found.extend(names.into_iter().zip(pairs));
        }
        let p: Vec<f64> = found.iter().map(|(_, pair)| pair.p).collect();
        let tests = found.iter().zip(benjamini_hochberg(&p));
        let kept = tests.filter(|((name, pair), q)| *q <= options.fdr && pair.follows(name.sign()));
        Ok(Some(kept.count()))
    }

    /// ln p/(1 − p) of a class in one row; `None` if there is no such output.
    fn evidence(&self, row: usize, class: usize) -> Option<f64> {
        if class >= self.logits.filters() {
            return None;
        }
        let outputs = (0..self.logits.filters()).map(|at| self.logits.get(row, at));
        let outputs: Vec<f64> = outputs.collect();
        let others = || {
            (0..outputs.len())
                .filter(|&at| at != class)
                .map(|at| outputs[at])
        };
        let largest = others().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = others().map(|output| (output - largest).exp()).sum();
        Some(outputs[class] - largest - sum.ln())
    }
}

/// Midranks of `values` less their least-squares fit on the midranks of `covariate`.
pub(crate) fn less_ranks(values: &[f64], covariate: &[f64]) -> Vec<f64> {
    let centred = |values: &[f64]| -> Vec<f64> {
        let middle = (values.len() + 1) as f64;
        let ranks = doubled_midranks(values).into_iter();
        ranks.map(|rank| f64::from(rank) - middle).collect()
    };
    let (y, x) = (centred(values), centred(covariate));
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let (xx, xy) = (dot(&x, &x), dot(&x, &y));
    let slope = if xx > 0.0 { xy / xx } else { 0.0 };
    y.iter().zip(&x).map(|(y, x)| y - slope * x).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// numpy: ranks 2 1 4 3 5 on ranks 1 2 3 4 5, slope 0.8.
    #[test]
    fn the_rest_of_a_regression_of_ranks() {
        let rest = less_ranks(&[20.0, 10.0, 40.0, 30.0, 50.0], &[1.0, 2.0, 3.0, 4.0, 5.0]);
        let expected = [1.2, -2.4, 2.0, -1.6, 0.8];
        let pairs = rest.iter().zip(expected);
        assert!(
            pairs.clone().all(|(a, b)| (a - b).abs() < 1e-12),
            "{rest:?}"
        );
        assert_eq!(less_ranks(&[1.0, 2.0], &[3.0, 3.0]), [-1.0, 1.0]);
    }
}
