//! What the scores are worth: nulls, intervals, and what the expression class explains.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::analysis::Analysis;
use crate::bootstrap::{Range95, auroc_range, resample};
use crate::coded::Coded;
use crate::exchange::Scheme;
use crate::held_out::HeldOut;
use crate::multiple::benjamini_hochberg;
use crate::permutation::{Question, permute};
use crate::ranks::{auroc, spearman};
use crate::sensitivity::{Variant, sensitivity};
use crate::within_class::{Classes, within_class};
use crate::{Activations, Error, SampleRow, Watch};

/// Rows that show an action unit and are graded, for a rank correlation with intensity. Our choice.
const MIN_GRADED: usize = 10;
/// Rows of either kind for an effect inside one class.
const MIN_IN_CLASS: usize = 3;

/// Everything that stands beside the scores of an [`Analysis`].
#[derive(Debug, Clone)]
pub struct Inference {
    /// Subjects among the rows used.
    pub subjects: usize,
    /// Rows used whose subject nobody knows: each counts as a person of its own.
    pub without_subject: usize,
    /// Rows that no exchange moves (a subject with one sequence whom nobody matches).
    pub fixed_rows: usize,
    /// Labelled rows, on which the class can be held fixed.
    pub labelled_rows: usize,
    /// Their classes.
    pub classes: Vec<String>,
    /// Action units that hardly vary inside any class: nothing can be said of them beyond it.
    pub without_variation: Vec<u8>,
    /// One for each association, in the same order.
    pub pairs: Vec<PairInference>,
    /// One for each filter.
    pub filters: Vec<FilterInference>,
    /// The strongest filter of each action unit inside each class.
    pub class_effects: Vec<ClassEffect>,
    /// Whether what was found on labelled rows holds on those without an expression label.
    pub held_out: Option<HeldOut>,
    /// How far KL depends on bins and smoothing.
    pub sensitivity: Vec<Variant>,
}

/// What stands beside the scores of one filter and one action unit. NaN: not defined or not asked for.
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
    /// Two-sided p of what the filter knows beyond the expression class.
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
    /// How many these are.
    pub n_graded: usize,
}

/// What chance gives for a filter's largest KL.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FilterInference {
    /// p of the largest KL over all action units.
    pub p_max: f64,
    /// Its false-discovery rate over the live filters; NaN for dead ones.
    pub q_max: f64,
}

/// How one filter tells an action unit inside one expression class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassEffect {
    /// The action unit.
    pub au: u8,
    /// The class.
    pub label: i64,
    /// The filter: the one whose AUROC over all rows lies farthest from 0.5.
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

impl Inference {
    pub(crate) fn of(
        analysis: &Analysis,
        activations: &Activations,
        samples: &[SampleRow],
        watch: &Watch,
    ) -> Result<Self, Error> {
        let coded = Coded::collect(samples);
        let columns: Vec<Vec<f32>> = (0..analysis.filters)
            .into_par_iter()
            .map(|filter| coded.column(activations, filter))
            .collect();
        let aus: Vec<u8> = analysis.aus_used.iter().map(|count| count.au).collect();
        let presence: Vec<Vec<bool>> = aus.iter().map(|&au| coded.presence(au)).collect();
        let scheme = Scheme::of_subjects(
            &coded.subjects,
            &coded.recordings,
            analysis.options.exchange,
        );
        let work = Work {
            analysis,
            coded: &coded,
            columns: &columns,
            presence: &presence,
            scheme: &scheme,
            classes: Classes::of(&coded),
        };
        let (pairs, filters) = work.tests(watch)?;
        Ok(Self {
            subjects: coded.subject_count(),
            without_subject: coded.without_subject,
            fixed_rows: scheme.fixed_rows(),
            labelled_rows: work.classes.as_ref().map_or(0, Classes::len),
            classes: class_names(&coded),
            without_variation: work.without_variation(&aus),
            class_effects: work.class_effects(),
            held_out: HeldOut::of(&coded, activations, &analysis.options, watch)?,
            sensitivity: sensitivity(analysis, &columns, &presence),
            pairs,
            filters,
        })
    }
}

/// Names of the classes that occur, by label.
fn class_names(coded: &Coded) -> Vec<String> {
    let labels: BTreeMap<i64, ()> = coded.classes.iter().flatten().map(|l| (*l, ())).collect();
    let name = |label: &i64| {
        let known = coded.class_names.get(label).cloned();
        known.unwrap_or_else(|| label.to_string())
    };
    labels.keys().map(name).collect()
}

struct Work<'a> {
    analysis: &'a Analysis,
    coded: &'a Coded<'a>,
    columns: &'a [Vec<f32>],
    presence: &'a [Vec<bool>],
    scheme: &'a Scheme,
    classes: Option<Classes>,
}

impl Work<'_> {
    fn tests(&self, watch: &Watch) -> Result<(Vec<PairInference>, Vec<FilterInference>), Error> {
        let options = &self.analysis.options;
        let question = Question {
            columns: self.columns,
            presence: self.presence,
            scheme: self.scheme,
            bins: options.bins,
            smoothing: options.smoothing,
            permutations: options.permutations,
            seed: options.seed,
        };
        let mut pairs = self.descriptions();
        let mut filters = vec![
            FilterInference {
                p_max: f64::NAN,
                q_max: f64::NAN
            };
            self.columns.len()
        ];
        if options.permutations > 0 {
            let nulls = permute(&question, watch)?;
            let all = nulls.iter().flat_map(|filter| &filter.pairs);
            for (pair, null) in pairs.iter_mut().zip(all) {
                pair.p = null.p_kl;
                pair.p_auroc = null.p_auroc;
                pair.kl_null_mean = null.kl_mean;
                pair.kl_null_95 = null.kl_95;
            }
            for (filter, null) in nulls.iter().enumerate() {
                let dead = self.analysis.dead_filters.contains(&filter);
                filters[filter].p_max = if dead { f64::NAN } else { null.p_max };
            }
            self.test_within_class(&mut pairs, watch)?;
            adjust(&mut pairs, &mut filters);
        }
        if options.bootstrap > 0 {
            let units = self.presence.len();
            let kl = self.analysis.scores("kl").unwrap_or_default();
            let observed: Vec<Vec<f64>> = kl.chunks(units).map(<[f64]>::to_vec).collect();
            let subjects = &self.coded.subjects;
            let ranges = resample(&question, subjects, &observed, options.bootstrap, watch)?;
            for (pair, ranges) in pairs.iter_mut().zip(ranges.into_iter().flatten()) {
                pair.kl_range = ranges.kl;
                pair.auroc_range = ranges.auroc;
            }
        }
        Ok((pairs, filters))
    }

    /// What needs no chance: intensity, and what varies inside classes.
    fn descriptions(&self) -> Vec<PairInference> {
        let units: Vec<(Vec<u8>, usize)> = self
            .analysis
            .aus_used
            .iter()
            .zip(self.presence)
            .map(|(count, presence)| {
                let varies = self.classes.as_ref().map_or(0, |c| c.variation(presence).0);
                (self.coded.intensities(count.au), varies)
            })
            .collect();
        let describe = |column: &Vec<f32>| -> Vec<PairInference> {
            let pair = |(intensities, varies): &(Vec<u8>, usize)| {
                let (rho, n_graded) = follows_intensity(column, intensities);
                PairInference {
                    intensity_rho: rho,
                    n_graded,
                    n_within_class: *varies,
                    ..PairInference::NONE
                }
            };
            units.iter().map(pair).collect()
        };
        let filters: Vec<Vec<PairInference>> = self.columns.par_iter().map(describe).collect();
        filters.concat()
    }

    fn test_within_class(&self, pairs: &mut [PairInference], watch: &Watch) -> Result<(), Error> {
        let options = &self.analysis.options;
        let draws = (options.permutations, options.seed);
        let Some(classes) = &self.classes else {
            return Ok(());
        };
        let tested = within_class(classes, self.columns, self.presence, draws, watch)?;
        for (pair, within) in pairs.iter_mut().zip(tested.into_iter().flatten()) {
            pair.p_within_class = within.p;
            pair.auroc_within_class = within.auroc;
        }
        Ok(())
    }

    fn without_variation(&self, aus: &[u8]) -> Vec<u8> {
        let Some(classes) = &self.classes else {
            return vec![];
        };
        let units = aus.iter().zip(self.presence);
        let fixed = units.filter(|(_, presence)| !classes.testable(presence));
        fixed.map(|(au, _)| *au).collect()
    }

    fn class_effects(&self) -> Vec<ClassEffect> {
        let labels: BTreeMap<i64, Vec<usize>> = self.coded.classes.iter().enumerate().fold(
            BTreeMap::new(),
            |mut labels, (row, label)| {
                if let Some(label) = label {
                    labels.entry(*label).or_insert_with(Vec::new).push(row);
                }
                labels
            },
        );
        let units: Vec<usize> = (0..self.presence.len()).collect();
        let effects = units.par_iter().map(|&unit| {
            let filter = self.strongest(unit);
            let of = |(label, rows): (&i64, &Vec<usize>)| self.effect(unit, filter, *label, rows);
            labels.iter().map(of).collect::<Vec<_>>()
        });
        effects.collect::<Vec<_>>().concat()
    }

    /// The filter whose AUROC lies farthest from 0.5; of equals the first.
    fn strongest(&self, unit: usize) -> usize {
        let aurocs = self.analysis.scores("auroc").unwrap_or_default();
        let distance = |filter: usize| (aurocs[self.analysis.place(filter, unit)] - 0.5).abs();
        (0..self.columns.len()).fold(0, |best, filter| {
            if distance(filter) > distance(best) {
                filter
            } else {
                best
            }
        })
    }

    fn effect(&self, unit: usize, filter: usize, label: i64, rows: &[usize]) -> ClassEffect {
        let presence: Vec<bool> = rows.iter().map(|&row| self.presence[unit][row]).collect();
        let values = rows.iter().map(|&row| self.columns[filter][row]);
        let values: Vec<f64> = values.map(f64::from).collect();
        let subjects: Vec<u32> = rows.iter().map(|&row| self.coded.subjects[row]).collect();
        let n_with = presence.iter().filter(|with| **with).count();
        let n_without = rows.len() - n_with;
        let options = &self.analysis.options;
        let enough = n_with.min(n_without) >= MIN_IN_CLASS;
        let draws = (options.bootstrap, options.seed);
        ClassEffect {
            au: self.analysis.aus_used[unit].au,
            label,
            filter,
            n_with,
            n_without,
            auroc: if enough {
                auroc(&values, &presence)
            } else {
                f64::NAN
            },
            range: match enough {
                true => auroc_range(&values, &presence, &subjects, draws),
                false => Range95::NONE,
            },
        }
    }
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
