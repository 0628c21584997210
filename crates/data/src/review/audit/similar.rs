//! Near-identical images in two parts of a split.
//!
//! Every image becomes a 32×32 thumbnail of mean 0 and deviation 1, which brightness and contrast do not change. The
//! mean face of the set, made symmetric, is subtracted: the remainder differs between people, and mirroring an image
//! mirrors it. The signs of its low frequencies are a hash of 63 bits, all pairs of which are compared; mirroring flips
//! the signs of the odd horizontal frequencies, so mirrored copies need one more comparison. Pairs with similar hashes
//! are compared by correlation at 48×48 under shifts of up to two pixels. Copies that were rescaled, rotated or cropped
//! differently are not found.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::picture::{CropBox, resize};
use crate::prepared::Prepared;

use super::finding::{Finding, FindingKind};
use super::split::{Splits, names};

const SIDE: usize = 32;
/// Side of the images that are correlated, and how far one is shifted against the other.
const FINE: usize = 48;
const SHIFT: usize = 2;
/// Frequencies in each direction that the hash holds.
const FREQUENCIES: usize = 8;
/// Maximum number of differing bits of 63 between images that are correlated. Unrelated images differ in about 31. On
/// our synthetic faces compression at quality 60 changes up to 6 bits, and a shift of 2% up to 15 in 95 of 100.
const NEAR: u32 = 16;
/// The same for sets above [`LARGE`] images, where a wider search would take hours: copies that were compressed, re-lit
/// or mirrored.
const NEAR_IN_LARGE: u32 = 8;
const LARGE: usize = 10_000;
/// Minimum correlation of two images, and of the two without the mean face. On our synthetic faces different people
/// reach 0.91 in the smaller of the two, and copies that were compressed, re-lit or shifted fall to 0.97.
const ALIKE: f32 = 0.95;
const ALIKE_BUT_MEAN: f32 = 0.93;
/// In sets too small for a mean face, only the images are compared, with a stricter bound.
const ALIKE_ALONE: f32 = 0.985;
const MEAN_FROM: usize = 50;
/// Maximum number of pairs that are correlated, about a minute's work.
const COMPARED_LIMIT: usize = 2_000_000;

type Thumbnail = Vec<f32>;

/// Pairs of near-identical images in different parts of a split, of different or unknown people.
///
/// Images of equal bytes are compared once: a set may hold thousands of copies of a few, and all their pairs would be
/// too many to compare or to list. A copy is paired with the first one that it leaks to in each kind of image.
pub(super) fn near_duplicates(splits: &Splits) -> Vec<Finding> {
    let search = Search::of(splits);
    let all = (0..search.kinds.len()).into_par_iter();
    let mut pairs: Vec<Pair> = all.flat_map_iter(|first| search.pairs_of(first)).collect();
    pairs.sort_by_key(|(rows, _)| *rows);
    let pairs = pairs.into_iter().map(|(_, text)| text).collect();
    let what = "pairs of near-identical images in two parts of one split";
    let stopped = format!(
        "search for near-identical images that stopped after {COMPARED_LIMIT} pairs: there may be more"
    );
    let narrowed = format!(
        "search narrowed because of more than {LARGE} images: near-identical images that are shifted against each other may be missed"
    );
    let was_stopped = search.compared.into_inner() > COMPARED_LIMIT;
    let was_narrowed = search.kinds.len() > LARGE;
    vec![
        FindingKind::NearDuplicate.leak(what, pairs),
        FindingKind::Incomplete.counted(stopped, usize::from(was_stopped)),
        FindingKind::Incomplete.counted(narrowed, usize::from(was_narrowed)),
    ]
}

/// Two rows, the lower first, and the words for them.
type Pair = ((usize, usize), String);

/// A search for pairs among the kinds of images, compared first by hashes, then by correlation.
struct Search<'a> {
    splits: &'a Splits<'a>,
    kinds: Vec<Kind>,
    /// Of each kind.
    hashes: Vec<u64>,
    /// Maximum number of differing bits of similar hashes.
    near: u32,
    /// The mean face at [`FINE`].
    mean: Option<Thumbnail>,
    /// The images at [`FINE`], for sets that are not large.
    fine: Vec<Thumbnail>,
    /// Pairs of kinds compared so far.
    compared: AtomicUsize,
}

impl<'a> Search<'a> {
    fn of(splits: &'a Splits<'a>) -> Self {
        let (set, kinds) = (splits.set, kinds(splits));
        let rows: Vec<usize> = kinds.iter().map(|kind| kind.rows[0]).collect();
        let mean_of = |side| (rows.len() >= MEAN_FROM).then(|| mean_face(set, &rows, side));
        let (basis, mean) = (basis(), mean_of(SIDE));
        let hash = |&row: &usize| {
            let mut face = thumbnail(set, row, SIDE);
            let pairs = face.iter_mut().zip(mean.iter().flatten());
            pairs.for_each(|(value, mean)| *value -= mean);
            hash(&basis, &face)
        };
        let large = rows.len() > LARGE;
        let kept = if large { &[][..] } else { &rows };
        let fine = kept.par_iter().map(|&row| thumbnail(set, row, FINE));
        Self {
            splits,
            kinds,
            hashes: rows.par_iter().map(hash).collect(),
            near: if large { NEAR_IN_LARGE } else { NEAR },
            mean: mean_of(FINE),
            fine: fine.collect(),
            compared: AtomicUsize::new(0),
        }
    }

    /// The leaking pairs of a kind with itself and with later ones.
    fn pairs_of(&self, first: usize) -> impl Iterator<Item = Pair> {
        let copies = (self.kinds[first].rows.len() > 1).then_some(first);
        let others = copies.into_iter().chain(self.near(first));
        others
            .flat_map(move |second| self.pairs(first, second))
            .flatten()
    }

    fn pairs(&self, first: usize, second: usize) -> Option<Vec<Pair>> {
        let (one, other) = (&self.kinds[first], &self.kinds[second]);
        let mut telling = one.telling.iter();
        if !telling.any(|&row| self.partner(row, other).is_some())
            || self.compared.fetch_add(1, Ordering::Relaxed) >= COMPARED_LIMIT
        {
            return None;
        }
        // Equal bytes need no correlation, and for flat images it is undefined.
        let (alike, mirrored) = match first == second {
            true => (1.0, false),
            false => self.alike(first, second)?,
        };
        let mirrored = if mirrored { ", mirrored" } else { "" };
        let there = one.rows.iter().map(|&row| (row, self.partner(row, other)));
        let back = other.rows.iter().map(|&row| (row, self.partner(row, one)));
        let rows = there.chain(back);
        let rows = rows.filter_map(|(row, partner)| partner.map(|at| (row.min(at), row.max(at))));
        let pairs = BTreeSet::from_iter(rows).into_iter().filter_map(|rows| {
            let places = self.places(rows)?;
            Some((rows, format!("{places}: correlation {alike:.3}{mirrored}")))
        });
        Some(pairs.collect())
    }

    /// The first row of a kind that is in another part than `row` and shows another or an unknown person; the same
    /// person in two parts is a separate finding.
    fn partner(&self, row: usize, kind: &Kind) -> Option<usize> {
        let subject = |row: usize| self.splits.set.samples()[row].subject;
        let other_person = |at: usize| subject(at) != subject(row) || subject(row) < 0;
        let mut leaks = kind.telling.iter().copied();
        leaks.find(|&at| other_person(at) && self.splits.apart(row, at).is_some())
    }

    /// The paths and parts of two rows in the first fold that separates them.
    fn places(&self, (a, b): (usize, usize)) -> Option<String> {
        let (fold, parts_a, parts_b) = self.splits.apart(a, b)?;
        let path = |row: usize| &self.splits.set.samples()[row].path;
        let (parts_a, parts_b) = (names(parts_a), names(parts_b));
        let (a, b, fold) = (path(a), path(b), self.splits.fold_name(fold));
        Some(format!("{a} ({parts_a}) and {b} ({parts_b}) in {fold}"))
    }

    /// Whether two hashes are similar as they are, and with one image mirrored.
    fn hashes_near(&self, first: usize, second: usize) -> (bool, bool) {
        let bits = self.hashes[first] ^ self.hashes[second];
        let near = |bits: u64| bits.count_ones() <= self.near;
        (near(bits), near(bits ^ MIRROR))
    }

    /// Later images with a similar hash, mirrored or not.
    fn near(&self, first: usize) -> impl Iterator<Item = usize> {
        (first + 1..self.hashes.len())
            .filter(move |&second| self.hashes_near(first, second) != (false, false))
    }

    fn fine(&self, at: usize) -> Cow<'_, [f32]> {
        match self.fine.get(at) {
            Some(known) => Cow::Borrowed(known),
            None => Cow::Owned(thumbnail(self.splits.set, self.kinds[at].rows[0], FINE)),
        }
    }

    /// The correlation of two images if they are nearly identical, and whether one is mirrored.
    fn alike(&self, first: usize, second: usize) -> Option<(f32, bool)> {
        let (straight, mirror) = self.hashes_near(first, second);
        let (a, b) = (self.fine(first), self.fine(second));
        if straight && let Some(alike) = self.best(&a, &b) {
            return Some((alike, false));
        }
        let turned = mirror.then(|| mirrored(&b, FINE))?;
        Some((self.best(&a, &turned)?, true))
    }

    /// The best correlation under small shifts, if it is high enough.
    fn best(&self, a: &[f32], b: &[f32]) -> Option<f32> {
        let shifts = (0..=2 * SHIFT).flat_map(|y| (0..=2 * SHIFT).map(move |x| (x, y)));
        let alike = shifts.filter_map(|place| {
            let whole = correlation(a, b, None, place);
            let enough = match self.mean.as_deref() {
                None => whole >= ALIKE_ALONE,
                mean => whole >= ALIKE && correlation(a, b, mean, place) >= ALIKE_BUT_MEAN,
            };
            enough.then_some(whole)
        });
        alike.max_by(f32::total_cmp)
    }
}

/// Rows with images of equal bytes.
#[derive(Default)]
struct Kind {
    /// In order.
    rows: Vec<usize>,
    /// The first row of each person in each combination of parts: copies of one person in one part leak in the same way.
    telling: Vec<usize>,
}

/// The kinds of images of a split, in the order of their first rows.
fn kinds(splits: &Splits) -> Vec<Kind> {
    let mut known: HashMap<&[u8], usize> = HashMap::new();
    let mut told = HashSet::new();
    let mut kinds: Vec<Kind> = Vec::new();
    for sample in splits.set.samples() {
        let row = sample.index;
        let parts: Vec<u8> = splits.folds.iter().map(|parts| parts[row]).collect();
        if parts.iter().all(|&part| part == 0) {
            continue;
        }
        let number = *known.entry(splits.set.image(row)).or_insert(kinds.len());
        if number == kinds.len() {
            kinds.push(Kind::default());
        }
        kinds[number].rows.push(row);
        if told.insert((number, sample.subject, parts)) {
            kinds[number].telling.push(row);
        }
    }
    kinds
}

/// Pearson's correlation of the middle of `a` with the part of `b` that begins at column `x` and row `y`, `mean` at
/// `a`'s position subtracted from both; 0 if one side is constant.
fn correlation(a: &[f32], b: &[f32], mean: Option<&[f32]>, (x, y): (usize, usize)) -> f32 {
    const INNER: usize = FINE - 2 * SHIFT;
    let [mut sum_a, mut sum_b, mut ab, mut aa, mut bb] = [0.0f32; 5];
    for row in 0..INNER {
        let at = (row + SHIFT) * FINE + SHIFT;
        let (a, b) = (&a[at..at + INNER], &b[(row + y) * FINE + x..][..INNER]);
        let mean = mean.map_or(&[0.0; INNER][..], |mean| &mean[at..at + INNER]);
        for ((a, b), mean) in a.iter().zip(b).zip(mean) {
            let (a, b) = (a - mean, b - mean);
            sum_a += a;
            sum_b += b;
            ab += a * b;
            aa += a * a;
            bb += b * b;
        }
    }
    // The values are of mean 0 and deviation 1, or nearly, so there is no catastrophic cancellation.
    let count = (INNER * INNER) as f32;
    let covariance = ab - sum_a * sum_b / count;
    let size = ((aa - sum_a * sum_a / count) * (bb - sum_b * sum_b / count)).sqrt();
    if size > 1e-3 { covariance / size } else { 0.0 }
}

/// The image at `side`×`side`, mean 0, deviation 1; all 0 if it is flat.
fn thumbnail(set: &Prepared, row: usize, side: usize) -> Thumbnail {
    let image = set.picture(row);
    let grey = resize(&image, CropBox::whole(&image), side as u32, side as u32);
    let mut out: Thumbnail = grey.into_iter().map(f32::from).collect();
    let mean = out.iter().sum::<f32>() / out.len() as f32;
    out.iter_mut().for_each(|value| *value -= mean);
    let squares: f32 = out.iter().map(|value| value * value).sum();
    let deviation = (squares / out.len() as f32).sqrt();
    let flat = deviation <= 0.5;
    let scale = if flat { 0.0 } else { 1.0 / deviation };
    out.iter_mut().for_each(|value| *value *= scale);
    out
}

/// The mean of all thumbnails and their mirror images. Summed in chunks of fixed size, so that it does not depend on threads.
fn mean_face(set: &Prepared, rows: &[usize], side: usize) -> Thumbnail {
    let sum = |chunk: &[usize]| {
        let mut sum = vec![0.0; side * side];
        for &row in chunk {
            let face = thumbnail(set, row, side);
            let turned = mirrored(&face, side);
            for (sum, (a, b)) in sum.iter_mut().zip(face.iter().zip(turned)) {
                *sum += a + b;
            }
        }
        sum
    };
    let sums: Vec<Thumbnail> = rows.par_chunks(1024).map(sum).collect();
    let count = (2 * rows.len()) as f32;
    let mean = |at: usize| sums.iter().fold(0.0, |mean, sum| mean + sum[at] / count);
    (0..side * side).map(mean).collect()
}

fn mirrored(face: &[f32], side: usize) -> Thumbnail {
    let mut out = face.to_vec();
    out.chunks_exact_mut(side).for_each(<[f32]>::reverse);
    out
}

/// Cosines of the first frequencies, `[frequency][pixel]` (the type-II discrete cosine transform).
fn basis() -> [[f32; SIDE]; FREQUENCIES] {
    use std::f64::consts::PI;
    std::array::from_fn(|frequency| {
        std::array::from_fn(|pixel| {
            let angle = PI * (pixel as f64 + 0.5) * frequency as f64 / SIDE as f64;
            angle.cos() as f32
        })
    })
}

/// The signs of the low frequencies, without the mean: bit 8·v + u for vertical frequency v and horizontal u.
fn hash(basis: &[[f32; SIDE]; FREQUENCIES], face: &[f32]) -> u64 {
    let mut hash = 0;
    for (v, vertical) in basis.iter().enumerate() {
        let mut line = [0.0; SIDE];
        for (row, weight) in face.chunks_exact(SIDE).zip(vertical) {
            for (sum, value) in line.iter_mut().zip(row) {
                *sum += weight * value;
            }
        }
        for (u, horizontal) in basis.iter().enumerate().filter(|(u, _)| u + v > 0) {
            let coefficient: f32 = line.iter().zip(horizontal).map(|(a, b)| a * b).sum();
            hash |= u64::from(coefficient > 0.0) << (FREQUENCIES * v + u);
        }
    }
    hash
}

/// The bits of odd horizontal frequencies, which change sign when an image is mirrored.
const MIRROR: u64 = 0xaaaa_aaaa_aaaa_aaaa;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn mirroring_flips_the_bits_of_the_mask(values in proptest::collection::vec(-3.0f32..3.0, SIDE * SIDE)) {
            let basis = basis();
            let differ = hash(&basis, &values) ^ hash(&basis, &mirrored(&values, SIDE));
            // Rounding may change the sign of a coefficient near 0.
            prop_assert!((differ ^ MIRROR).count_ones() <= 1, "{differ:x}");
        }
    }
}
