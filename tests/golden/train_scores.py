"""Golden numbers for faus-train's measures and paired tests, from scikit-learn, scipy and numpy.

Writes crates/train/tests/golden/scores.json.

    python tests/golden/train_scores.py
"""

import json
from pathlib import Path

import numpy as np
from scipy.special import softmax
from scipy.stats import permutation_test, t
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    log_loss,
    top_k_accuracy_score,
)

OUT = Path(__file__).resolve().parents[2] / "crates" / "train" / "tests" / "golden" / "scores.json"
BINS = 15


def calibration_error(probabilities, labels):
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    edges = np.linspace(0, 1, BINS + 1)
    error = 0.0
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return error


def predictions(rng, rows, classes, absent=None):
    labels = rng.integers(0, classes, rows)
    if absent is not None:
        labels[labels == absent] = (absent + 1) % classes
    logits = (rng.normal(0, 2, (rows, classes)) + 2.5 * np.eye(classes)[labels]).astype(np.float32)
    probabilities = softmax(logits.astype(np.float64), axis=1)
    predicted = logits.argmax(1)
    return {
        "classes": classes,
        "labels": labels.tolist(),
        "logits": [float(value) for value in logits.ravel()],
        "measures": {
            "accuracy": accuracy_score(labels, predicted),
            "balanced_accuracy": balanced_accuracy_score(labels, predicted),
            "macro_f1": f1_score(labels, predicted, average="macro", zero_division=0),
            "top2_accuracy": top_k_accuracy_score(labels, logits, k=2, labels=range(classes)),
            "negative_log_likelihood": log_loss(labels, probabilities, labels=range(classes)),
            "expected_calibration_error": calibration_error(probabilities, labels),
        },
    }


def paired(rng, folds, effect, share):
    first = rng.uniform(0.7, 0.95, folds).round(3)
    second = (first + effect + rng.normal(0, 0.03, folds)).round(3)
    differences = second - first
    result = permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=False
    )
    deviation = np.sqrt((1 / folds + share) * differences.var(ddof=1))
    return {
        "first": first.tolist(),
        "second": second.tolist(),
        "test_share": share,
        "mean_difference": differences.mean(),
        "p_sign_flip": result.pvalue,
        "p_corrected_t": 2 * t.sf(abs(differences.mean() / deviation), folds - 1),
    }


def main():
    rng = np.random.default_rng(20151002)
    golden = {
        "predictions": [
            predictions(rng, 80, 4),
            predictions(rng, 60, 8),
            predictions(rng, 50, 5, absent=2),
        ],
        "paired": [
            paired(rng, 10, 0.03, 1 / 8),
            paired(rng, 10, 0.0, 1 / 9),
            paired(rng, 5, -0.05, 0.25),
        ],
    }
    OUT.write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
