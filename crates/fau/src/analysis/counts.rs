//! The number of findings that survive correction.

use serde::Serialize;

use crate::analysis::Analysis;
use crate::analysis::inference::PairInference;
use crate::analysis::names::NameCounts;
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
        Self {
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
