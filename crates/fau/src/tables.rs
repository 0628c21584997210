//! The tables beside the scores.

use crate::analysis::Analysis;
use crate::held_out::HeldOut;
use crate::inference::{Inference, PairInference};
use crate::options::Prior;
use crate::sensitivity::Variant;

/// A column of `associations.csv`: its name and what stands in it.
type Column = (&'static str, fn(&PairInference) -> f64);

const TESTED: [Column; 1] = [("p", |pair| pair.p)];
const WITHIN: [Column; 1] = [("p_within_class", |pair| pair.p_within_class)];
const RATE: [Column; 1] = [("q", |pair| pair.q)];
const RATE_WITHIN: [Column; 1] = [("q_within_class", |pair| pair.q_within_class)];
const NULL: [Column; 4] = [
    ("p_auroc", |pair| pair.p_auroc),
    ("q_auroc", |pair| pair.q_auroc),
    ("kl_null_mean", |pair| pair.kl_null_mean),
    ("kl_null_95", |pair| pair.kl_null_95),
];
const RANGES: [Column; 4] = [
    ("kl_low", |pair| pair.kl_range.low),
    ("kl_high", |pair| pair.kl_range.high),
    ("auroc_low", |pair| pair.auroc_range.low),
    ("auroc_high", |pair| pair.auroc_range.high),
];
const CLASS: [Column; 2] = [
    ("auroc_within_class", |pair| pair.auroc_within_class),
    ("n_within_class", |pair| pair.n_within_class as f64),
];
const INTENSITY: [Column; 2] = [
    ("intensity_rho", |pair| pair.intensity_rho),
    ("n_graded", |pair| pair.n_graded as f64),
];

/// What stands behind the scores in `associations.csv`.
pub(crate) struct PairTable<'a> {
    pub columns: Vec<Column>,
    pub pairs: &'a [PairInference],
}

impl PairTable<'_> {
    /// The columns that this analysis has: p only where something was permuted, intervals only where people were
    /// resampled, class columns only where rows are labelled.
    pub fn columns(analysis: &Analysis) -> Vec<Column> {
        let labelled = analysis
            .inference
            .as_ref()
            .is_some_and(|i| i.labelled_rows > 0);
        let tested = analysis.options.permutations > 0;
        let parts: [(bool, &[Column]); 8] = [
            (tested, &TESTED),
            (tested && labelled, &WITHIN),
            (tested, &RATE),
            (tested && labelled, &RATE_WITHIN),
            (tested, &NULL),
            (analysis.options.bootstrap > 0, &RANGES),
            (tested && labelled, &CLASS),
            (true, &INTENSITY),
        ];
        let there = parts.into_iter().filter(|(there, _)| *there);
        there.flat_map(|(_, columns)| columns).copied().collect()
    }

    pub fn header(&self) -> String {
        self.columns
            .iter()
            .map(|(name, _)| format!(",{name}"))
            .collect()
    }

    pub fn row(&self, at: usize) -> String {
        let pair = &self.pairs[at];
        self.columns
            .iter()
            .map(|(_, value)| format!(",{}", value(pair)))
            .collect()
    }
}

/// `class_effects.csv`.
pub(crate) fn class_effects_csv(inference: &Inference) -> String {
    let mut text =
        "au,label,label_name,filter,n_with,n_without,auroc,auroc_low,auroc_high\n".to_owned();
    let mut labels: Vec<i64> = inference.class_effects.iter().map(|e| e.label).collect();
    labels.sort_unstable();
    labels.dedup();
    for effect in &inference.class_effects {
        let place = labels.binary_search(&effect.label).unwrap_or(0);
        let name = inference.classes.get(place).map_or("", String::as_str);
        text += &format!(
            "{},{},{},{},{},{},{},{},{}\n",
            effect.au,
            effect.label,
            cell(name),
            effect.filter,
            effect.n_with,
            effect.n_without,
            effect.auroc,
            effect.range.low,
            effect.range.high
        );
    }
    text
}

/// `held_out.csv`.
pub(crate) fn held_out_csv(held_out: &HeldOut) -> String {
    let mut text = "filter,au,auroc_labelled,n_with,n_without,auroc,p,q\n".to_owned();
    for pair in &held_out.pairs {
        text += &format!(
            "{},{},{},{},{},{},{},{}\n",
            pair.filter,
            pair.au,
            pair.auroc_labelled,
            pair.n_with,
            pair.n_without,
            pair.auroc,
            pair.p,
            pair.q
        );
    }
    text
}

/// `sensitivity.csv`.
pub(crate) fn sensitivity_csv(variants: &[Variant]) -> String {
    let mut text = "bins,prior,pseudo_samples,spearman,same_au\n".to_owned();
    for variant in variants {
        let prior = match variant.smoothing.prior {
            Prior::Pooled => "pooled",
            Prior::Uniform => "uniform",
        };
        text += &format!(
            "{},{prior},{},{},{}\n",
            variant.bins, variant.smoothing.pseudo_samples, variant.spearman, variant.same_au
        );
    }
    text
}

/// Text as a CSV cell: quoted where it holds what would end the cell.
pub(crate) fn cell(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}
