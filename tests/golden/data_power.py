"""Fits the polynomials of crates/data/src/feed/augment/jitter.rs and prints them with their largest errors.

    python tests/golden/data_power.py

Each is the polynomial of its degree whose largest weighted error is least, found by Lawson's iteration: weighted least
squares over and over, each point's weight grown by its error. Float32 coefficients, constant first. Needs numpy.
"""

import numpy as np


def fit(function, low, high, degree, weight):
    x = (low + high) / 2 + (high - low) / 2 * np.cos(np.linspace(0, np.pi, 4001))
    powers = np.vander(x, degree + 1, increasing=True)
    shares = np.ones_like(x)
    best = (np.inf, None)
    for _ in range(400):
        scale = np.sqrt(shares) * weight(x)
        coefficients = np.linalg.lstsq(powers * scale[:, None], function(x) * scale, rcond=None)[0]
        errors = np.abs((powers @ coefficients - function(x)) * weight(x))
        if errors.max() < best[0]:
            best = (errors.max(), coefficients)
        shares = np.maximum(shares * errors / (shares * errors).sum() * len(x), 1e-12)
    return best


def log2_over_z(z):
    """log2(1 + z) / z."""
    z = np.where(np.abs(z) < 1e-9, 1e-9, z)
    return np.log1p(z) / np.log(2) / z


def main():
    # Near 0 the error counts relative to the value, which is what faint images need.
    fits = {
        "log2(1 + z) / z, z in [√½ − 1, √2 − 1]": fit(
            log2_over_z, np.sqrt(0.5) - 1, np.sqrt(2) - 1, 6, lambda z: np.abs(z) + 0.02
        ),
        "2^x, x in [−½, ½]": fit(np.exp2, -0.5, 0.5, 5, lambda x: 1 / np.exp2(x)),
    }
    for name, (error, coefficients) in fits.items():
        print(f"{name}: largest error {error:.2g}")
        for coefficient in np.float32(coefficients):
            print(f"    {coefficient!s}")


if __name__ == "__main__":
    main()
