//! Nulls, intervals and the share of the expression class for every score.

use faus_base::order::{auroc, spearman};
use rayon::prelude::*;
use serde::Serialize;

use crate::analysis::scores::{AUROC, KL, Scores};
use crate::chance::bootstrap::{Range95, resample, resampled_aurocs};
use crate::chance::exchange::Scheme;
use crate::chance::held_out::HeldOut;
use crate::chance::own::{OwnInference, own_inference};
use crate::chance::permutation::permute;
use crate::chance::rates::benjamini_hochberg;
use crate::chance::within_class::{Classes, within_class};
use crate::error::Error;
use crate::input::activations::Activations;
use crate::input::coded::Coded;
use crate::input::options::AnalysisOptions;
use crate::input::table::{Table, wide};
use crate::score::association::Association;
use crate::score::first_largest;
use crate::score::sensitivity::{Variant, sensitivity};
use crate::watch::Watch;

/// Minimum number of graded rows with an action unit for a rank correlation with intensity. Our choice.
const MIN_GRADED: usize = 10;
/// Minimum number of rows of either kind for an effect inside one class.
const MIN_IN_CLASS: usize = 3;

/// Nulls, intervals and descriptions of the scores of an [`Analysis`](crate::Analysis).
#[derive(Debug, Clone)]
pub struct Inference {
    /// Subjects among the rows used.
    pub subjects: usize,
    /// Rows used without a known subject: each counts as a separate person.
    pub without_subject: usize,
    /// Rows fixed in every exchange (a subject with one sequence, without a match).
    pub fixed_rows: usize,
    /// Labelled rows, for which the class can be held fixed.
    pub labelled_rows: usize,
    /// Their classes.
    pub classes: Vec<String>,
    /// Action units that hardly vary inside any class, so that they cannot be tested beyond it.
    pub without_variation: Vec<u8>,
    /// One for each association, in the same order.
    pub pairs: Vec<PairInference>,
    /// One for each filter.
    pub filters: Vec<FilterInference>,
    /// The strongest filter of each action unit inside each class.
    pub class_effects: Vec<ClassEffect>,
    /// Associations of labelled rows, tested on rows without an expression label.
    pub held_out: Option<HeldOut>,
    /// Dependence of KL on bins and smoothing.
    pub sensitivity: Vec<Variant>,
    /// For each additional measure: one for each association, in the same order.
    pub own: Vec<Vec<OwnInference>>,
}

/// Chance and uncertainty for one filter and one action unit. NaN: undefined or not computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairInference {
    /// p of KL under exchange between and within subjects.
    pub p: f64,
    /// Its false-discovery rate over all pairs (Benjamini & Hochberg).
    pub q: f64,
    /// Two-sided p of AUROC under the same exchanges.
    pub p_auroc: f64,
    /// Its false-discovery rate.
    pub q_auroc: f64,
    /// Two-sided p of the association beyond the expression class.
    pub p_within_class: f64,
    /// Its false-discovery rate.
    pub q_within_class: f64,
    /// Mean of KL under exchange.
    pub kl_null_mean: f64,
    /// 95% point of KL under exchange.
    pub kl_null_95: f64,
    /// 95% interval of KL over resampled subjects.
    pub kl_range: Range95,
    /// 95% interval of AUROC over resampled subjects.
    pub auroc_range: Range95,
    /// AUROC over pairs of images of the same class.
    pub auroc_within_class: f64,
    /// Labelled rows in classes where the action unit varies.
    pub n_within_class: usize,
    /// Spearman's correlation of activation and intensity A to E, over the rows that show the unit and are graded.
    pub intensity_rho: f64,
    /// Number of these rows.
    pub n_graded: usize,
}

/// Chance for a filter's largest KL.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FilterInference {
    /// p of the largest KL over all action units.
    pub p_max: f64,
    /// Its false-discovery rate over the live filters; NaN for dead ones.
    pub q_max: f64,
}

/// One filter and one action unit inside one expression class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassEffect {
    /// The action unit.
    pub au: u8,
    /// The class.
    pub label: i64,
    /// Its name.
    pub label_name: String,
    /// The filter with the AUROC farthest from 0.5 over all rows.
    pub filter: usize,
    /// Rows of the class that show the unit.
    pub n_with: usize,
    /// Rows of the class that do not.
    pub n_without: usize,
    /// AUROC inside the class; NaN where either group has fewer than three rows.
    pub auroc: f64,
    /// Its interval over resampled subjects.
    pub range: Range95,
}

/// The inputs of the inference.
pub(crate) struct Work<'a> {
    pub options: &'a AnalysisOptions,
    pub activations: &'a Activations,
    pub coded: &'a Coded<'a>,
    pub table: &'a Table,
    pub scores: &'a Scores,
    /// Additional measures.
    pub own: &'a [&'a dyn Association],
}

impl Work<'_> {
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn infer(&self, watch: &Watch) -> Result<Inference, Error> {
        let (coded, options) = (self.coded, self.options);
        let scheme = Scheme::of_subjects(&coded.subjects, &coded.recordings, options.exchange);
        let classes = Classes::of(coded);
        let mut pairs = self.descriptions(classes.as_ref());
        let mut filters = vec![FilterInference::NONE; self.table.columns.len()];
        if options.permutations > 0 {
            self.exchange(&scheme, &mut pairs, &mut filters, watch)?;
            self.within_class(classes.as_ref(), &mut pairs, watch)?;
            adjust(&mut pairs, &mut filters);
        }
        if options.bootstrap > 0 {
            self.intervals(&mut pairs, watch)?;
        }
        let who = (&scheme, coded.subjects.as_slice());
        let own = self.own.iter();
        let own = own.map(|measure| own_inference(*measure, self.table, who, options, watch));
        Ok(Inference {
            subjects: coded.subject_count(),
            without_subject: coded.without_subject,
            fixed_rows: scheme.fixed_rows(),
            labelled_rows: classes.as_ref().map_or(0, Classes::len),
            classes: coded
                .rows_of_classes()
                .into_keys()
                .map(|label| coded.class_name(label))
                .collect(),
            without_variation: self.without_variation(classes.as_ref()),
            class_effects: self.class_effects(),
            held_out: HeldOut::of(coded, self.activations, options, watch)?,
            sensitivity: sensitivity(&self.scores.of(KL), &self.scores.live(), self.table),
            own: own.collect::<Result<_, _>>()?,
            pairs,
            filters,
        })
    }

    /// p of every pair and of every filter's largest KL under exchange.
    fn exchange(
        &self,
        scheme: &Scheme,
        pairs: &mut [PairInference],
        filters: &mut [FilterInference],
        watch: &Watch,
    ) -> Result<(), Error> {
        let nulls = permute(self.table, scheme, self.options, watch)?;
        let all = nulls.iter().flat_map(|filter| &filter.pairs);
        for (pair, null) in pairs.iter_mut().zip(all) {
            pair.p = null.p_kl;
            pair.p_auroc = null.p_auroc;
            pair.kl_null_mean = null.kl_mean;
            pair.kl_null_95 = null.kl_95;
        }
        for (filter, _) in self.scores.live() {
            filters[filter].p_max = nulls[filter].p_max;
        }
        Ok(())
    }

    /// p and AUROC of every pair inside classes.
    fn within_class(
        &self,
        classes: Option<&Classes>,
        pairs: &mut [PairInference],
        watch: &Watch,
    ) -> Result<(), Error> {
        let Some(classes) = classes else {
            return Ok(());
        };
        let tested = within_class(classes, self.table, self.options, watch)?;
        for (pair, within) in pairs.iter_mut().zip(tested) {
            pair.p_within_class = within.p;
            pair.auroc_within_class = within.auroc;
        }
        Ok(())
    }

    /// Intervals of KL and AUROC over resampled subjects.
    fn intervals(&self, pairs: &mut [PairInference], watch: &Watch) -> Result<(), Error> {
        let (observed, subjects) = (self.scores.of(KL), &self.coded.subjects);
        let ranges = resample(self.table, subjects, &observed, self.options, watch)?;
        for (pair, ranges) in pairs.iter_mut().zip(ranges) {
            pair.kl_range = ranges.kl;
            pair.auroc_range = ranges.auroc;
        }
        Ok(())
    }

    /// Intensity, and variation inside classes: no null distribution needed.
    fn descriptions(&self, classes: Option<&Classes>) -> Vec<PairInference> {
        let presence = self.table.presence.iter();
        let varies = presence.map(|p| classes.map_or(0, |classes| classes.variation(p).0));
        let aus = self.scores.aus.iter();
        let intensities = aus.map(|count| self.coded.intensities(count.au));
        let units: Vec<(Vec<u8>, usize)> = intensities.zip(varies).collect();
        let columns = self.table.columns.par_iter();
        let filters = columns.map(|column| -> Vec<PairInference> {
            let pair = |(intensities, varies): &(Vec<u8>, usize)| {
                let (intensity_rho, n_graded) = follows_intensity(column, intensities);
                PairInference {
                    intensity_rho,
                    n_graded,
                    n_within_class: *varies,
                    ..PairInference::NONE
                }
            };
            units.iter().map(pair).collect()
        });
        filters.collect::<Vec<_>>().concat()
    }

    fn without_variation(&self, classes: Option<&Classes>) -> Vec<u8> {
        let Some(classes) = classes else {
            return vec![];
        };
        let units = self.scores.aus.iter().zip(&self.table.presence);
        let fixed = units.filter(|(_, presence)| !classes.testable(presence));
        fixed.map(|(count, _)| count.au).collect()
    }

    fn class_effects(&self) -> Vec<ClassEffect> {
        let labels = self.coded.rows_of_classes();
        let effects = (0..self.table.units()).into_par_iter().map(|unit| {
            let filter = self.strongest(unit);
            let of = |(label, rows): (&i64, &Vec<usize>)| self.effect(unit, filter, *label, rows);
            labels.iter().map(of).collect::<Vec<_>>()
        });
        effects.collect::<Vec<_>>().concat()
    }

    /// The filter with the AUROC farthest from 0.5; the first on ties.
    fn strongest(&self, unit: usize) -> usize {
        let aurocs = self.scores.of(AUROC);
        let own = aurocs.iter().skip(unit).step_by(self.table.units());
        let distances: Vec<f64> = own.map(|auroc| (auroc - 0.5).abs()).collect();
        first_largest(&distances)
    }

    fn effect(&self, unit: usize, filter: usize, label: i64, rows: &[usize]) -> ClassEffect {
        let presence: Vec<bool> = rows
            .iter()
            .map(|&row| self.table.presence[unit][row])
            .collect();
        let values = rows.iter().map(|&row| self.table.columns[filter][row]);
        let values = wide(&values.collect::<Vec<_>>());
        let subjects: Vec<u32> = rows.iter().map(|&row| self.coded.subjects[row]).collect();
        let n_with = presence.iter().filter(|with| **with).count();
        let n_without = rows.len() - n_with;
        let (auroc, range) = match n_with.min(n_without) >= MIN_IN_CLASS {
            true => {
                let resampled = resampled_aurocs(&values, &presence, &subjects, self.options);
                (auroc(&values, &presence), Range95::percentile(&resampled))
            }
            false => (f64::NAN, Range95::NONE),
        };
        ClassEffect {
            au: self.scores.aus[unit].au,
            label,
            label_name: self.coded.class_name(label),
            filter,
            n_with,
            n_without,
            auroc,
            range,
        }
    }
}

impl FilterInference {
    const NONE: Self = Self {
        p_max: f64::NAN,
        q_max: f64::NAN,
    };
}

impl PairInference {
    const NONE: Self = Self {
        p: f64::NAN,
        q: f64::NAN,
        p_auroc: f64::NAN,
        q_auroc: f64::NAN,
        p_within_class: f64::NAN,
        q_within_class: f64::NAN,
        kl_null_mean: f64::NAN,
        kl_null_95: f64::NAN,
        kl_range: Range95::NONE,
        auroc_range: Range95::NONE,
        auroc_within_class: f64::NAN,
        n_within_class: 0,
        intensity_rho: f64::NAN,
        n_graded: 0,
    };
}

/// False-discovery rates over all pairs, and over the filters' maxima.
fn adjust(pairs: &mut [PairInference], filters: &mut [FilterInference]) {
    let rates = |pairs: &[PairInference], p: fn(&PairInference) -> f64| {
        benjamini_hochberg(&pairs.iter().map(p).collect::<Vec<_>>())
    };
    let all = [
        rates(pairs, |pair| pair.p),
        rates(pairs, |pair| pair.p_auroc),
        rates(pairs, |pair| pair.p_within_class),
    ];
    for (at, pair) in pairs.iter_mut().enumerate() {
        [pair.q, pair.q_auroc, pair.q_within_class] = [all[0][at], all[1][at], all[2][at]];
    }
    let maxima: Vec<f64> = filters.iter().map(|filter| filter.p_max).collect();
    for (filter, q) in filters.iter_mut().zip(benjamini_hochberg(&maxima)) {
        filter.q_max = q;
    }
}

/// Spearman's correlation with the intensity over graded rows, and their number.
fn follows_intensity(column: &[f32], intensities: &[u8]) -> (f64, usize) {
    let graded = column.iter().zip(intensities).filter(|(_, i)| **i > 0);
    let (values, grades): (Vec<f64>, Vec<f64>) =
        graded.map(|(x, i)| (f64::from(*x), f64::from(*i))).unzip();
    match values.len() {
        n if n < MIN_GRADED => (f64::NAN, n),
        n => (spearman(&values, &grades), n),
    }
}
