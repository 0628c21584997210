//! Difference of the trained network from a control in AUROC.

use faus_base::order::deviation;
use rand_distr::{ChiSquared, Distribution, StudentT};
use serde::Serialize;

use crate::chance::bootstrap::{Range95, differences};
use crate::chance::p_value;
use crate::chance::random::{Purpose, keyed};
use crate::study::mean_known;

/// An AUROC, NaN if there is nothing to score, and its value in every resampling of people.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(into = "f64")]
pub(crate) struct Resampled {
    /// The AUROC.
    pub auroc: f64,
    /// In every resampling.
    pub each: Vec<f64>,
}

impl From<Resampled> for f64 {
    fn from(resampled: Resampled) -> Self {
        resampled.auroc
    }
}

/// Difference of two networks in AUROC, the same people resampled for both.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Gap {
    /// The difference.
    pub difference: f64,
    /// 95% interval over resampled subjects, and for untrained networks over their starts.
    #[serde(flatten)]
    pub range: Range95,
    /// Two-sided p: twice the smaller share of resamplings on either side of 0, each share (b + 1)/(m + 1).
    pub p: f64,
    /// No resampling lies on the other side of 0, so that p is only known to be smaller.
    pub p_is_bound: bool,
}

impl Gap {
    /// How far `theirs` is below `own`.
    pub fn of(own: &Resampled, theirs: &Resampled) -> Self {
        let differences = differences(&own.each, &theirs.each);
        let side = |keep: fn(&f64) -> bool| differences.iter().filter(|d| keep(d)).count();
        let (fewer, known) = (
            side(|d| *d <= 0.0).min(side(|d| *d >= 0.0)),
            side(|d| !d.is_nan()),
        );
        let p = (2.0 * p_value(fewer, known)).clamp(0.0, 1.0);
        Self {
            difference: own.auroc - theirs.auroc,
            range: Range95::percentile(&differences),
            p: if known > 0 { p } else { f64::NAN },
            p_is_bound: known > 0 && fewer == 0,
        }
    }

    /// `p = 0.012`, or `p < 0.002` where the resamplings do not reach further.
    pub fn p_words(&self) -> String {
        let sign = if self.p_is_bound { "<" } else { "=" };
        format!("p {sign} {:.3}", self.p)
    }
}

impl Resampled {
    /// The mean of several, resampling by resampling; those without a value do not count.
    pub fn mean(several: &[&Self]) -> Self {
        let resamplings = several.first().map_or(0, |first| first.each.len());
        let at = |at: usize| mean_known(several.iter().map(|one| one.each[at]));
        Self {
            auroc: mean_known(several.iter().map(|one| one.auroc)),
            each: (0..resamplings).map(at).collect(),
        }
    }

    /// Spread as over few groups, which were resampled: percentiles of a bootstrap of k groups are too narrow by √((k − 1)/k),
    /// and their normal shape stands for Student's with k − 1 degrees of freedom. NaN with a single group.
    pub fn of_few(mut self, groups: usize, seed: u64) -> Self {
        let freedom = groups as f64 - 1.0;
        let Ok(chi_squared) = ChiSquared::new(freedom) else {
            self.each.fill(f64::NAN);
            return self;
        };
        for (at, each) in self.each.iter_mut().enumerate() {
            let drawn: f64 = chi_squared.sample(&mut keyed(seed, Purpose::Starts, at as u64));
            *each = self.auroc + (*each - self.auroc) * (groups as f64 / drawn).sqrt();
        }
        self
    }

    /// The mean of untrained starts, and in each resampling of people the AUROC of one further start.
    ///
    /// A single network is compared with what another start could have given, not with their mean alone. With n starts of
    /// mean m in the resampling and standard deviation s, a further one is m + s √(1 + 1/n) t, t of Student's distribution with n − 1 degrees
    /// of freedom (the prediction interval for a normal variable).
    pub fn further_start(starts: &[&Self], seed: u64) -> Self {
        let known = starts.iter().filter(|start| !start.auroc.is_nan());
        let known: Vec<&Self> = known.copied().collect();
        let n = known.len() as f64;
        let mut all = Self::mean(&known);
        let Ok(student) = StudentT::new(n - 1.0) else {
            all.each.fill(f64::NAN);
            return all;
        };
        let aurocs: Vec<f64> = known.iter().map(|start| start.auroc).collect();
        let spread = deviation(&aurocs) * (1.0 + 1.0 / n).sqrt();
        for (at, each) in all.each.iter_mut().enumerate() {
            let t: f64 = student.sample(&mut keyed(seed, Purpose::Starts, at as u64));
            *each += spread * t;
        }
        all
    }
}

/// A unit's distance above another network: an untrained start, a control, another run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Above {
    /// The other's AUROC; of starts the mean.
    #[serde(skip)]
    pub untrained: f64,
    /// The other's 95% interval; of starts that of a further one.
    #[serde(skip)]
    pub range: Range95,
    #[serde(flatten)]
    pub gap: Gap,
    /// Its false-discovery rate over all units.
    pub q: f64,
}

impl Above {
    /// Of what is not compared.
    pub const NONE: Self = Self {
        untrained: f64::NAN,
        range: Range95::NONE,
        gap: Gap {
            difference: f64::NAN,
            range: Range95::NONE,
            p: f64::NAN,
            p_is_bound: false,
        },
        q: f64::NAN,
    };

    /// How far `own` is above the other; without p where this is not testable.
    pub fn of(own: &Resampled, other: &Resampled, testable: bool) -> Self {
        let gap = Gap::of(own, other);
        Self {
            untrained: other.auroc,
            range: Range95::percentile(&other.each),
            gap: if testable {
                gap
            } else {
                Gap { p: f64::NAN, ..gap }
            },
            q: f64::NAN,
        }
    }

    /// Whether the unit is detected better at a false-discovery rate of `fdr` over the units.
    pub fn clear(&self, fdr: f64) -> bool {
        self.q <= fdr && self.gap.difference > 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_distr::StandardNormal;

    fn constant(auroc: f64, resamplings: usize) -> Resampled {
        let each = vec![auroc; resamplings];
        Resampled { auroc, each }
    }

    /// scipy.stats: mean 0.62, sd 0.0158113883; t.ppf([0.025, 0.975], 4) · sd · √1.2 = ∓0.048089.
    #[test]
    fn a_further_start_has_the_prediction_interval_of_a_normal_variable() {
        let starts = [0.60, 0.61, 0.62, 0.63, 0.64].map(|auroc| constant(auroc, 200_000));
        let starts: Vec<&Resampled> = starts.iter().collect();
        let further = Resampled::further_start(&starts, 3);
        let range = Range95::percentile(&further.each);
        assert!((further.auroc - 0.62).abs() < 1e-12);
        // The ends' own error is 0.0007 with so many draws.
        assert!((range.low - 0.571_911).abs() < 2e-3, "{range:?}");
        assert!((range.high - 0.668_089).abs() < 2e-3, "{range:?}");
    }

    /// scipy.stats.t.ppf([0.025, 0.975], 9) = ∓2.262157, for a mean of 10 groups of standard error 0.01.
    #[test]
    fn over_few_groups_the_interval_is_students() {
        let spread = 0.01 * 0.9_f64.sqrt();
        let draw = |at: u64| {
            let z: f64 = StandardNormal.sample(&mut keyed(5, Purpose::Bootstrap, at));
            0.7 + spread * z
        };
        let resampled = Resampled {
            auroc: 0.7,
            each: (0..200_000).map(draw).collect(),
        };
        let range = Range95::percentile(&resampled.of_few(10, 5).each);
        assert!((range.low - 0.677_378).abs() < 4e-4, "{range:?}");
        assert!((range.high - 0.722_622).abs() < 4e-4, "{range:?}");
        assert!(
            constant(0.7, 9)
                .of_few(1, 5)
                .each
                .iter()
                .all(|auroc| auroc.is_nan())
        );
    }

    #[test]
    fn a_p_below_the_floor_is_no_value() {
        let gap = Gap::of(&constant(0.9, 999), &constant(0.6, 999));
        assert!(gap.p_is_bound && gap.p == 0.002);
        assert_eq!(gap.p_words(), "p < 0.002");
        let same = Gap::of(&constant(0.6, 999), &constant(0.6, 999));
        assert!(same.p == 1.0 && !same.p_is_bound);
    }

    #[test]
    fn a_single_start_gives_no_interval_and_a_dead_one_does_not_count() {
        let starts = [constant(0.6, 99), constant(f64::NAN, 99)];
        let starts: Vec<&Resampled> = starts.iter().collect();
        let further = Resampled::further_start(&starts, 1);
        assert_eq!(further.auroc, 0.6);
        assert!(further.each.iter().all(|auroc| auroc.is_nan()));
    }
}
