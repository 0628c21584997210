//! The order of the filters in pictures: similar ones are adjacent.

use kodama::{Method as Linkage, linkage};

use crate::atlas::similarity::pearson;
use crate::explain::field::Frame;
use crate::explain::patch::FilterPatches;
use crate::lens::strongest::{Survey, to_shares};

/// An order of `count` items with similar neighbours: average linkage of their distances, with leaves flipped to
/// minimise the sum of distances between neighbours within the tree (Bar-Joseph, Gifford and Jaakkola 2001).
/// `distance(i, j)`, i < j, is finite and at least 0.
pub fn seriate(count: usize, distance: impl Fn(usize, usize) -> f64) -> Vec<usize> {
    if count < 3 {
        return (0..count).collect();
    }
    let mut tree = Tree::new(count, distance);
    let root = tree.leaves.len() - 1;
    (count..=root).for_each(|node| tree.measure(node));
    let [left, right] = tree.children[root].map(|child| &tree.leaves[child]);
    let (first, last) = shortest(left, right, |u, w| tree.best[u * count + w]);
    tree.order(root, first, last)
}

/// The tree of an average linkage; its nodes are the leaves, then the joints in order.
struct Tree {
    count: usize,
    /// `[count, count]`.
    distances: Vec<f64>,
    /// Leaves under every node.
    leaves: Vec<Vec<usize>>,
    /// Nodes under every joint; a leaf has itself.
    children: Vec<[usize; 2]>,
    /// `[count, count]`: length of the shortest order, of the smallest subtree that holds both, that begins with one
    /// leaf and ends with the other.
    best: Vec<f64>,
}

impl Tree {
    fn new(count: usize, distance: impl Fn(usize, usize) -> f64) -> Self {
        let mut distances = vec![0.0; count * count];
        let mut condensed = Vec::with_capacity(count * (count - 1) / 2);
        for i in 0..count {
            for j in i + 1..count {
                let d = distance(i, j);
                condensed.push(d);
                (distances[i * count + j], distances[j * count + i]) = (d, d);
            }
        }
        let mut leaves: Vec<Vec<usize>> = (0..count).map(|leaf| vec![leaf]).collect();
        let mut children: Vec<[usize; 2]> = (0..count).map(|leaf| [leaf; 2]).collect();
        for step in linkage(&mut condensed, count, Linkage::Average).steps() {
            let joint = [step.cluster1, step.cluster2];
            leaves.push(joint.map(|node| leaves[node].clone()).concat());
            children.push(joint);
        }
        Self {
            count,
            distances,
            leaves,
            children,
            best: vec![0.0; count * count],
        }
    }

    /// Fills in `best` for leaves on both sides of a joint.
    fn measure(&mut self, node: usize) {
        let (n, [left, right]) = (self.count, self.children[node]);
        for u in self.leaves[left].clone() {
            // From u through the left subtree into each leaf of the right one.
            let inner = self.opposite(left, u);
            let mut into = vec![f64::INFINITY; n];
            for &k in &self.leaves[right] {
                let length = |m: &usize| self.best[u * n + m] + self.distances[m * n + k];
                into[k] = inner.iter().map(length).fold(f64::INFINITY, f64::min);
            }
            for w in self.leaves[right].clone() {
                let ends = self.opposite(right, w).iter();
                let lengths = ends.map(|k| into[*k] + self.best[k * n + w]);
                let shortest = lengths.fold(f64::INFINITY, f64::min);
                (self.best[u * n + w], self.best[w * n + u]) = (shortest, shortest);
            }
        }
    }

    /// Possible ends of `node` opposite `leaf`: the leaves of the child that does not hold it.
    fn opposite(&self, node: usize, leaf: usize) -> &[usize] {
        let [left, right] = self.children[node];
        match self.leaves[left].contains(&leaf) {
            true => &self.leaves[right],
            false => &self.leaves[left],
        }
    }

    /// The shortest order of `node` from leaf `first` to leaf `last`.
    fn order(&self, node: usize, first: usize, last: usize) -> Vec<usize> {
        let (n, [mut left, mut right]) = (self.count, self.children[node]);
        if left == right {
            return vec![first];
        }
        if !self.leaves[left].contains(&first) {
            (left, right) = (right, left);
        }
        let (ends, starts) = (self.opposite(left, first), self.opposite(right, last));
        let (before, after) = shortest(ends, starts, |m, k| {
            self.best[first * n + m] + self.distances[m * n + k] + self.best[k * n + last]
        });
        let before = self.order(left, first, before);
        [before, self.order(right, after, last)].concat()
    }
}

/// The first of the pairs of the lowest cost.
fn shortest(left: &[usize], right: &[usize], cost: impl Fn(usize, usize) -> f64) -> (usize, usize) {
    let pairs = left
        .iter()
        .flat_map(|&u| right.iter().map(move |&w| (u, w)));
    let shortest = pairs.min_by(|a, b| cost(a.0, a.1).total_cmp(&cost(b.0, b.1)));
    shortest.unwrap_or_default()
}

/// The filters in the atlas' order: [`seriate`] by their projections and places, dead ones last. The order begins with
/// responses higher on the face.
///
/// The distance of two filters is the mean of two numbers in [0, 1] (our choice): half of 1 − r for the correlation r of their
/// mean projections ([`FilterPatches::mean_projection`]), and 1 − Σ√(pq) (Bhattacharyya) for the maps p, q of their places,
/// smoothed over a quarter of the receptive field.
pub(crate) fn atlas_order(filters: &[FilterPatches], survey: &Survey, frame: &Frame) -> Vec<usize> {
    let (alive, dead): (Vec<usize>, Vec<usize>) =
        (0..filters.len()).partition(|&at| !filters[at].patches.is_empty());
    let spread = (frame.field() as f64 / 4.0 / frame.stride()).max(0.5);
    let columns = survey.columns;
    let projection = |&at: &usize| filters[at].mean_projection();
    let projections: Vec<Vec<f64>> = alive.iter().map(projection).collect();
    let place = |&at: &usize| smoothed(&survey.positions[at], columns, spread);
    let places: Vec<Vec<f64>> = alive.iter().map(place).collect();
    let mut order = seriate(alive.len(), |i, j| {
        let r = pearson(&projections[i], &projections[j]).unwrap_or(0.0);
        let products = places[i].iter().zip(&places[j]);
        let overlap: f64 = products.map(|(p, q)| (p * q).sqrt()).sum();
        0.5 * (1.0 - r) / 2.0 + 0.5 * (1.0 - overlap).max(0.0)
    });
    let half = order.len() / 2;
    let height = |part: &[usize]| {
        let heights = part.iter().map(|&at| height(&places[at], columns));
        heights.sum::<f64>() / part.len().max(1) as f64
    };
    if height(&order[..half]) > height(&order[order.len() - half..]) {
        order.reverse();
    }
    let filters = order.into_iter().map(|at| alive[at]).chain(dead);
    filters.map(|at| survey.tops[at].filter).collect()
}

/// Mean row of a distribution over places.
fn height(places: &[f64], columns: usize) -> f64 {
    let rows = places.chunks_exact(columns).enumerate();
    rows.map(|(row, places)| row as f64 * places.iter().sum::<f64>())
        .sum()
}

/// A distribution over `[columns, columns]` places under a Gaussian of deviation `spread`, still summing to 1 (0 if it did).
fn smoothed(positions: &[f64], columns: usize, spread: f64) -> Vec<f64> {
    let weight = |a: usize, b: usize| {
        let apart = (a as f64 - b as f64) / spread;
        (-0.5 * apart * apart).exp()
    };
    // Along the rows, which become columns: twice is in both directions.
    let along_rows = |map: &[f64]| -> Vec<f64> {
        let place = |at: usize| {
            let row = map[at % columns * columns..][..columns].iter().enumerate();
            row.map(|(from, value)| weight(at / columns, from) * value)
                .sum()
        };
        (0..map.len()).map(place).collect()
    };
    let mut out = along_rows(&along_rows(positions));
    to_shares(&mut out);
    out
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
        /// Every item once, for any distances, and never longer than the tree's own order.
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
