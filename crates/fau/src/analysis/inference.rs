//! Nulls, intervals and the share of the expression class for every score.

use std::collections::BTreeMap;

use faus_base::order::{auroc, median, spearman};
use rayon::prelude::*;
use serde::Serialize;

use crate::analysis::dose::{Dose, dose_response};
use crate::analysis::names::{Name, best_filter, strongest, test_within};
use crate::analysis::partial::{Partial, partial};
use crate::analysis::scores::{KL, Scores};
use crate::chance::bootstrap::{Range95, resample, resampled_aurocs};
use crate::chance::exchange::Scheme;
use crate::chance::held_out::HeldOut;
use crate::chance::own::{OwnInference, own_inference};
use crate::chance::permutation::{FilterNull, permute};
use crate::chance::rates::correct;
use crate::chance::within_class::{Classes, WithinPair, within_class};
use crate::chance::within_person::within_person;
use crate::error::Error;
use crate::input::activations::Activations;
use crate::input::coded::{AuCount, Coded};
use crate::input::options::AnalysisOptions;
use crate::input::table::{Table, constant, pick};
use crate::score::association::{Association, d_prime};
use crate::score::sensitivity::{Variant, sensitivity};
use crate::watch::Watch;

/// Minimum number of graded rows with an action unit for a rank correlation with intensity. Our choice.
const MIN_GRADED: usize = 10;
/// Minimum number of rows of either kind for an effect inside one class.
const MIN_IN_CLASS: usize = 3;
/// Standard deviations between chance and the AUROC that a test of a two-sided 5% detects with 80% power: the normal
/// distribution's 97.5% and 80% points together.
const DETECTED: f64 = 1.959_963_984_540_054 + 0.841_621_233_572_914;

/// Nulls, intervals and descriptions of the scores of an [`Analysis`](crate::Analysis).
#[derive(Debug, Clone)]
pub struct Inference {
    /// Subjects among the rows used.
    pub subjects: usize,
    /// Rows used without a known subject: each counts as a separate person.
    pub without_subject: usize,
    /// Rows used without a sequence, of people with several rows: each counts as a separate recording.
    pub without_sequence: usize,
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
    /// The strongest action unit of each live filter, by filter.
    pub names: Vec<Name>,
    /// The association of each of them given the other units.
    pub partial: Vec<Partial>,
    /// Its response to the unit's intensity.
    pub dose: Vec<Dose>,
    /// For each action unit the smallest AUROC that a filter's test would detect with 80% power at a two-sided 5%, by a normal
    /// approximation with the exact standard deviation under exchange (median over live filters); NaN where not even 1 would.
    pub detectable: Vec<f64>,
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
    /// 95% interval of AUROC over resampled subjects.
    pub auroc_range: Range95,
    /// AUROC over pairs of images of the same class.
    pub auroc_within_class: f64,
    /// Whether what `p_within_class` tests is positive: a filter that is more active with the unit.
    pub above_within_class: bool,
    /// Labelled rows in classes where the action unit varies.
    pub n_within_class: usize,
    /// Spearman's correlation of activation and intensity A to E, over the rows that show the unit and are graded.
    pub intensity_rho: f64,
    /// Number of these rows.
    pub n_graded: usize,
    /// Distance of the AUROC from its exact mean under exchange, in exact standard deviations; below 0 the filter is less
    /// active with the unit. NaN where no exchange changes it.
    pub z: f64,
    /// d′, signed likewise.
    pub d_prime: f64,
    /// AUROC of the activation less its mean over the person's images.
    pub auroc_within_person: f64,
    /// Its two-sided p under exchange inside people.
    pub p_within_person: f64,
    /// Its false-discovery rate.
    pub q_within_person: f64,
    /// Whether the filter is live: constant ones are tested against nothing.
    pub live: bool,
    /// People with an image that shows the unit.
    pub n_people_with: usize,
    /// Labelled rows that are of the rarer kind, with or without the unit, in their class.
    pub n_rarer_within_class: usize,
}

impl PairInference {
    /// 1 where the filter is more active with the unit, -1 where it is less active.
    pub(crate) fn sign(&self) -> f64 {
        match self.z.is_nan() {
            true => f64::NAN,
            false => self.z.signum(),
        }
    }
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
    /// The unit's best filter, its z over all rows farthest from 0.
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
        let (coded, options, table) = (self.coded, self.options, self.table);
        let scheme = Scheme::of_subjects(&coded.subjects, &coded.recordings, options.exchange);
        let classes = Classes::of(coded, options.exchange);
        let nulls = permute(table, &scheme, options, watch)?;
        let filter = |null: &FilterNull| FilterInference {
            p_max: null.p_max,
            q_max: f64::NAN,
        };
        let mut filters: Vec<FilterInference> = nulls.iter().map(filter).collect();
        for (filter, column) in filters.iter_mut().zip(&table.columns) {
            filter.p_max = if_live(column, filter.p_max);
        }
        correct(&mut filters, |f| f.p_max, |f| &mut f.q_max);
        let mut pairs = self.pairs(&classes, &nulls, watch)?;
        let names = self.names(&nulls, &pairs);
        correct(&mut pairs, |pair| pair.p, |pair| &mut pair.q);
        correct(&mut pairs, |pair| pair.p_auroc, |pair| &mut pair.q_auroc);
        correct(
            &mut pairs,
            |pair| pair.p_within_class,
            |pair| &mut pair.q_within_class,
        );
        correct(
            &mut pairs,
            |pair| pair.p_within_person,
            |pair| &mut pair.q_within_person,
        );
        let who = (&scheme, coded.subjects.as_slice());
        let own = self.own.iter();
        let own = own.map(|measure| own_inference(*measure, table, who, options, watch));
        let labels = coded.rows_of_classes();
        let live = self.scores.correspondences.iter();
        let live: Vec<_> = live.map(|c| (c.filter, c.unit)).collect();
        let aus: Vec<u8> = self.scores.aus.iter().map(|count| count.au).collect();
        Ok(Inference {
            partial: partial(&names, &aus, table),
            dose: dose_response(&names, &pairs, (coded, table), options, watch)?,
            detectable: detectable(&nulls, aus.len()),
            subjects: coded.subject_count(),
            without_subject: coded.without_subject(),
            without_sequence: coded.without_sequence(),
            fixed_rows: scheme.fixed_rows(),
            labelled_rows: classes.len(),
            classes: labels
                .keys()
                .map(|label| coded.class_name(*label))
                .collect(),
            without_variation: self.without_variation(&classes),
            class_effects: self.class_effects(&labels, &pairs),
            held_out: HeldOut::of(coded, self.activations, options, watch)?,
            sensitivity: sensitivity(&self.scores.of(KL), &live, table),
            own: own.collect::<Result<_, _>>()?,
            pairs,
            filters,
            names,
        })
    }

    fn names(&self, nulls: &[FilterNull], pairs: &[PairInference]) -> Vec<Name> {
        let aus: Vec<u8> = self.scores.aus.iter().map(|count| count.au).collect();
        let mut names = strongest(nulls, &aus, self.table);
        test_within(&mut names, self.options.fdr, |name| {
            let pair = &pairs[name.filter * aus.len() + name.unit];
            WithinPair {
                p: pair.p_within_class,
                auroc: pair.auroc_within_class,
                above: pair.above_within_class,
            }
        });
        names
    }

    /// Chance, intervals and descriptions of every pair, not yet corrected.
    fn pairs(
        &self,
        classes: &Classes,
        nulls: &[FilterNull],
        watch: &Watch,
    ) -> Result<Vec<PairInference>, Error> {
        let (table, options) = (self.table, self.options);
        let within = within_class(classes, table, options, watch)?;
        let inside = within_person(self.coded, table, options, watch)?;
        let ranges = resample(table, &self.coded.subjects, options, watch)?;
        let presence = || table.presence.iter();
        let varying: Vec<(usize, usize)> = presence().map(|p| classes.variation(p)).collect();
        let people: Vec<usize> = presence().map(|p| self.coded.people(p)[0]).collect();
        let aus = self.scores.aus.iter();
        let grades: Vec<Vec<u8>> = aus.map(|count| self.coded.intensities(count.au)).collect();
        Ok(table.each(|filter, unit| {
            let (null, at) = (&nulls[filter].pairs[unit], filter * table.units() + unit);
            let column = table.columns[filter].as_slice();
            let (intensity_rho, n_graded) = follows_intensity(column, &grades[unit]);
            PairInference {
                p: if_live(column, null.p_kl),
                q: f64::NAN,
                p_auroc: if_live(column, null.p_auroc),
                q_auroc: f64::NAN,
                p_within_class: if_live(column, within[at].p),
                q_within_class: f64::NAN,
                kl_null_mean: null.kl_mean,
                kl_null_95: null.kl_95,
                auroc_range: ranges[at],
                auroc_within_class: within[at].auroc,
                above_within_class: within[at].above,
                n_within_class: varying[unit].0,
                intensity_rho,
                n_graded,
                z: null.z,
                d_prime: d_prime(column, &table.presence[unit]),
                auroc_within_person: inside[at].auroc,
                p_within_person: if_live(column, inside[at].p),
                q_within_person: f64::NAN,
                live: !constant(column),
                n_people_with: people[unit],
                n_rarer_within_class: varying[unit].1,
            }
        }))
    }

    fn without_variation(&self, classes: &Classes) -> Vec<u8> {
        let units = self.scores.aus.iter().zip(&self.table.presence);
        let fixed = units.filter(|(_, presence)| classes.len() > 0 && !classes.testable(presence));
        fixed.map(|(count, _)| count.au).collect()
    }

    fn class_effects(
        &self,
        labels: &BTreeMap<i64, Vec<usize>>,
        pairs: &[PairInference],
    ) -> Vec<ClassEffect> {
        let z: Vec<f64> = pairs.iter().map(|pair| pair.z).collect();
        let effects = (0..self.table.units()).into_par_iter().map(|unit| {
            let filter = best_filter(&z, self.table.units(), unit);
            let of = |filter| {
                let labels = labels.iter();
                labels.map(move |(label, rows)| self.effect(unit, filter, *label, rows))
            };
            filter.into_iter().flat_map(of).collect::<Vec<_>>()
        });
        effects.collect::<Vec<_>>().concat()
    }

    fn effect(&self, unit: usize, filter: usize, label: i64, rows: &[usize]) -> ClassEffect {
        let presence = pick(&self.table.presence[unit], rows);
        let values = pick(&self.table.columns[filter], rows);
        let count = AuCount::of(self.scores.aus[unit].au, &presence);
        let (auroc, range) = match count.smaller() >= MIN_IN_CLASS {
            true => {
                let subjects = pick(&self.coded.subjects, rows);
                let resampled = resampled_aurocs(&values, &presence, &subjects, self.options);
                (auroc(&values, &presence), Range95::percentile(&resampled))
            }
            false => (f64::NAN, Range95::NONE),
        };
        ClassEffect {
            au: count.au,
            label,
            label_name: self.coded.class_name(label),
            filter,
            n_with: count.n_with,
            n_without: count.n_without,
            auroc,
            range,
        }
    }
}

/// The smallest detectable AUROC of each unit, see [`Inference::detectable`].
fn detectable(nulls: &[FilterNull], units: usize) -> Vec<f64> {
    let of_unit = |unit: usize| {
        let deviations = nulls.iter().map(|null| null.pairs[unit].auroc_sd);
        let least = 0.5 + DETECTED * median(&deviations.collect::<Vec<_>>());
        if least > 1.0 { f64::NAN } else { least }
    };
    (0..units).map(of_unit).collect()
}

/// p of a live filter: a constant one equals all its exchanges, and would only crowd the family of tests.
fn if_live(column: &[f64], p: f64) -> f64 {
    if constant(column) { f64::NAN } else { p }
}

/// Spearman's correlation with the intensity over graded rows, and their number.
fn follows_intensity(column: &[f64], intensities: &[u8]) -> (f64, usize) {
    let graded = column.iter().zip(intensities).filter(|(_, i)| **i > 0);
    let (values, grades): (Vec<f64>, Vec<f64>) = graded.map(|(x, i)| (*x, f64::from(*i))).unzip();
    match values.len() {
        n if n < MIN_GRADED => (f64::NAN, n),
        n => (spearman(&values, &grades), n),
    }
}
