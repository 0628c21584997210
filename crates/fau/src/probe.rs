//! Linear probes: is an action unit there to be read, and where along the network?
//!
//! A penalised logistic regression from the activations of one layer to one action unit, trained on some people and
//! scored on others. That a probe succeeds means that the information is there, not that the network uses it, and a
//! wide layer serves almost any labelling; hence the control tasks of Hewitt & Liang (2019, EMNLP) and the untrained
//! network, whose scores the trained one must be held against.

use rayon::prelude::*;

use crate::analysis::{AuCount, check_rows};
use crate::bootstrap::{Range95, resampled_aurocs};
use crate::coded::Coded;
use crate::exchange::{Exchange, Scheme};
use crate::logistic::Logistic;
use crate::random::Purpose;
use crate::ranks::{auroc, deviation, mean};
use crate::{Activations, Error, SampleRow, Watch};

/// Options of [`probe`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProbeOptions {
    /// Subject-wise folds (10).
    pub folds: usize,
    /// Penalty on half the squared weights against the mean log-loss, features in standard deviations. Default 0.1, our
    /// choice: with some hundred features and rows, weak penalties let probes memorise.
    pub penalty: f64,
    /// An action unit needs so many rows of each kind (10).
    pub min_positives: usize,
    /// Resamplings of the subjects behind the intervals (1000).
    pub bootstrap: usize,
    /// Draws of each control task, averaged (3).
    pub controls: usize,
    /// Fixes everything random (1).
    pub seed: u64,
}

impl Default for ProbeOptions {
    fn default() -> Self {
        Self {
            folds: 10,
            penalty: 0.1,
            min_positives: 10,
            bootstrap: 1000,
            controls: 3,
            seed: 1,
        }
    }
}

/// What a probe scores. NaN where a task cannot be set.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeScore {
    /// The action unit and how often it occurs.
    pub count: AuCount,
    /// Features of the layer.
    pub features: usize,
    /// AUROC over all people, each scored by a probe that did not see them.
    pub auroc: f64,
    /// F1 at a probability of one half.
    pub f1: f64,
    /// 95% interval of AUROC over resampled subjects, for given probes.
    pub range: Range95,
    /// AUROC where the codes were exchanged between and within people: what a probe makes of nothing.
    pub control_auroc: f64,
    /// F1 of the same.
    pub control_f1: f64,
    /// AUROC on labelled rows alone.
    pub labelled_auroc: f64,
    /// AUROC on labelled rows where the codes were exchanged inside each class: what the expression alone gives.
    pub class_control_auroc: f64,
    /// The AUROC in every resampling of the subjects, for differences between networks: the same people are drawn for all.
    pub resampled: Vec<f64>,
}

impl ProbeScore {
    /// Hewitt & Liang's selectivity, in AUROC.
    pub fn selectivity(&self) -> f64 {
        self.auroc - self.control_auroc
    }

    /// What the layer tells beyond the expression, in AUROC on labelled rows.
    pub fn beyond_class(&self) -> f64 {
        self.labelled_auroc - self.class_control_auroc
    }
}

/// Probes one layer for every sufficiently frequent action unit.
///
/// # Errors
/// Those of [`analyse`](crate::analyse), [`Error::BadOption`] for fewer than two folds or people, and
/// [`Error::Cancelled`].
pub fn probe(
    activations: &Activations,
    samples: &[SampleRow],
    options: &ProbeOptions,
    watch: &Watch,
) -> Result<Vec<ProbeScore>, Error> {
    if !(options.penalty.is_finite() && options.penalty > 0.0) {
        return Err(Error::BadOption {
            name: "penalty",
            value: options.penalty.to_string(),
            expected: "give a positive number",
        });
    }
    check_rows(activations, samples)?;
    activations.check_finite()?;
    let coded = Coded::collect(samples);
    let (aus, _) = coded.usable(options.min_positives)?;
    let people = coded.subject_count();
    let folds = options.folds.min(people);
    if folds < 2 {
        return Err(Error::BadOption {
            name: "folds",
            value: folds.to_string(),
            expected: "give at least two folds, and people to deal to them",
        });
    }
    let all = Table::new(activations, &coded, folds);
    let labelled_rows = coded.only(|row| coded.classes[row].is_some());
    let labelled = (labelled_rows.len() > 0 && labelled_rows.subject_count() >= folds)
        .then(|| Table::new(activations, &labelled_rows, folds));
    let done = std::sync::atomic::AtomicUsize::new(0);
    let score = |count: &AuCount| {
        let step = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        watch.step(step, aus.len())?;
        score_unit(*count, &all, labelled.as_ref(), options)
    };
    aus.par_iter().map(score).collect()
}

fn score_unit(
    count: AuCount,
    all: &Table,
    labelled: Option<&Table>,
    options: &ProbeOptions,
) -> Result<ProbeScore, Error> {
    let codes = all.coded.presence(count.au);
    let margins = all.margins(&codes, options.penalty)?;
    let draws = (options.bootstrap, options.seed);
    let subjects = &all.coded.subjects;
    let recordings = &all.coded.recordings;
    let exchange = Scheme::of_subjects(subjects, recordings, Exchange::Both);
    let [control_auroc, control_f1] = all.control(&exchange, &codes, options)?;
    let beyond = labelled.map(|table| {
        let codes = table.coded.presence(count.au);
        let classes: Vec<u32> = table
            .coded
            .classes
            .iter()
            .map(|class| class.unwrap_or_default() as u32)
            .collect();
        let inside = Scheme::inside(&classes, &table.coded.recordings);
        let margins = table.margins(&codes, options.penalty)?;
        let own = auroc(&numbers(&margins, &margins), &numbers(&codes, &margins));
        Ok::<_, Error>((own, table.control(&inside, &codes, options)?[0]))
    });
    let (labelled_auroc, class_control_auroc) = beyond.transpose()?.unwrap_or((f64::NAN, f64::NAN));
    let subjects = numbers(subjects, &margins);
    let codes = numbers(&codes, &margins);
    let margins = numbers(&margins, &margins);
    let resampled = resampled_aurocs(&margins, &codes, &subjects, draws);
    Ok(ProbeScore {
        count,
        features: all.features,
        auroc: auroc(&margins, &codes),
        f1: f1(&margins, &codes),
        range: Range95::percentile(&resampled),
        resampled,
        control_auroc,
        control_f1,
        labelled_auroc,
        class_control_auroc,
    })
}

/// Those of `values` whose row has a margin.
fn numbers<T: Copy>(values: &[T], margins: &[f64]) -> Vec<T> {
    let scored = values.iter().zip(margins).filter(|(_, m)| !m.is_nan());
    scored.map(|(value, _)| *value).collect()
}

/// F1 of "the margin is positive"; 0 where nothing is found.
pub(crate) fn f1(margins: &[f64], codes: &[bool]) -> f64 {
    let pairs = || margins.iter().zip(codes);
    let hits = pairs().filter(|(m, code)| **m > 0.0 && **code).count() as f64;
    let said = pairs().filter(|(m, _)| **m > 0.0).count() as f64;
    let there = codes.iter().filter(|code| **code).count() as f64;
    2.0 * hits / (said + there).max(1.0)
}

/// Some rows, their features standardised for every fold, and who is in which fold.
struct Table<'a> {
    coded: &'a Coded<'a>,
    features: usize,
    folds: Vec<Fold>,
}

/// Rows to train on and to score, with features in standard deviations of the training rows.
struct Fold {
    train: Vec<usize>,
    test: Vec<usize>,
    train_rows: Vec<f64>,
    test_rows: Vec<f64>,
}

impl<'a> Table<'a> {
    fn new(activations: &Activations, coded: &'a Coded, folds: usize) -> Self {
        let fold = |fold: usize| {
            let of = |row: &usize| coded.subjects[*row] as usize % folds == fold;
            let (test, train): (Vec<usize>, Vec<usize>) = (0..coded.len()).partition(of);
            let mut made = Fold {
                train_rows: vec![0.0; train.len() * activations.filters()],
                test_rows: vec![0.0; test.len() * activations.filters()],
                train,
                test,
            };
            made.standardise(activations, coded);
            made
        };
        Self {
            coded,
            features: activations.filters(),
            folds: (0..folds).into_par_iter().map(fold).collect(),
        }
    }

    /// The margin of every row by the probe of the fold it is tested in; NaN where that fold's training rows are all alike,
    /// so that there is no probe.
    fn margins(&self, codes: &[bool], penalty: f64) -> Result<Vec<f64>, Error> {
        let mut margins = vec![f64::NAN; codes.len()];
        for fold in &self.folds {
            let labels: Vec<bool> = fold.train.iter().map(|&row| codes[row]).collect();
            if labels.iter().all(|&l| l) || !labels.iter().any(|&l| l) {
                continue;
            }
            let probe = Logistic::fit(&fold.train_rows, self.features, &labels, penalty)?;
            let rows = fold.test_rows.chunks_exact(self.features);
            for (&row, features) in fold.test.iter().zip(rows) {
                margins[row] = probe.margin(features);
            }
        }
        Ok(margins)
    }

    /// Mean AUROC and F1 over exchanged codes.
    fn control(
        &self,
        scheme: &Scheme,
        codes: &[bool],
        options: &ProbeOptions,
    ) -> Result<[f64; 2], Error> {
        let draw = |index: usize| {
            let source = scheme.draw(options.seed, Purpose::Control, index as u64);
            let moved: Vec<bool> = source.iter().map(|&from| codes[from as usize]).collect();
            let margins = self.margins(&moved, options.penalty)?;
            let moved = numbers(&moved, &margins);
            let margins = numbers(&margins, &margins);
            Ok([auroc(&margins, &moved), f1(&margins, &moved)])
        };
        let draws = (0..options.controls).map(draw);
        let draws: Vec<[f64; 2]> = draws.collect::<Result<_, Error>>()?;
        Ok([0, 1].map(|at| mean(&draws.iter().map(|d| d[at]).collect::<Vec<_>>())))
    }
}

impl Fold {
    fn standardise(&mut self, activations: &Activations, coded: &Coded) {
        let features = activations.filters();
        for feature in 0..features {
            let value = |row: &usize| f64::from(activations.get(coded.rows[*row], feature));
            let train: Vec<f64> = self.train.iter().map(value).collect();
            let (centre, spread) = (mean(&train), deviation(&train));
            // A dead filter is no feature.
            let scale = if spread > 0.0 { 1.0 / spread } else { 0.0 };
            for (at, x) in train.iter().enumerate() {
                self.train_rows[at * features + feature] = (x - centre) * scale;
            }
            for (at, row) in self.test.iter().enumerate() {
                self.test_rows[at * features + feature] = (value(row) - centre) * scale;
            }
        }
    }
}
