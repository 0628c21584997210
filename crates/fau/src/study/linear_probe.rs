//! Linear probes of one layer.
//!
//! A penalised logistic regression from the activations of the layer to one action unit, trained on some people and
//! scored on others. A successful probe shows that the layer contains the information, not that the network uses it,
//! and a wide layer fits almost any labelling; hence the control tasks of Hewitt & Liang (2019, EMNLP) and the
//! comparison with the untrained network.

use std::sync::atomic::AtomicUsize;

use faus_base::order::{auroc, deviation, mean};
use rayon::prelude::*;
use serde::Serialize;

use crate::chance::bootstrap::{Range95, resampled_aurocs};
use crate::chance::exchange::{Exchange, Scheme};
use crate::chance::random::Purpose;
use crate::error::Error;
use crate::input::activations::Activations;
use crate::input::coded::{AuCount, Coded};
use crate::input::options::AnalysisOptions;
use crate::input::samples::SampleRow;
use crate::input::table::check_rows;
use crate::study::logistic::Logistic;
use crate::watch::Watch;

/// Draws of each control task, averaged.
const CONTROLS: usize = 3;

/// Settings of the probes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings<'a> {
    /// Subject-wise folds.
    pub folds: usize,
    /// Penalty on half the squared weights against the mean log-loss, features in standard deviations.
    pub penalty: f64,
    /// Of the analysis: frequency of action units, resamplings, seed.
    pub options: &'a AnalysisOptions,
}

/// Scores of a probe. NaN for an impossible task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ProbeScore {
    /// The action unit.
    pub au: u8,
    /// Features of the layer.
    pub features: usize,
    /// Rows that show the unit.
    pub n_with: usize,
    /// Rows that do not.
    pub n_without: usize,
    /// AUROC over all people, each scored by a probe trained on others.
    pub auroc: f64,
    /// F1 at a probability of one half.
    pub f1: f64,
    /// 95% interval of AUROC over resampled subjects, for given probes.
    pub range: Range95,
    /// AUROC with codes exchanged between and within people: the result of a probe on noise.
    pub control_auroc: f64,
    /// F1 of the same.
    pub control_f1: f64,
    /// AUROC on labelled rows alone.
    pub labelled_auroc: f64,
    /// AUROC on labelled rows with codes exchanged inside each class: the contribution of the expression.
    pub class_control_auroc: f64,
    /// The AUROC in every resampling of the subjects, for differences between networks: the same people are drawn for all.
    #[serde(skip)]
    pub resampled: Vec<f64>,
}

impl ProbeScore {
    /// Hewitt & Liang's selectivity, in AUROC.
    pub fn selectivity(&self) -> f64 {
        self.auroc - self.control_auroc
    }

    /// Gain over the expression, in AUROC on labelled rows.
    pub fn beyond_class(&self) -> f64 {
        self.labelled_auroc - self.class_control_auroc
    }
}

/// Probes one layer for every sufficiently frequent action unit.
///
/// # Errors
/// Errors from [`analyse`](crate::analyse), [`Error::BadOption`] for fewer than two folds or people, and
/// [`Error::Cancelled`].
pub(crate) fn probe(
    activations: &Activations,
    samples: &[SampleRow],
    settings: &Settings,
    watch: &Watch,
) -> Result<Vec<ProbeScore>, Error> {
    check_rows(activations, samples)?;
    let coded = Coded::collect(samples);
    let (aus, _) = coded.usable(settings.options.min_positives)?;
    let folds = settings.folds.min(coded.subject_count());
    if folds < 2 {
        let expected = "give at least two folds, and people to deal to them";
        return Err(Error::bad_option("folds", folds, expected));
    }
    let all = Table::new(activations, &coded, folds);
    let labelled_rows = coded.only(|row| coded.classes[row].is_some());
    let labelled = (labelled_rows.len() > 0 && labelled_rows.subject_count() >= folds)
        .then(|| Table::new(activations, &labelled_rows, folds));
    let begun = AtomicUsize::new(0);
    let score = |count: &AuCount| {
        watch.next(&begun, aus.len())?;
        score_unit(*count, &all, labelled.as_ref(), settings)
    };
    aus.par_iter().map(score).collect()
}

fn score_unit(
    count: AuCount,
    all: &Table,
    labelled: Option<&Table>,
    settings: &Settings,
) -> Result<ProbeScore, Error> {
    let codes = all.coded.presence(count.au);
    let margins = all.margins(&codes, settings.penalty)?;
    let (subjects, recordings) = (&all.coded.subjects, &all.coded.recordings);
    let exchange = Scheme::of_subjects(subjects, recordings, Exchange::Both);
    let [control_auroc, control_f1] = all.control(&exchange, &codes, settings)?;
    let inside = labelled.map(|table| inside_classes(count.au, table, settings));
    let (labelled_auroc, class_control_auroc) = inside.transpose()?.unwrap_or((f64::NAN, f64::NAN));
    let subjects = scored(subjects, &margins);
    let codes = scored(&codes, &margins);
    let margins = scored(&margins, &margins);
    let resampled = resampled_aurocs(&margins, &codes, &subjects, settings.options);
    Ok(ProbeScore {
        au: count.au,
        features: all.features,
        n_with: count.n_with,
        n_without: count.n_without,
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

/// AUROC on labelled rows, with their codes and with codes exchanged inside each class.
fn inside_classes(au: u8, table: &Table, settings: &Settings) -> Result<(f64, f64), Error> {
    let codes = table.coded.presence(au);
    let classes = table.coded.classes.iter();
    let classes: Vec<u32> = classes.map(|c| c.unwrap_or_default() as u32).collect();
    let inside = Scheme::inside(&classes, &table.coded.recordings);
    let margins = table.margins(&codes, settings.penalty)?;
    let own = auroc(&scored(&margins, &margins), &scored(&codes, &margins));
    Ok((own, table.control(&inside, &codes, settings)?[0]))
}

/// The `values` whose row has a margin.
fn scored<T: Copy>(values: &[T], margins: &[f64]) -> Vec<T> {
    let scored = values.iter().zip(margins).filter(|(_, m)| !m.is_nan());
    scored.map(|(value, _)| *value).collect()
}

/// F1 of "the margin is positive"; 0 without positives.
fn f1(margins: &[f64], codes: &[bool]) -> f64 {
    let pairs = || margins.iter().zip(codes);
    let hits = pairs().filter(|(m, code)| **m > 0.0 && **code).count() as f64;
    let found = pairs().filter(|(m, _)| **m > 0.0).count() as f64;
    let there = codes.iter().filter(|code| **code).count() as f64;
    2.0 * hits / (found + there).max(1.0)
}

/// Rows in subject-wise folds, their features standardised for every fold.
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

    /// The margin of every row by the probe of its test fold; NaN if that fold's training rows are all of one kind, so
    /// that there is no probe.
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
        settings: &Settings,
    ) -> Result<[f64; 2], Error> {
        let draw = |index: usize| {
            let source = scheme.draw(settings.options.seed, Purpose::Control, index as u64);
            let moved: Vec<bool> = source.iter().map(|&from| codes[from as usize]).collect();
            let margins = self.margins(&moved, settings.penalty)?;
            let moved = scored(&moved, &margins);
            let margins = scored(&margins, &margins);
            Ok([auroc(&margins, &moved), f1(&margins, &moved)])
        };
        let draws = (0..CONTROLS).map(draw);
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
            // A dead filter is not a feature.
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
