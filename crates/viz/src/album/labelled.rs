//! The action unit that labels a filter in pictures.

use faus_fau::{Activations, Association, Auroc, CheckedOptions, Error, Kl, SampleRow};

/// A filter and the action unit that labels it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabelledFilter {
    pub filter: usize,
    pub au: u8,
    pub kl: f64,
    pub auroc: f64,
}

pub fn labelled_filters(
    activations: &Activations,
    samples: &[SampleRow],
    options: &CheckedOptions,
) -> Result<Vec<LabelledFilter>, Error> {
    let mut units = std::collections::BTreeMap::<u8, Vec<bool>>::new();
    for (at, sample) in samples.iter().enumerate() {
        for (au, _) in sample.coded.iter().flatten() {
            units
                .entry(*au)
                .or_insert_with(|| vec![false; samples.len()])[at] = true;
        }
    }
    units.retain(|_, present| {
        let count = present.iter().filter(|p| **p).count();
        count >= options.min_positives && count < present.len()
    });
    let kl = Kl {
        bins: options.bins,
        smoothing: options.smoothing,
    };
    let best = |filter: usize| {
        let column: Vec<f32> = (0..samples.len())
            .map(|r| activations.get(r, filter))
            .collect();
        let scores = units.iter().map(|(au, present)| LabelledFilter {
            filter,
            au: *au,
            kl: kl.score(&column, present),
            auroc: Auroc.score(&column, present),
        });
        scores
            .filter(|s| s.auroc > 0.5)
            .max_by(|a, b| a.kl.total_cmp(&b.kl).then(b.au.cmp(&a.au)))
    };
    let mut labelled: Vec<_> = (0..activations.filters()).filter_map(best).collect();
    labelled.sort_by(|a, b| b.kl.total_cmp(&a.kl).then(a.filter.cmp(&b.filter)));
    Ok(labelled)
}
