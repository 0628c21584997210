//! One analysis for several networks: is the trained one above what shows nothing?

use crate::analysis::{Analysis, AuCount, analyse_watched};
use crate::bootstrap::Range95;
use crate::coded::Coded;
use crate::exchange::{Exchange, Scheme};
use crate::out_of_fold::{FoldActivations, OutOfFold, deal_subjects, out_of_fold};
use crate::random::Purpose;
use crate::ranks::mean;
use crate::summary::Counts;
use crate::{Activations, CheckedOptions, Error, SampleRow, Watch};

/// Folds of people over which filters are chosen and scored.
const FOLDS: usize = 10;

/// What one network, or what stands in for one, gives.
#[derive(Debug, Clone)]
pub struct Control {
    /// `trained`, `untrained`, `label_shuffled`, `au_shuffled` or `pixels`.
    pub name: String,
    /// Columns of its activations.
    pub filters: usize,
    /// Filter × action-unit pairs.
    pub pairs: usize,
    /// Pairs whose KL has a false-discovery rate of at most `fdr`.
    pub pairs_q: usize,
    /// Filters whose largest KL has.
    pub filters_max_q: usize,
    /// Pairs that hold inside expression classes.
    pub pairs_within_class_q: usize,
    /// Filters with such a pair.
    pub filters_within_class_q: usize,
    /// One for each action unit.
    pub units: Vec<ControlUnit>,
    /// Mean over the action units of the AUROC of the best filter, chosen on other people.
    pub mean_auroc: f64,
    /// Its 95% interval over resampled subjects.
    pub range: Range95,
    /// The mean in every resampling.
    resampled: Vec<f64>,
}

/// What a control gives for one action unit.
#[derive(Debug, Clone)]
pub struct ControlUnit {
    /// The action unit and how often it occurs.
    pub count: AuCount,
    /// AUROC of its best filter, chosen on other people.
    pub auroc: f64,
    /// 95% interval over resampled subjects.
    pub range: Range95,
    /// Filters whose KL has a false-discovery rate of at most `fdr`.
    pub filters_q: usize,
    /// Filters that tell it inside expression classes.
    pub filters_within_class_q: usize,
    /// Whether it varies enough inside classes to be asked about.
    pub varies_within_class: bool,
    /// The AUROC in every resampling.
    resampled: Vec<f64>,
}

/// How far another network lies below: differences of AUROC, the same people resampled for both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gap {
    /// Mean over the action units of the difference.
    pub difference: f64,
    /// 95% interval over resampled subjects.
    pub range: Range95,
    /// Two-sided p: twice the smaller share of resamplings on either side of 0, each share (b + 1)/(m + 1).
    pub p: f64,
}

impl Control {
    /// Analyses `activations` of the samples' images.
    ///
    /// # Errors
    /// Those of [`analyse`](crate::analyse).
    pub fn of(
        name: &str,
        activations: &Activations,
        samples: &[SampleRow],
        options: &CheckedOptions,
        watch: &Watch,
    ) -> Result<Self, Error> {
        let analysis = analyse_watched(activations, samples, options, watch)?;
        let folds = deal_subjects(samples, FOLDS);
        let folds: Vec<FoldActivations> = folds
            .iter()
            .enumerate()
            .map(|(fold, test)| FoldActivations {
                fold,
                activations,
                test,
            })
            .collect();
        let scores = out_of_fold(&folds, samples, options)?;
        Ok(Self::gather(name, &analysis, scores))
    }

    fn gather(name: &str, analysis: &Analysis, scores: Vec<OutOfFold>) -> Self {
        let inference = analysis.inference.as_ref();
        let counts = inference.map(|inference| Counts::of(analysis, inference));
        let count = |of: fn(&Counts) -> usize| counts.as_ref().map_or(0, of);
        let fdr = analysis.options.fdr;
        let units = analysis.aus_used.len();
        let survive = |unit: usize, q: fn(&crate::PairInference) -> f64| {
            let own = inference.map_or(&[][..], |i| &i.pairs);
            let own = own.iter().skip(unit).step_by(units);
            own.filter(|pair| q(pair) <= fdr).count()
        };
        let varies = |au| inference.is_some_and(|i| !i.without_variation.contains(&au));
        let aurocs: Vec<f64> = scores.iter().map(|s| s.auroc).collect();
        let resampled = means(scores.iter().map(|s| s.resampled.as_slice()));
        let unit = |(at, score): (usize, OutOfFold)| ControlUnit {
            count: score.count,
            auroc: score.auroc,
            range: score.range,
            filters_q: survive(at, |pair| pair.q),
            filters_within_class_q: survive(at, |pair| pair.q_within_class),
            varies_within_class: varies(score.count.au),
            resampled: score.resampled,
        };
        Self {
            name: name.to_owned(),
            filters: analysis.filters,
            pairs: count(|c| c.pairs),
            pairs_q: count(|c| c.pairs_q),
            filters_max_q: count(|c| c.filters_max_q),
            pairs_within_class_q: count(|c| c.within_q),
            filters_within_class_q: count(|c| c.filters_within_q),
            mean_auroc: mean(&numbers(&aurocs)),
            range: Range95::percentile(&resampled),
            resampled,
            units: scores.into_iter().enumerate().map(unit).collect(),
        }
    }

    /// How far `other` lies below this one, over all action units.
    pub fn above(&self, other: &Self) -> Gap {
        gap(
            self.mean_auroc - other.mean_auroc,
            &self.resampled,
            &other.resampled,
        )
    }

    /// How far `other` lies below this one for action unit `au`; `None` where either lacks it.
    pub fn above_for(&self, other: &Self, au: u8) -> Option<Gap> {
        let find = |control: &Self| control.units.iter().position(|u| u.count.au == au);
        let (own, theirs) = (&self.units[find(self)?], &other.units[find(other)?]);
        Some(gap(
            own.auroc - theirs.auroc,
            &own.resampled,
            &theirs.resampled,
        ))
    }
}

fn gap(difference: f64, own: &[f64], theirs: &[f64]) -> Gap {
    let differences: Vec<f64> = own.iter().zip(theirs).map(|(a, b)| a - b).collect();
    let known = numbers(&differences);
    let side = |keep: fn(&f64) -> bool| known.iter().filter(|d| keep(d)).count() as u64;
    let fewer = side(|d| *d <= 0.0).min(side(|d| *d >= 0.0));
    let p = (2 * (fewer + 1)) as f64 / (known.len() + 1) as f64;
    Gap {
        difference,
        range: Range95::percentile(&differences),
        p: if known.is_empty() {
            f64::NAN
        } else {
            p.min(1.0)
        },
    }
}

fn numbers(values: &[f64]) -> Vec<f64> {
    values.iter().copied().filter(|x| !x.is_nan()).collect()
}

/// Means across several series of one length, leaving NaN out.
fn means<'a>(series: impl Iterator<Item = &'a [f64]>) -> Vec<f64> {
    let all: Vec<&[f64]> = series.collect();
    let length = all.first().map_or(0, |first| first.len());
    let at = |at: usize| mean(&numbers(&all.iter().map(|s| s[at]).collect::<Vec<_>>()));
    (0..length).map(at).collect()
}

/// The samples with their codes exchanged once between and within people: an analysis of them must find nothing.
pub fn exchange_codes(samples: &[SampleRow], seed: u64) -> Vec<SampleRow> {
    let coded = Coded::collect(samples);
    let scheme = Scheme::of_subjects(&coded.subjects, &coded.recordings, Exchange::Both);
    let source = scheme.draw(seed, Purpose::Control, u64::from(u32::MAX));
    let mut moved: Vec<SampleRow> = samples.to_vec();
    moved.sort_unstable_by_key(|sample| sample.index);
    for (to, from) in source.into_iter().enumerate() {
        let codes = coded.units[from as usize].to_vec();
        moved[coded.rows[to]].coded = Some(codes);
    }
    moved
}
