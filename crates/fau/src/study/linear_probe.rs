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
use crate::input::coded::{AuCount, Coded, positives};
use crate::input::options::AnalysisOptions;
use crate::input::samples::SampleRow;
use crate::input::table::{check_rows, gather, pick};
use crate::study::gap::Resampled;
use crate::study::logistic::{Logistic, both_kinds};
use crate::watch::Watch;

/// Draws of each control task, averaged.
const CONTROLS: u64 = 3;

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
    /// The AUROC, and that in every resampling of the subjects, for differences between networks: the same people are drawn
    /// for all.
    #[serde(skip)]
    pub resampled: Resampled,
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

/// A layer's activations, the rows' samples, folds and penalty.
pub(crate) type Task<'a> = (&'a Activations, &'a [SampleRow], (usize, f64));

/// Probes one layer for every sufficiently frequent action unit.
///
/// # Errors
/// Errors from [`analyse`](crate::analyse), [`Error::BadOption`] for fewer than two folds or people, and
/// [`Error::Cancelled`].
pub(crate) fn probe(
    task: Task,
    options: &AnalysisOptions,
    watch: &Watch,
) -> Result<Vec<ProbeScore>, Error> {
    with_tables(task, options, watch, |count, all, labelled| {
        score_unit(*count, all, labelled)
    })
}

/// The probes' AUROCs alone, without control tasks: the yardstick of untrained networks.
///
/// # Errors
/// As [`probe`].
pub(crate) fn probe_aurocs(
    task: Task,
    options: &AnalysisOptions,
    watch: &Watch,
) -> Result<Vec<Resampled>, Error> {
    with_tables(task, options, watch, |count, all, _| {
        let codes = all.coded.presence(count.au);
        Ok(all.resampled(&all.margins(&codes)?, &codes))
    })
}

fn with_tables<T: Send>(
    (activations, samples, (folds, penalty)): Task,
    options: &AnalysisOptions,
    watch: &Watch,
    of: impl Fn(&AuCount, &Table, Option<&Table>) -> Result<T, Error> + Sync,
) -> Result<Vec<T>, Error> {
    check_rows(activations, samples)?;
    let coded = Coded::collect(samples);
    let (aus, _) = coded.usable(options.min_positives)?;
    let folds = folds.min(coded.subject_count());
    let expected = "give at least two folds, and people to deal to them";
    Error::unless(folds >= 2, "folds", folds, expected)?;
    let table = |coded| Table::new(activations, coded, folds, penalty, options);
    let all = table(&coded);
    let labelled_rows = coded.only(|row| coded.classes[row].is_some());
    let labelled = (labelled_rows.len() > 0 && labelled_rows.subject_count() >= folds)
        .then(|| table(&labelled_rows));
    let begun = AtomicUsize::new(0);
    let score = |count: &AuCount| {
        watch.next(&begun, aus.len())?;
        of(count, &all, labelled.as_ref())
    };
    aus.par_iter().map(score).collect()
}

fn score_unit(count: AuCount, all: &Table, labelled: Option<&Table>) -> Result<ProbeScore, Error> {
    let codes = all.coded.presence(count.au);
    let margins = all.margins(&codes)?;
    let (subjects, recordings) = (&all.coded.subjects, &all.coded.recordings);
    let exchange = Scheme::of_subjects(subjects, recordings, Exchange::Both);
    let [control_auroc, control_f1] = all.control(&exchange, &codes)?;
    let inside = labelled.map(|table| inside_classes(count.au, table));
    let [labelled_auroc, class_control_auroc] = inside.transpose()?.unwrap_or([f64::NAN; 2]);
    let resampled = all.resampled(&margins, &codes);
    let [auroc, f1] = scores(&margins, &codes);
    Ok(ProbeScore {
        au: count.au,
        features: all.features,
        n_with: count.n_with,
        n_without: count.n_without,
        auroc,
        f1,
        range: Range95::percentile(&resampled.each),
        resampled,
        control_auroc,
        control_f1,
        labelled_auroc,
        class_control_auroc,
    })
}

/// AUROC on labelled rows, with their codes and with codes exchanged inside each class.
fn inside_classes(au: u8, table: &Table) -> Result<[f64; 2], Error> {
    let codes = table.coded.presence(au);
    let classes = table.coded.classes.iter();
    let classes: Vec<u32> = classes.map(|c| c.unwrap_or_default() as u32).collect();
    let inside = Scheme::inside(&classes, &table.coded.recordings);
    let own = scores(&table.margins(&codes)?, &codes);
    Ok([own[0], table.control(&inside, &codes)?[0]])
}

/// The rows with a margin.
pub(super) fn known(margins: &[f64]) -> Vec<usize> {
    let rows = 0..margins.len();
    rows.filter(|&row| !margins[row].is_nan()).collect()
}

/// AUROC, and F1 of "the margin is positive" (0 without positives), over the rows with a margin.
fn scores(margins: &[f64], codes: &[bool]) -> [f64; 2] {
    let known = known(margins);
    let (margins, codes) = (pick(margins, &known), pick(codes, &known));
    let found: Vec<bool> = margins.iter().map(|margin| *margin > 0.0).collect();
    let hits = found.iter().zip(&codes).filter(|(f, code)| **f && **code);
    let both = positives(&found) + positives(&codes);
    let f1 = 2.0 * hits.count() as f64 / (both as f64).max(1.0);
    [auroc(&margins, &codes), f1]
}

/// Rows in subject-wise folds, their features standardised for every fold.
pub(super) struct Table<'a> {
    pub coded: &'a Coded<'a>,
    features: usize,
    folds: Vec<Fold>,
    penalty: f64,
    pub options: &'a AnalysisOptions,
}

/// Rows to train on and to score, with features in standard deviations of the training rows.
struct Fold {
    train: Vec<usize>,
    test: Vec<usize>,
    train_rows: Vec<f64>,
    test_rows: Vec<f64>,
}

impl<'a> Table<'a> {
    pub fn new(
        activations: &Activations,
        coded: &'a Coded,
        folds: usize,
        penalty: f64,
        options: &'a AnalysisOptions,
    ) -> Self {
        let fold = |fold: usize| {
            let of = |row: &usize| coded.subjects[*row] as usize % folds == fold;
            let (test, train): (Vec<usize>, Vec<usize>) = (0..coded.len()).partition(of);
            Fold::new(activations, coded, train, test)
        };
        Self {
            coded,
            features: activations.filters(),
            folds: (0..folds).into_par_iter().map(fold).collect(),
            penalty,
            options,
        }
    }

    /// The same rows with as many features each, the `chosen` of every fold.
    pub fn only(&self, chosen: &[&[usize]]) -> Self {
        let fold = |(fold, chosen): (&Fold, &&[usize])| {
            let own = |rows: &[f64]| -> Vec<f64> {
                let rows = rows.chunks_exact(self.features);
                rows.flat_map(|row| pick(row, chosen)).collect()
            };
            Fold {
                train: fold.train.clone(),
                test: fold.test.clone(),
                train_rows: own(&fold.train_rows),
                test_rows: own(&fold.test_rows),
            }
        };
        Self {
            features: chosen.first().map_or(0, |chosen| chosen.len()),
            folds: self.folds.iter().zip(chosen).map(fold).collect(),
            ..*self
        }
    }

    /// The margin of every row by the probe of its test fold; NaN if that fold's training rows are all of one kind, so
    /// that there is no probe.
    pub fn margins(&self, codes: &[bool]) -> Result<Vec<f64>, Error> {
        let mut margins = vec![f64::NAN; codes.len()];
        for fold in &self.folds {
            let labels = pick(codes, &fold.train);
            if !both_kinds(&labels) {
                continue;
            }
            let probe = Logistic::fit(&fold.train_rows, self.features, &labels, self.penalty)?;
            let rows = fold.test_rows.chunks_exact(self.features);
            for (&row, features) in fold.test.iter().zip(rows) {
                margins[row] = probe.margin(features);
            }
        }
        Ok(margins)
    }

    /// The AUROC over the rows with a margin, and the same in every resampling of their subjects.
    fn resampled(&self, margins: &[f64], codes: &[bool]) -> Resampled {
        let known = known(margins);
        let subjects = pick(&self.coded.subjects, &known);
        let (margins, codes) = (pick(margins, &known), pick(codes, &known));
        Resampled {
            auroc: auroc(&margins, &codes),
            each: resampled_aurocs(&margins, &codes, &subjects, self.options),
        }
    }

    /// Mean AUROC and F1 over exchanged codes.
    fn control(&self, scheme: &Scheme, codes: &[bool]) -> Result<[f64; 2], Error> {
        let draw = |index: u64| {
            let source = scheme.draw(self.options.seed, Purpose::Control, index);
            let moved = gather(codes, &source);
            Ok(scores(&self.margins(&moved)?, &moved))
        };
        let draws: Vec<[f64; 2]> = (0..CONTROLS).map(draw).collect::<Result<_, Error>>()?;
        Ok([0, 1].map(|at| mean(&draws.iter().map(|d| d[at]).collect::<Vec<_>>())))
    }
}

impl Fold {
    fn new(activations: &Activations, coded: &Coded, train: Vec<usize>, test: Vec<usize>) -> Self {
        let value = |row: usize, feature| activations.get(coded.rows[row], feature);
        let scale = |feature: usize| {
            let train: Vec<f64> = train.iter().map(|&row| value(row, feature)).collect();
            let (centre, spread) = (mean(&train), deviation(&train));
            // A dead filter is not a feature.
            (centre, if spread > 0.0 { 1.0 / spread } else { 0.0 })
        };
        let scales: Vec<(f64, f64)> = (0..activations.filters()).map(scale).collect();
        let standardised = |rows: &[usize]| -> Vec<f64> {
            let of = |&row: &usize| {
                let scales = scales.iter().enumerate();
                scales.map(move |(at, (centre, scale))| (value(row, at) - centre) * scale)
            };
            rows.iter().flat_map(of).collect()
        };
        Self {
            train_rows: standardised(&train),
            test_rows: standardised(&test),
            train,
            test,
        }
    }
}
