//! Scores of every filter and action unit, and the correspondences.

use rayon::prelude::*;
use serde::Serialize;

use crate::input::coded::AuCount;
use crate::input::options::AnalysisOptions;
use crate::input::table::{Table, constant};
use crate::score::association::{Association, JensenShannon, Kl, MutualInformation};
use crate::score::bins::Sides;
use crate::score::column::FilterColumn;
use crate::score::first_largest;

/// Names of the built-in measures, in the order of the scores.
pub const MEASURES: [&str; 5] = ["kl", "js", "auroc", "mutual_information", "r"];
/// Places of two of them.
pub(crate) const KL: usize = 0;
pub(crate) const AUROC: usize = 2;

/// The scores of one filter and one action unit.
#[derive(Debug, Clone, PartialEq)]
pub struct FilterAu {
    /// Filter, from 0.
    pub filter: usize,
    /// The action unit and how often it occurs.
    pub count: AuCount,
    /// One score per measure: the built-in ones, then the others.
    pub scores: Vec<f64>,
}

/// The action unit with a filter's largest KL; the lower number on ties.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Correspondence {
    /// Filter, from 0.
    pub filter: usize,
    /// Its action unit.
    pub au: u8,
    /// Place of that unit among those analysed.
    #[serde(skip)]
    pub unit: usize,
    /// KL in nats.
    pub score: f64,
}

/// All scores of a table.
pub(crate) struct Scores {
    /// The table's action units.
    pub aus: Vec<AuCount>,
    /// By filter, then action unit.
    pub pairs: Vec<FilterAu>,
    /// By filter.
    pub correspondences: Vec<Correspondence>,
    /// Constant filters.
    pub dead: Vec<usize>,
}

impl Scores {
    /// Scores by the built-in measures and by `own`.
    pub fn new(
        table: &Table,
        aus: Vec<AuCount>,
        options: &AnalysisOptions,
        own: &[&dyn Association],
    ) -> Self {
        let (bins, smoothing) = (options.bins, options.smoothing);
        let (kl, js) = (Kl { bins, smoothing }, JensenShannon { bins, smoothing });
        let of_filter = |(filter, activations): (usize, &Vec<f64>)| -> Vec<FilterAu> {
            let column = FilterColumn::new(activations, bins);
            let units = aus.iter().zip(&table.presence);
            let of_unit = |(count, with): (&AuCount, &Vec<bool>)| {
                let histograms = column.histograms(with);
                let of = |score: &dyn Fn(&[Sides]) -> f64| histograms.as_deref().map_or(0.0, score);
                let mut scores = vec![
                    of(&|counts| kl.of_counts(counts)),
                    of(&|counts| js.of_counts(counts)),
                    column.auroc(with),
                    of(&MutualInformation::of_counts),
                    column.r(with),
                ];
                scores.extend(own.iter().map(|measure| measure.score(activations, with)));
                let count = *count;
                FilterAu {
                    filter,
                    count,
                    scores,
                }
            };
            units.map(of_unit).collect()
        };
        let filters = table.columns.par_iter().enumerate();
        let pairs: Vec<Vec<FilterAu>> = filters.map(of_filter).collect();
        let pairs = pairs.concat();
        let filters = 0..table.columns.len();
        let (dead, live): (Vec<usize>, Vec<usize>) =
            filters.partition(|&filter| constant(&table.columns[filter]));
        let of = |filter: usize| correspondence(&pairs[filter * aus.len()..][..aus.len()]);
        Self {
            correspondences: live.into_iter().map(of).collect(),
            dead,
            pairs,
            aus,
        }
    }

    /// Scores of all pairs by one measure.
    pub fn of(&self, measure: usize) -> Vec<f64> {
        self.pairs.iter().map(|pair| pair.scores[measure]).collect()
    }
}

/// The first of a filter's largest KL values: action units ascend, so ties go to the lower number.
fn correspondence(pairs: &[FilterAu]) -> Correspondence {
    let kl: Vec<f64> = pairs.iter().map(|pair| pair.scores[KL]).collect();
    let unit = first_largest(&kl);
    Correspondence {
        filter: pairs[unit].filter,
        au: pairs[unit].count.au,
        unit,
        score: kl[unit],
    }
}
