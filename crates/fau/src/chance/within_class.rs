//! Association of a filter and an action unit beyond the expression class.
//!
//! Expressions are defined by action units, so a filter that detects "happy" automatically follows AU 12. Here codes
//! are compared and exchanged only inside a class: the class's share of the association is the same in every exchange.
//!
//! Statistic: van Elteren's (1960) stratified rank sum, ranks inside the class over n + 1, divided by its
//! cluster-robust standard error, where the clusters are the subjects. A person shows each class about once, so no
//! exchange inside a class can keep a person's codes together; without the division, person effects make the statistic
//! vary more than under exchange, and the test rejects too often. With it the exchange test is exact where sequences of
//! a class are exchangeable, and holds its level in large samples despite person effects (Chung & Romano 2013, Annals
//! of Statistics 41; DiCiccio & Romano 2017, JASA 112).
//!
//! With [`Exchange::Within`] the person is held fixed too: ranks and codes are residuals of person and class, and are
//! exchanged inside people, so that a cause that shapes a person's codes and face leaves no trace. That test is
//! asymptotic alone.

use faus_base::order::doubled_midranks;
use multiversion::multiversion;
use rayon::prelude::*;

use crate::chance::exchange::{Exchange, Scheme};
use crate::chance::p_value;
use crate::chance::random::Purpose;
use crate::chance::within_person::less_means;
use crate::error::Error;
use crate::input::coded::{Coded, grouped, numbered, positives};
use crate::input::options::AnalysisOptions;
use crate::input::table::{Table, pick};
use crate::study::within::less_ranks;
use crate::watch::Watch;

/// Filters per task: few enough that their ranks stay in the cache.
const TILE: usize = 16;
/// Permutations drawn at a time.
const AT_ONCE: usize = 500;
/// An action unit is tested if, summed over classes, at least this many rows are of the rarer kind in their class. Our
/// choice.
const MIN_MINORITY: usize = 5;
/// Most turns of subtracting the means of people and classes; a few dozen suffice where both are crossed.
const SWEEPS: usize = 500;
/// Relative differences from the observed statistic below this are treated as rounding.
const ROUNDING: f64 = 1e-9;

/// Association of one pair beyond the class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct WithinPair {
    /// Two-sided p; NaN where the action unit hardly varies inside any class.
    pub p: f64,
    /// AUROC over pairs of rows of the same class; NaN if there are none.
    pub auroc: f64,
    /// Whether the tested statistic is positive: with people held fixed the AUROC may lie on the other side of 0.5.
    pub above: bool,
}

impl WithinPair {
    pub const NONE: Self = Self {
        p: f64::NAN,
        auroc: f64::NAN,
        above: false,
    };

    /// Whether it goes in a name's direction.
    pub fn follows(&self, sign: i8) -> bool {
        self.above == (sign > 0)
    }
}

/// The labelled rows, sorted by subject, and the variation of the codes in their classes.
pub(crate) struct Classes {
    /// Positions among the coded rows given.
    order: Vec<usize>,
    subjects: Vec<u32>,
    classes: Vec<u32>,
    recordings: Vec<u32>,
    /// Rows of each class.
    members: Vec<Vec<usize>>,
    /// Whether the person is held fixed too, as `--exchange within` demands.
    of_person: bool,
}

impl Classes {
    pub fn of(coded: &Coded, exchange: Exchange) -> Self {
        let rows = 0..coded.len();
        let mut order: Vec<usize> = rows.filter(|&at| coded.classes[at].is_some()).collect();
        order.sort_by_key(|&at| coded.subjects[at]);
        let classes = numbered(order.iter().map(|&at| coded.classes[at]));
        Self {
            subjects: numbered(order.iter().map(|&at| coded.subjects[at])),
            recordings: numbered(order.iter().map(|&at| coded.recordings[at])),
            members: grouped(classes.iter().zip(0..)).into_values().collect(),
            classes,
            order,
            of_person: exchange == Exchange::Within,
        }
    }

    /// Labelled rows.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Rows in classes where the unit varies, and how many of them are of their class's rarer kind.
    pub fn variation(&self, presence: &[bool]) -> (usize, usize) {
        let presence = pick(presence, &self.order);
        let with = |rows: &[usize]| positives(&pick(&presence, rows));
        let rarer = |rows: &Vec<usize>| with(rows).min(rows.len() - with(rows));
        let varying = self.members.iter().filter(|rows| rarer(rows) > 0);
        varying.fold((0, 0), |(rows, rare), own| {
            (rows + own.len(), rare + rarer(own))
        })
    }

    /// Whether the unit varies enough inside classes to be tested.
    pub fn testable(&self, presence: &[bool]) -> bool {
        self.variation(presence).1 >= MIN_MINORITY
    }

    /// The rows of each class with the doubled midranks of their activations inside it.
    fn ranked(&self, column: &[f64]) -> impl Iterator<Item = (&Vec<usize>, Vec<u32>)> {
        let column = pick(column, &self.order);
        let members = self.members.iter();
        members.map(move |rows| (rows, doubled_midranks(&pick(&column, rows))))
    }

    /// Ranks inside the class over n + 1, less their mean.
    fn scores(&self, column: &[f64]) -> Vec<f64> {
        let mut scores = vec![0.0; self.len()];
        for (rows, ranks) in self.ranked(column) {
            let n = rows.len() as f64;
            for (&row, rank) in rows.iter().zip(ranks) {
                scores[row] = (f64::from(rank) / 2.0) / (n + 1.0) - 0.5;
            }
        }
        self.less_person(scores)
    }

    /// Presence less its share in the class.
    fn centred(&self, presence: &[bool]) -> Vec<f64> {
        let presence = pick(presence, &self.order);
        let mut centred = vec![0.0; presence.len()];
        for rows in &self.members {
            let share = positives(&pick(&presence, rows)) as f64 / rows.len() as f64;
            for &row in rows {
                centred[row] = f64::from(u8::from(presence[row])) - share;
            }
        }
        self.less_person(centred)
    }

    /// Values less the means of person and class, by turns until neither is left, where the person is held fixed.
    fn less_person(&self, mut values: Vec<f64>) -> Vec<f64> {
        for _ in 0..if self.of_person { SWEEPS } else { 0 } {
            let before = values.clone();
            values = less_means(&less_means(&values, &self.classes), &self.subjects);
            let moved = values
                .iter()
                .zip(before)
                .map(|(now, then)| (now - then).abs());
            if moved.fold(0.0, f64::max) < 1e-10 {
                break;
            }
        }
        values
    }

    fn scheme(&self) -> Scheme {
        match self.of_person {
            true => Scheme::of_subjects(&self.subjects, &self.recordings, Exchange::Within),
            false => Scheme::inside(&self.classes, &self.recordings),
        }
    }

    /// A column less what a covariate explains of it inside each class, see [`less_ranks`]; 0 for rows without a class.
    pub fn less(&self, column: &[f64], covariate: &[f64]) -> Vec<f64> {
        let mut rest = vec![0.0; column.len()];
        for rows in &self.members {
            let rows = pick(&self.order, rows);
            let own = less_ranks(&pick(column, &rows), &pick(covariate, &rows));
            rows.iter()
                .zip(own)
                .for_each(|(&row, value)| rest[row] = value);
        }
        rest
    }

    /// AUROC over the pairs of rows that share their class.
    pub fn auroc(&self, column: &[f64], presence: &[bool]) -> f64 {
        let presence = pick(presence, &self.order);
        let (mut won, mut pairs) = (0_u64, 0_u64);
        for (rows, ranks) in self.ranked(column) {
            let with = rows.iter().zip(ranks).filter(|(row, _)| presence[**row]);
            let (sum, n) = with.fold((0_u64, 0_u64), |(sum, n), (_, rank)| {
                (sum + u64::from(rank), n + 1)
            });
            won += sum - n * (n + 1);
            pairs += n * (rows.len() as u64 - n);
        }
        won as f64 / (2 * pairs) as f64
    }
}

/// Permutes inside classes; filter by filter, unit by unit. Independent of the number of threads.
///
/// # Errors
/// [`Error::Cancelled`].
pub(crate) fn within_class(
    classes: &Classes,
    table: &Table,
    options: &AnalysisOptions,
    watch: &Watch,
) -> Result<Vec<WithinPair>, Error> {
    let scheme = classes.scheme();
    let tested: Vec<usize> = (0..table.units())
        .filter(|&unit| classes.testable(&table.presence[unit]))
        .collect();
    let of = |&unit: &usize| classes.centred(&table.presence[unit]);
    let centred: Vec<Vec<f64>> = tested.iter().map(of).collect();
    let tiles = table.columns.par_chunks(TILE);
    let mut tiles: Vec<Tile> = tiles
        .map(|columns| Tile::new(classes, columns, &centred))
        .collect();
    let permutations = options.permutations;
    for first in (0..permutations).step_by(AT_ONCE) {
        watch.step(first, permutations)?;
        let some = first..(first + AT_ONCE).min(permutations);
        let draw = |index| scheme.draw(options.seed, Purpose::WithinClass, index as u64);
        let sources: Vec<Vec<u32>> = some.into_par_iter().map(draw).collect();
        tiles
            .par_iter_mut()
            .for_each(|tile| tile.count(classes, &centred, &sources));
    }
    let mut pairs = table.each_pair(|column, presence| WithinPair {
        p: f64::NAN,
        auroc: classes.auroc(column, presence),
        above: false,
    });
    for (filter, pairs) in pairs.chunks_mut(table.units()).enumerate() {
        let (tile, at) = (&tiles[filter / TILE], filter % TILE);
        for ((&unit, reached), sums) in tested.iter().zip(&tile.reached).zip(&tile.sums) {
            pairs[unit].p = p_value(reached[at], permutations);
            pairs[unit].above = sums[at] > 0.0;
        }
    }
    Ok(pairs)
}

/// Some filters side by side.
struct Tile {
    /// `[rows][TILE]`, zeros beyond the last filter.
    scores: Vec<[f64; TILE]>,
    /// Σ score × code of each unit.
    sums: Vec<[f64; TILE]>,
    observed: Vec<[f64; TILE]>,
    reached: Vec<[usize; TILE]>,
}

impl Tile {
    fn new(classes: &Classes, columns: &[Vec<f64>], centred: &[Vec<f64>]) -> Self {
        let mut scores = vec![[0.0; TILE]; classes.len()];
        for (filter, column) in columns.iter().enumerate() {
            for (row, score) in scores.iter_mut().zip(classes.scores(column)) {
                row[filter] = score;
            }
        }
        let observed = |codes: &Vec<f64>| studentised(&scores, codes, &classes.subjects);
        let sum = |codes: &Vec<f64>| {
            let mut sums = [0.0; TILE];
            for (scores, code) in scores.iter().zip(codes) {
                (0..TILE).for_each(|at| sums[at] += scores[at] * code);
            }
            sums
        };
        Self {
            sums: centred.iter().map(sum).collect(),
            observed: centred.iter().map(observed).collect(),
            reached: vec![[0; TILE]; centred.len()],
            scores,
        }
    }

    fn count(&mut self, classes: &Classes, centred: &[Vec<f64>], sources: &[Vec<u32>]) {
        let mut moved = vec![0.0; classes.len()];
        for source in sources {
            for (unit, codes) in centred.iter().enumerate() {
                for (to, &from) in moved.iter_mut().zip(source) {
                    *to = codes[from as usize];
                }
                let now = studentised(&self.scores, &moved, &classes.subjects);
                let pairs = now.iter().zip(&self.observed[unit]);
                for (reached, (now, then)) in self.reached[unit].iter_mut().zip(pairs) {
                    *reached += usize::from(*now >= then * (1.0 - ROUNDING));
                }
            }
        }
    }
}

/// (Σ U)² / Σ U², where U is a subject's sum of score × code; 0 where nothing varies. Rows are sorted by subject.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2", "aarch64+neon"))]
fn studentised(scores: &[[f64; TILE]], codes: &[f64], subjects: &[u32]) -> [f64; TILE] {
    let (mut sum, mut squares, mut own) = ([0.0; TILE], [0.0; TILE], [0.0; TILE]);
    let mut subject = subjects.first().copied().unwrap_or(0);
    let mut close = |own: &mut [f64; TILE], sum: &mut [f64; TILE]| {
        for at in 0..TILE {
            sum[at] += own[at];
            squares[at] += own[at] * own[at];
            own[at] = 0.0;
        }
    };
    for ((scores, &code), &of) in scores.iter().zip(codes).zip(subjects) {
        if of != subject {
            close(&mut own, &mut sum);
            subject = of;
        }
        for at in 0..TILE {
            own[at] += scores[at] * code;
        }
    }
    close(&mut own, &mut sum);
    let mut result = [0.0; TILE];
    for at in 0..TILE {
        if squares[at] > 1e-18 {
            result[at] = sum[at] * sum[at] / squares[at];
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::input::samples::SampleRow;
    use faus_base::person::Person;

    /// The literal statistic: ranks by counting, sums by subject in a map.
    fn literally(rows: &[(i8, bool, u8, u8)], source: &[u32]) -> f64 {
        let mut of_subject: BTreeMap<u8, f64> = BTreeMap::new();
        for (at, &(x, _, subject, class)) in rows.iter().enumerate() {
            let own: Vec<usize> = (0..rows.len()).filter(|&o| rows[o].3 == class).collect();
            let n = own.len() as f64;
            let below = own.iter().filter(|&&o| rows[o].0 < x).count() as f64;
            let tied = own.iter().filter(|&&o| rows[o].0 == x).count() as f64;
            let score = (below + (tied + 1.0) / 2.0) / (n + 1.0) - 0.5;
            let share = own.iter().filter(|&&o| rows[o].1).count() as f64 / n;
            let code = f64::from(u8::from(rows[source[at] as usize].1)) - share;
            *of_subject.entry(subject).or_default() += score * code;
        }
        let sum: f64 = of_subject.values().sum();
        let squares: f64 = of_subject.values().map(|u| u * u).sum();
        if squares > 1e-18 {
            sum * sum / squares
        } else {
            0.0
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn counts_are_the_literal_ones(mut rows in prop::collection::vec((-3..4_i8, any::<bool>(), 0..9_u8, 0..3_u8), 24..40)) {
            // By subject, as the fast version sorts them.
            rows.sort_by_key(|row| row.2);
            let samples: Vec<SampleRow> = rows.iter().enumerate().map(|(index, row)| SampleRow {
                index,
                subject: Some(Person::Number(row.2.into())),
                label: Some(i64::from(row.3)),
                coded: Some(if row.1 { vec![(12, 1)] } else { vec![] }),
                ..SampleRow::default()
            }).collect();
            let coded = Coded::collect(&samples);
            let classes = Classes::of(&coded, Exchange::Both);
            let column: Vec<f64> = rows.iter().map(|row| f64::from(row.0)).collect();
            let presence = coded.presence(12);
            let table = Table { columns: vec![column], presence: vec![presence.clone()] };
            let options = AnalysisOptions { permutations: 50, seed: 9, ..AnalysisOptions::default() };
            let found = within_class(&classes, &table, &options, &Watch::default()).unwrap();
            if !classes.testable(&presence) {
                prop_assert!(found[0].p.is_nan());
                return Ok(());
            }
            let scheme = Scheme::inside(&classes.classes, &classes.recordings);
            let same: Vec<u32> = (0..rows.len() as u32).collect();
            let observed = literally(&rows, &same);
            let reached = (0..50).filter(|&index| {
                let source = scheme.draw(9, Purpose::WithinClass, index);
                literally(&rows, &source) >= observed * (1.0 - ROUNDING)
            }).count();
            // Equal except for ties broken by rounding.
            let p = p_value(reached, 50);
            prop_assert!((found[0].p - p).abs() < 1e-12, "{} {}", found[0].p, p);
        }
    }
}
