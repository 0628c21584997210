//! Exact mean and standard deviation of a rank sum under exchange of codes, without drawing exchanges.
//!
//! A sum Σ rank · code over the rows is linear in the codes, so its moments under a [`Scheme`] have a closed form: those of
//! a sum over a random permutation (Hoeffding 1951, Annals of Mathematical Statistics 22), for whole subjects of one set, and
//! for the recordings inside a subject.

use faus_base::order::doubled_midranks;
use rayon::prelude::*;

use crate::chance::exchange::Scheme;
use crate::input::coded::positives;
use crate::input::table::{Table, gather};

/// Variances below this are rounding: the ranks are doubled, so that one exchange changes their sum by at least 1.
const NO_SPREAD: f64 = 1e-9;

/// Values of the rows, centred as the exchanges of a scheme leave them.
pub(crate) struct Centred(Vec<Set>);

/// The values of subjects that exchange their codes.
struct Set {
    subjects: f64,
    /// Mean over the subjects of their totals.
    mean: Vec<f64>,
    /// Between subjects, then inside them for each length of recording, each with the divisor of its variance.
    spreads: Vec<(f64, Spread)>,
}

/// Vectors of which the squared inner products with others are summed.
enum Spread {
    /// Their sum of outer products, where that is smaller.
    Scatter(Vec<f64>),
    Vectors(Vec<Vec<f64>>),
}

impl Scheme {
    /// `values`, one for each row, centred for [`Centred::moments`].
    pub fn centred(&self, values: &[f64]) -> Centred {
        let set = |subjects: &[Vec<Vec<u32>>]| Set::of(subjects, self.within, values);
        let sets = self.sets.iter();
        Centred(match self.whole {
            true => sets.map(|subjects| set(subjects)).collect(),
            false => sets
                .flat_map(|subjects| subjects.chunks(1).map(set))
                .collect(),
        })
    }
}

impl Centred {
    /// Mean and standard deviation of Σ value · code under the scheme's exchanges; both sides were centred by it.
    pub fn moments(&self, codes: &Self) -> (f64, f64) {
        let (mut mean, mut variance) = (0.0, 0.0);
        for (own, other) in self.0.iter().zip(&codes.0) {
            mean += own.subjects * dot(&own.mean, &other.mean);
            for ((divisor, own), (_, other)) in own.spreads.iter().zip(&other.spreads) {
                variance += own.product(other) / divisor;
            }
        }
        match variance > NO_SPREAD {
            true => (mean, variance.sqrt()),
            false => (mean, 0.0),
        }
    }
}

impl Set {
    fn of(subjects: &[Vec<Vec<u32>>], within: bool, values: &[f64]) -> Self {
        let subjects: Vec<Vec<Vec<Vec<f64>>>> = subjects
            .iter()
            .map(|recordings| interchangeable(recordings, within, values))
            .collect();
        let count = subjects.len() as f64;
        let totals: Vec<Vec<f64>> = subjects.iter().map(|own| totals(own)).collect();
        let mean = mean(&totals);
        let mut spreads = Vec::new();
        if subjects.len() > 1 {
            spreads.push((count - 1.0, Spread::of(less(&totals, &mean))));
        }
        for group in 0..subjects[0].len() {
            let recordings = subjects[0][group].len();
            if recordings > 1 {
                let inside = subjects.iter().map(|own| &own[group]);
                let inside = inside.flat_map(|own| less(own, &self::mean(own))).collect();
                spreads.push((count * (recordings - 1) as f64, Spread::of(inside)));
            }
        }
        Self {
            subjects: count,
            mean,
            spreads,
        }
    }
}

/// The values of a subject's recordings, in groups that trade among themselves: `[group][recording][frame]`.
fn interchangeable(recordings: &[Vec<u32>], within: bool, values: &[f64]) -> Vec<Vec<Vec<f64>>> {
    match within {
        true => recordings
            .chunk_by(|a, b| a.len() == b.len())
            .map(|alike| alike.iter().map(|rows| gather(values, rows)).collect())
            .collect(),
        false => vec![vec![gather(values, &recordings.concat())]],
    }
}

/// Sums over the recordings of each group, frame by frame, over the root of their number: the product with another
/// subject's totals is then the mean over all exchanges of recordings.
fn totals(groups: &[Vec<Vec<f64>>]) -> Vec<f64> {
    let total = |group: &Vec<Vec<f64>>| {
        let root = (group.len() as f64).sqrt();
        let frames = mean(group).into_iter();
        frames.map(move |frame| frame * root).collect::<Vec<_>>()
    };
    groups.iter().flat_map(total).collect()
}

impl Spread {
    fn of(vectors: Vec<Vec<f64>>) -> Self {
        let length = vectors.first().map_or(0, Vec::len);
        if length > vectors.len() {
            return Self::Vectors(vectors);
        }
        let mut scatter = vec![0.0; length * length];
        for vector in &vectors {
            for (at, sum) in scatter.iter_mut().enumerate() {
                *sum += vector[at / length] * vector[at % length];
            }
        }
        Self::Scatter(scatter)
    }

    /// Sum of the squared inner products with the other's vectors, of which there are as many.
    fn product(&self, other: &Self) -> f64 {
        match (self, other) {
            (Self::Scatter(own), Self::Scatter(other)) => dot(own, other),
            (Self::Vectors(own), Self::Vectors(other)) => {
                let pairs = own
                    .iter()
                    .flat_map(|a| other.iter().map(move |b| dot(a, b)));
                pairs.map(|product| product * product).sum()
            }
            _ => f64::NAN,
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn mean(vectors: &[Vec<f64>]) -> Vec<f64> {
    let mut mean = vec![0.0; vectors[0].len()];
    for vector in vectors {
        mean.iter_mut().zip(vector).for_each(|(sum, x)| *sum += x);
    }
    mean.iter_mut().for_each(|sum| *sum /= vectors.len() as f64);
    mean
}

fn less(vectors: &[Vec<f64>], mean: &[f64]) -> Vec<Vec<f64>> {
    let centred = |vector: &Vec<f64>| vector.iter().zip(mean).map(|(x, mean)| x - mean).collect();
    vectors.iter().map(centred).collect()
}

/// A column's doubled midranks, as the rank sums of [`codes_centred`] need them.
pub(crate) fn ranks_centred(scheme: &Scheme, ranks: &[u32]) -> Centred {
    let ranks: Vec<f64> = ranks.iter().map(|&rank| f64::from(rank)).collect();
    scheme.centred(&ranks)
}

/// Presence of an action unit as 0 and 1.
pub(crate) fn codes_centred(scheme: &Scheme, presence: &[bool]) -> Centred {
    let codes: Vec<f64> = presence
        .iter()
        .map(|&with| f64::from(u8::from(with)))
        .collect();
    scheme.centred(&codes)
}

/// z of every pair, by filter, then action unit: the AUROC's distance from its mean under exchange in standard
/// deviations, positive where the filter is more active with the unit; NaN where no exchange changes it.
pub(crate) fn z_scores(table: &Table, scheme: &Scheme) -> Vec<f64> {
    let codes = table.presence.iter();
    let codes: Vec<Centred> = codes.map(|own| codes_centred(scheme, own)).collect();
    let filters = table.columns.par_iter().map(|column| {
        let ranks = doubled_midranks(column);
        let centred = ranks_centred(scheme, &ranks);
        let units = table.presence.iter().zip(&codes).map(|(presence, codes)| {
            let with = ranks.iter().zip(presence).filter(|(_, with)| **with);
            let sum: u64 = with.map(|(rank, _)| u64::from(*rank)).sum();
            let (mean, deviation) = centred.moments(codes);
            (sum as f64 - mean) / deviation
        });
        let units = units.map(|z| if z.is_finite() { z } else { f64::NAN });
        units.collect::<Vec<f64>>()
    });
    filters.flatten().collect()
}

/// Mean of 2U − n₁n₀ for these codes, and one over its standard deviation (0 where there is none), from the moments of the
/// doubled rank sum of the rows with the unit.
pub(crate) fn shift_moments(ranks: &Centred, codes: &Centred, presence: &[bool]) -> (f64, f64) {
    let (mean, deviation) = ranks.moments(codes);
    let centre = positives(presence) as f64 * (presence.len() as f64 + 1.0);
    match deviation > 0.0 {
        true => (mean - centre, 1.0 / deviation),
        false => (mean - centre, 0.0),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chance::exchange::Exchange;
    use crate::chance::random::Purpose;

    /// Two people of two recordings of two frames, one of one, one of two, two of one, one and two frames: few enough
    /// exchanges to meet all of them.
    const SUBJECTS: [u32; 19] = [0, 0, 0, 0, 1, 1, 1, 1, 2, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5];
    const RECORDINGS: [u32; 19] = [0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9, 9, 10, 11, 12, 12];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn moments_are_those_of_all_exchanges(values in prop::collection::vec(-9..9_i8, 19), codes in prop::collection::vec(any::<bool>(), 19)) {
            for exchange in [Exchange::Both, Exchange::Within, Exchange::Whole] {
                let scheme = Scheme::of_subjects(&SUBJECTS, &RECORDINGS, exchange);
                let values: Vec<f64> = values.iter().map(|x| f64::from(*x)).collect();
                let codes: Vec<f64> = codes.iter().map(|on| f64::from(u8::from(*on))).collect();
                // Every exchange once: as likely as every other.
                let drawn: std::collections::BTreeSet<Vec<u32>> =
                    (0..2000).map(|index| scheme.draw(2, Purpose::Exchange, index)).collect();
                let sum = |source: &Vec<u32>| dot(&values, &gather(&codes, source));
                let sums: Vec<f64> = drawn.iter().map(sum).collect();
                let middle = sums.iter().sum::<f64>() / sums.len() as f64;
                let variance = sums.iter().map(|x| (x - middle).powi(2)).sum::<f64>() / sums.len() as f64;
                let (mean, deviation) = scheme.centred(&values).moments(&scheme.centred(&codes));
                prop_assert!((mean - middle).abs() < 1e-9, "{mean} {middle}");
                prop_assert!((deviation - variance.sqrt()).abs() < 1e-6, "{deviation} {variance}");
            }
        }
    }
}
