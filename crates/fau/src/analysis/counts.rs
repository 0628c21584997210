//! The number of findings that survive correction.

use serde::Serialize;

use crate::analysis::Analysis;
use crate::analysis::dose::Dose;
use crate::analysis::inference::PairInference;
use crate::analysis::names::{Name, NameCounts};
use crate::chance::rates::at_most;

/// Numbers of pairs and filters with a false-discovery rate of at most `fdr`.
#[derive(Serialize)]
pub(crate) struct Counts {
    pub pairs: usize,
    pub pairs_q: usize,
    pub pairs_auroc_q: usize,
    pub pairs_within_class_tested: usize,
    pub pairs_within_class_q: usize,
    pub filters_live: usize,
    pub filters_q: usize,
    pub filters_max_q: usize,
    pub filters_within_class_q: usize,
    pub pairs_within_person_tested: usize,
    pub pairs_within_person_q: usize,
    #[serde(flatten)]
    pub names: NameCounts,
    /// Named filters whose unit is the strongest one given the other units.
    pub named_strongest_partial: usize,
    /// Named filters with enough graded images, those that follow the intensity in the direction of their name, and of these
    /// the ones whose mean rises (falls) from each intensity to the next.
    pub named_graded: usize,
    pub named_graded_q: usize,
    pub named_graded_monotone: usize,
}

impl Counts {
    pub fn of(analysis: &Analysis) -> Self {
        let fdr = analysis.options.fdr;
        let pairs = &analysis.inference.pairs;
        let survive = |q: fn(&PairInference) -> f64| at_most(pairs.iter().map(q), fdr);
        let filters = |q: fn(&PairInference) -> f64| {
            let own = pairs.chunks(analysis.aus_used.len());
            own.filter(|own| own.iter().any(|pair| q(pair) <= fdr))
                .count()
        };
        let tested = pairs.iter().filter(|pair| !pair.p_within_class.is_nan());
        let maxima = analysis.inference.filters.iter().map(|f| f.q_max);
        let partial = analysis
            .named()
            .filter(|(name, partial, _)| partial.au == Some(name.au));
        let graded: Vec<(&Name, &Dose)> = analysis
            .named()
            .map(|(name, _, dose)| (name, dose))
            .filter(|(_, dose)| !dose.p.is_nan())
            .collect();
        let follows = graded
            .iter()
            .filter(|(name, dose)| dose.q <= fdr && dose.rho * name.z > 0.0);
        Self {
            named_strongest_partial: partial.count(),
            named_graded: graded.len(),
            named_graded_q: follows.clone().count(),
            named_graded_monotone: follows
                .filter(|(_, dose)| dose.monotone == Some(true))
                .count(),
            pairs: pairs.len(),
            pairs_q: survive(|pair| pair.q),
            pairs_auroc_q: survive(|pair| pair.q_auroc),
            pairs_within_class_tested: tested.count(),
            pairs_within_class_q: survive(|pair| pair.q_within_class),
            filters_live: analysis.filters - analysis.dead_filters.len(),
            filters_q: filters(|pair| pair.q),
            filters_max_q: at_most(maxima, fdr),
            filters_within_class_q: filters(|pair| pair.q_within_class),
            pairs_within_person_tested: pairs
                .iter()
                .filter(|p| !p.p_within_person.is_nan())
                .count(),
            pairs_within_person_q: survive(|pair| pair.q_within_person),
            names: NameCounts::of(analysis.names()),
        }
    }
}

/// Filters of action unit number `unit` with a false-discovery rate of at most `fdr`.
pub(crate) fn of_unit(analysis: &Analysis, unit: usize, q: fn(&PairInference) -> f64) -> usize {
    let pairs = analysis.inference.pairs.iter();
    let own = pairs.skip(unit).step_by(analysis.aus_used.len());
    at_most(own.map(q), analysis.options.fdr)
}
