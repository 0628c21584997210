//! Scores of every filter and action unit, and the correspondences.

use serde::Serialize;

use crate::input::coded::AuCount;
use crate::input::options::AnalysisOptions;
use crate::input::table::Table;
use crate::score::association::{
    Association, Auroc, JensenShannon, Kl, MutualInformation, PointBiserial,
};

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
        let mi = MutualInformation { bins };
        let mut measures: Vec<&dyn Association> = vec![&kl, &js, &Auroc, &mi, &PointBiserial];
        measures.extend(own);
        let score = |column: &[f32], with: &[bool]| -> Vec<f64> {
            let each = measures.iter();
            each.map(|measure| measure.score(column, with)).collect()
        };
        let scores = table.each_pair(score).into_iter().enumerate();
        let pairs: Vec<FilterAu> = scores
            .map(|(at, scores)| FilterAu {
                filter: at / aus.len(),
                count: aus[at % aus.len()],
                scores,
            })
            .collect();
        let of = pairs.chunks(aus.len()).zip(&table.columns);
        let found: Vec<Option<Correspondence>> = of
            .map(|(pairs, column)| correspondence(pairs, column))
            .collect();
        let filters = (0..).zip(&found).filter(|(_, found)| found.is_none());
        Self {
            dead: filters.map(|(filter, _)| filter).collect(),
            correspondences: found.into_iter().flatten().collect(),
            pairs,
            aus,
        }
    }

    /// Scores of all pairs by one measure.
    pub fn of(&self, measure: usize) -> Vec<f64> {
        self.pairs.iter().map(|pair| pair.scores[measure]).collect()
    }

    /// Live filters and the places of their action units.
    pub fn live(&self) -> Vec<(usize, usize)> {
        let place = |c: &Correspondence| {
            let unit = self.aus.iter().position(|count| count.au == c.au);
            (c.filter, unit.unwrap_or(0))
        };
        self.correspondences.iter().map(place).collect()
    }
}

/// The first of the largest KL values (action units ascend, so ties go to the lower number); `None` for a constant filter.
fn correspondence(pairs: &[FilterAu], column: &[f32]) -> Option<Correspondence> {
    if column.windows(2).all(|pair| pair[0] == pair[1]) {
        return None;
    }
    let best = pairs.iter().reduce(|best, pair| {
        if pair.scores[KL] > best.scores[KL] {
            pair
        } else {
            best
        }
    });
    best.map(|pair| Correspondence {
        filter: pair.filter,
        au: pair.count.au,
        score: pair.scores[KL],
    })
}
