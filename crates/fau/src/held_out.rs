//! Do associations found on labelled images hold on images without an expression label?

use rayon::prelude::*;

use crate::coded::Coded;
use crate::exchange::Scheme;
use crate::multiple::benjamini_hochberg;
use crate::permutation::{Question, permute};
use crate::ranks::auroc;
use crate::{Activations, CheckedOptions, Error, Watch};

/// Pairs chosen on labelled rows, scored on held-out ones (CK+: sequences that FACS coders saw and nobody labelled, so
/// the network was not trained on them; their people may have other, labelled sequences).
#[derive(Debug, Clone, PartialEq)]
pub struct HeldOut {
    /// Held-out rows that are coded.
    pub rows: usize,
    /// Labelled rows that are coded.
    pub labelled_rows: usize,
    /// The chosen pairs: false-discovery rate of AUROC on the labelled rows at most `fdr`.
    pub pairs: Vec<HeldOutPair>,
}

/// One chosen pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeldOutPair {
    /// Filter.
    pub filter: usize,
    /// Action unit.
    pub au: u8,
    /// AUROC on the labelled rows.
    pub auroc_labelled: f64,
    /// Held-out rows that show the unit.
    pub n_with: usize,
    /// Held-out rows that do not.
    pub n_without: usize,
    /// AUROC on the held-out rows.
    pub auroc: f64,
    /// One-sided p, in the direction that the labelled rows had.
    pub p: f64,
    /// Its false-discovery rate over the chosen pairs.
    pub q: f64,
}

impl HeldOut {
    /// `None` where nothing was permuted, or either side has no usable action unit.
    pub(crate) fn of(
        coded: &Coded,
        activations: &Activations,
        options: &CheckedOptions,
        watch: &Watch,
    ) -> Result<Option<Self>, Error> {
        let labelled = coded.only(|row| coded.classes[row].is_some());
        let held_out = coded.only(|row| coded.classes[row].is_none());
        let aus = usable_in_both(&labelled, &held_out, options.min_positives);
        if options.permutations == 0 || aus.is_empty() {
            return Ok(None);
        }
        let chosen_on = Side::new(&labelled, activations, &aus);
        let scored_on = Side::new(&held_out, activations, &aus);
        let first = chosen_on.nulls(options, watch)?;
        let second = scored_on.nulls(options, watch)?;
        let p_first: Vec<f64> = first.iter().map(|null| null.p_auroc).collect();
        let chosen = benjamini_hochberg(&p_first)
            .into_iter()
            .enumerate()
            .filter(|(_, q)| *q <= options.fdr);
        let mut pairs: Vec<HeldOutPair> = chosen
            .map(|(at, _)| {
                let (filter, unit) = (at / aus.len(), at % aus.len());
                let with = &scored_on.presence[unit];
                let n_with = with.iter().filter(|with| **with).count();
                let before = chosen_on.auroc(filter, unit);
                HeldOutPair {
                    filter,
                    au: aus[unit],
                    auroc_labelled: before,
                    n_with,
                    n_without: with.len() - n_with,
                    auroc: scored_on.auroc(filter, unit),
                    p: if before > 0.5 {
                        second[at].p_above
                    } else {
                        second[at].p_below
                    },
                    q: f64::NAN,
                }
            })
            .collect();
        let p: Vec<f64> = pairs.iter().map(|pair| pair.p).collect();
        for (pair, q) in pairs.iter_mut().zip(benjamini_hochberg(&p)) {
            pair.q = q;
        }
        Ok(Some(Self {
            rows: held_out.len(),
            labelled_rows: labelled.len(),
            pairs,
        }))
    }

    /// Pairs whose false-discovery rate on the held-out rows is at most `fdr`.
    pub fn replicated(&self, fdr: f64) -> usize {
        self.pairs.iter().filter(|pair| pair.q <= fdr).count()
    }

    /// Share of the pairs on the same side of 0.5 as before; NaN of none.
    pub fn same_direction(&self) -> f64 {
        let same = |pair: &&HeldOutPair| (pair.auroc - 0.5) * (pair.auroc_labelled - 0.5) > 0.0;
        self.pairs.iter().filter(same).count() as f64 / self.pairs.len() as f64
    }
}

fn usable_in_both(labelled: &Coded, held_out: &Coded, min_positives: usize) -> Vec<u8> {
    let usable = |coded: &Coded| -> Vec<u8> {
        let used = coded.usable(min_positives).map(|(used, _)| used);
        used.unwrap_or_default().iter().map(|c| c.au).collect()
    };
    let there = usable(held_out);
    let both = usable(labelled).into_iter();
    both.filter(|au| there.contains(au)).collect()
}

/// One part of the coded rows.
struct Side<'a> {
    coded: &'a Coded<'a>,
    columns: Vec<Vec<f32>>,
    presence: Vec<Vec<bool>>,
}

impl<'a> Side<'a> {
    fn new(coded: &'a Coded, activations: &Activations, aus: &[u8]) -> Self {
        Self {
            coded,
            columns: (0..activations.filters())
                .into_par_iter()
                .map(|filter| coded.column(activations, filter))
                .collect(),
            presence: aus.iter().map(|&au| coded.presence(au)).collect(),
        }
    }

    fn nulls(
        &self,
        options: &CheckedOptions,
        watch: &Watch,
    ) -> Result<Vec<crate::permutation::PairNull>, Error> {
        let (subjects, recordings) = (&self.coded.subjects, &self.coded.recordings);
        let scheme = Scheme::of_subjects(subjects, recordings, options.exchange);
        let question = Question {
            columns: &self.columns,
            presence: &self.presence,
            scheme: &scheme,
            bins: options.bins,
            smoothing: options.smoothing,
            permutations: options.permutations,
            seed: options.seed,
        };
        let nulls = permute(&question, watch)?;
        Ok(nulls.into_iter().flat_map(|filter| filter.pairs).collect())
    }

    fn auroc(&self, filter: usize, unit: usize) -> f64 {
        let column = self.columns[filter].iter();
        let values: Vec<f64> = column.map(|&x| f64::from(x)).collect();
        auroc(&values, &self.presence[unit])
    }
}
