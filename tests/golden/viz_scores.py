"""Golden numbers for comparing maps and for ordering filters: scipy's rank correlation and average linkage, scikit-image's
structural similarity and Sobel filter.

Writes crates/viz/tests/golden/scores.json: random maps with ties and zeros, of sides from 5 (a field of conv1) to 32 (of
conv3), some of them clipped to rectangles; and the length of the shortest order of leaves that average-linkage trees over
random points allow. Up to 12 leaves that is the best of all 2^(n-1) ways to turn the tree, above it comes from a literal dynamic
programme, which agrees with these. (scipy's own `optimal_leaf_ordering`, 1.17.1, gives longer orders for 25 and 40 leaves.)
Tolerance in the tests: 1e-6, for float32 inputs; 1e-9 for lengths, which are of float64 distances.
"""

import json
import pathlib

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering, to_tree
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr
from skimage.filters import sobel
from skimage.metrics import structural_similarity

ROOT = pathlib.Path(__file__).resolve().parents[2]


def magnitudes(x):
    return np.abs(x) / np.abs(x).max()


def case(rng, height, width):
    a = rng.normal(size=(height, width)).astype(np.float32)
    b = (0.6 * a + rng.normal(size=a.shape)).astype(np.float32)
    # What projections look like: many zeros, and ties.
    a[rng.random(a.shape) < 0.3] = 0
    b = np.where(rng.random(b.shape) < 0.2, np.float32(0), np.round(b, 1)).astype(np.float32)
    x, y = magnitudes(a), magnitudes(b)
    smaller = min(height, width)
    side = min(7, smaller if smaller % 2 else smaller - 1)
    return {
        "width": width,
        "a": [float(f"{v:.9g}") for v in a.ravel()],
        "b": [float(f"{v:.9g}") for v in b.ravel()],
        "spearman": spearmanr(a.ravel(), b.ravel()).statistic,
        "spearman_abs": spearmanr(x.ravel(), y.ravel()).statistic,
        "ssim": float(structural_similarity(x.astype(float), y.astype(float), win_size=side, data_range=1.0)),
        "sobel": [float(f"{v:.9g}") for v in sobel(x.astype(float)).ravel()],
    }


def length(square, leaves):
    return sum(square[a, b] for a, b in zip(leaves, leaves[1:]))


def turns(node):
    """Every order of leaves that turning the tree's forks gives."""
    if node.is_leaf():
        return [[node.id]]
    both = [(a, b) for a in turns(node.left) for b in turns(node.right)]
    return [a + b for a, b in both] + [b + a for a, b in both]


def shortest(square, node):
    """Lengths of the shortest orders of the node's leaves, by their first and last leaf."""
    if node.is_leaf():
        return {(node.id, node.id): 0.0}
    left, right = shortest(square, node.left), shortest(square, node.right)
    best = {}
    for (u, m), before in left.items():
        for (k, w), after in right.items():
            through = before + square[m, k] + after
            best[u, w] = best[w, u] = min(through, best.get((u, w), np.inf))
    return best


def order(rng, count):
    distances = pdist(rng.random((count, 3)))
    tree, square = linkage(distances, "average"), squareform(distances)
    best = min(shortest(square, to_tree(tree)).values())
    if count <= 12:
        assert abs(best - min(length(square, leaves) for leaves in turns(to_tree(tree)))) < 1e-12
    assert best <= length(square, leaves_list(optimal_leaf_ordering(tree, distances))) + 1e-12
    return {"count": count, "distances": distances.tolist(), "length": float(best)}


def main():
    rng = np.random.default_rng(5)
    sizes = [(5, 5), (14, 14), (32, 32), (18, 32), (3, 4)]
    found = {"maps": [case(rng, *size) for size in sizes], "orders": [order(rng, n) for n in (3, 8, 11, 25, 40)]}
    path = ROOT / "crates/viz/tests/golden/scores.json"
    path.write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
