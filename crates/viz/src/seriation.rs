//! The order in which filters are shown: what is alike lies together.

use kodama::{Method as Linkage, linkage};

use crate::patch::Frame;
use crate::scores::pearson;
use crate::{FilterPatches, Survey};

/// An order of `count` things in which neighbours are alike: average linkage of their distances, the leaves then turned so
/// that the sum of distances between neighbours is the least that the tree allows (Bar-Joseph, Gifford and Jaakkola 2001). `distance(i, j)`, i < j, is finite and at least 0.
pub fn seriate(count: usize, distance: impl Fn(usize, usize) -> f64) -> Vec<usize> {
    if count < 3 {
        return (0..count).collect();
    }
    let mut distances = vec![0.0; count * count];
    let mut condensed = Vec::with_capacity(count * (count - 1) / 2);
    for i in 0..count {
        for j in i + 1..count {
            let d = distance(i, j);
            condensed.push(d);
            (distances[i * count + j], distances[j * count + i]) = (d, d);
        }
    }
    let tree = linkage(&mut condensed, count, Linkage::Average);
    let mut leaves: Vec<Vec<usize>> = (0..count).map(|leaf| vec![leaf]).collect();
    let mut children: Vec<Option<(usize, usize)>> = vec![None; count];
    for step in tree.steps() {
        let both = [step.cluster1, step.cluster2].map(|c| leaves[c].clone());
        leaves.push(both.concat());
        children.push(Some((step.cluster1, step.cluster2)));
    }
    let mut ordering = LeafOrdering {
        count,
        distances,
        leaves,
        children,
        best: vec![0.0; count * count],
    };
    ordering.solve();
    ordering.read_off()
}

struct LeafOrdering {
    count: usize,
    /// `[count, count]`.
    distances: Vec<f64>,
    /// Of every node of the tree; the leaves come first.
    leaves: Vec<Vec<usize>>,
    children: Vec<Option<(usize, usize)>>,
    /// `[count, count]`: length of the shortest order, of the smallest subtree that holds both, that begins with the one leaf
    /// and ends with the other.
    best: Vec<f64>,
}

impl LeafOrdering {
    fn solve(&mut self) {
        for node in self.count..self.leaves.len() {
            let Some((left, right)) = self.children[node] else {
                continue;
            };
            let outer: Vec<(usize, Vec<usize>)> = self.leaves[right]
                .iter()
                .map(|&w| (w, self.opposite(right, w)))
                .collect();
            for u in self.leaves[left].clone() {
                // From u through the left subtree into each leaf of the right one.
                let inner = self.opposite(left, u);
                let mut into = vec![f64::INFINITY; self.count];
                for &k in &self.leaves[right] {
                    let by_way_of = inner.iter().map(|&m| self.cost(u, m) + self.distance(m, k));
                    into[k] = by_way_of.fold(f64::INFINITY, f64::min);
                }
                for (w, ends) in &outer {
                    let lengths = ends.iter().map(|&k| into[k] + self.cost(k, *w));
                    let shortest = lengths.fold(f64::INFINITY, f64::min);
                    self.best[u * self.count + w] = shortest;
                    self.best[w * self.count + u] = shortest;
                }
            }
        }
    }

    /// Leaves at the other end of `node` when `leaf` is at the one: those of the child that it is not in.
    fn opposite(&self, node: usize, leaf: usize) -> Vec<usize> {
        match self.children[node] {
            None => vec![leaf],
            Some((left, right)) if self.leaves[left].contains(&leaf) => self.leaves[right].clone(),
            Some((left, _)) => self.leaves[left].clone(),
        }
    }

    fn cost(&self, a: usize, b: usize) -> f64 {
        self.best[a * self.count + b]
    }

    fn distance(&self, a: usize, b: usize) -> f64 {
        self.distances[a * self.count + b]
    }

    fn read_off(&self) -> Vec<usize> {
        let root = self.leaves.len() - 1;
        let Some((left, right)) = self.children[root] else {
            return self.leaves[root].clone();
        };
        let mut ends = (self.leaves[left][0], self.leaves[right][0]);
        for &u in &self.leaves[left] {
            for &w in &self.leaves[right] {
                if self.cost(u, w) < self.cost(ends.0, ends.1) {
                    ends = (u, w);
                }
            }
        }
        self.order(root, ends.0, ends.1)
    }

    /// The shortest order of `node` from leaf `first` to leaf `last`.
    fn order(&self, node: usize, first: usize, last: usize) -> Vec<usize> {
        let Some((left, right)) = self.children[node] else {
            return vec![first];
        };
        let (left, right) = match self.leaves[left].contains(&first) {
            true => (left, right),
            false => (right, left),
        };
        let (before, after) = (self.opposite(left, first), self.opposite(right, last));
        let mut middle = (f64::INFINITY, first, last);
        for &m in &before {
            for &k in &after {
                let length = self.cost(first, m) + self.distance(m, k) + self.cost(k, last);
                if length < middle.0 {
                    middle = (length, m, k);
                }
            }
        }
        let mut order = self.order(left, first, middle.1);
        order.extend(self.order(right, middle.2, last));
        order
    }
}

/// The filters in the atlas' order: [`seriate`] by what excites them and where, dead ones last. The order begins where the
/// responses lie higher on the face.
///
/// The distance of two filters is the mean of two numbers in [0, 1] (our choice): half of 1 − r for the correlation r of their
/// mean projections ([`FilterPatches::mean_projection`]), and 1 − Σ√(pq) (Bhattacharyya) for the maps p, q of where they
/// respond, smoothed over a quarter of the receptive field.
pub fn atlas_order(
    filters: &[FilterPatches],
    survey: &Survey,
    frame_of: &AtlasFrame,
) -> Vec<usize> {
    let (alive, dead): (Vec<usize>, Vec<usize>) =
        (0..filters.len()).partition(|&at| !filters[at].patches.is_empty());
    let projections: Vec<Vec<f64>> = alive
        .iter()
        .map(|&at| filters[at].mean_projection())
        .collect();
    let places: Vec<Vec<f64>> = alive
        .iter()
        .map(|&at| frame_of.smoothed(&survey.positions[at], survey.columns))
        .collect();
    let distance = |i: usize, j: usize| {
        let r = pearson(&projections[i], &projections[j]).unwrap_or(0.0);
        let overlap: f64 = places[i]
            .iter()
            .zip(&places[j])
            .map(|(p, q)| (p * q).sqrt())
            .sum();
        0.5 * (1.0 - r) / 2.0 + 0.5 * (1.0 - overlap).max(0.0)
    };
    let mut order = seriate(alive.len(), distance);
    let height = |&at: &usize| {
        let rows = places[at].chunks_exact(survey.columns).enumerate();
        rows.map(|(row, places)| row as f64 * places.iter().sum::<f64>())
            .sum::<f64>()
    };
    let half = order.len() / 2;
    let mean = |part: &[usize]| part.iter().map(height).sum::<f64>() / part.len().max(1) as f64;
    if mean(&order[..half]) > mean(&order[order.len() - half..]) {
        order.reverse();
    }
    let filters = order.into_iter().map(|at| alive[at]).chain(dead);
    filters.map(|at| survey.tops[at].filter).collect()
}

/// How far apart units lie, for the smoothing of [`atlas_order`].
#[derive(Debug, Clone, Copy)]
pub struct AtlasFrame {
    /// Spread of the smoothing, in units.
    spread: f64,
}

impl AtlasFrame {
    pub(crate) fn new(frame: &Frame) -> Self {
        Self {
            spread: (frame.field as f64 / 4.0 / frame.stride()).max(0.5),
        }
    }

    /// A distribution over `[columns, columns]` places under a Gaussian, still summing to 1 (0 if it did).
    fn smoothed(&self, positions: &[f64], columns: usize) -> Vec<f64> {
        let weight = |a: usize, b: usize| {
            let apart = (a as f64 - b as f64) / self.spread;
            (-0.5 * apart * apart).exp()
        };
        let along = |line: &dyn Fn(usize) -> f64, at: usize| -> f64 {
            (0..columns).map(|from| weight(at, from) * line(from)).sum()
        };
        let mut rows = vec![0.0; positions.len()];
        for (at, out) in rows.iter_mut().enumerate() {
            let row = at / columns * columns;
            *out = along(&|from| positions[row + from], at % columns);
        }
        let mut out: Vec<f64> = (0..positions.len())
            .map(|at| along(&|from| rows[from * columns + at % columns], at / columns))
            .collect();
        let sum: f64 = out.iter().sum();
        if sum > 0.0 {
            out.iter_mut().for_each(|p| *p /= sum);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_on_a_line_come_in_their_order() {
        let points = [3.0f64, 0.0, 7.0, 1.0, 12.0, 5.0];
        let mut order = seriate(6, |i, j| (points[i] - points[j]).abs());
        if order[0] == 4 {
            order.reverse();
        }
        assert_eq!(order, [1, 3, 0, 5, 2, 4]);
    }

    #[test]
    fn few_things_need_no_tree() {
        for count in 0..3 {
            assert_eq!(seriate(count, |_, _| 1.0), (0..count).collect::<Vec<_>>());
        }
    }

    proptest::proptest! {
        /// Every thing once, whatever the distances, and never longer than the tree's own order.
        #[test]
        fn the_order_is_a_permutation(values in proptest::collection::vec(0.0f64..1.0, 3..24)) {
            let distance = |i: usize, j: usize| (values[i] - values[j]).abs().sqrt();
            let order = seriate(values.len(), distance);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            proptest::prop_assert_eq!(sorted, (0..values.len()).collect::<Vec<_>>());
        }
    }
}
