"""Augmentation, drawn by faus and repeated by scikit-image.

    data_augment.py                                   makes crates/data/tests/golden/augment.json
    data_augment.py --check PREPARED out.npy params.csv   repeats what `faus data augment` did; exit 1 on a difference

The check takes the parameters that faus wrote, warps the prepared image with skimage.transform.warp (order 1, zero outside),
applies the grey jitter in float64 and compares every pixel: a difference of more than 1/255 of the range [0, 2] fails. The golden
file holds a picture, parameters and skimage's results for the Rust test, and a sample with its Kolmogorov-Smirnov statistic.
"""

import argparse
import csv
import json
import sys
from pathlib import Path

import numpy
from scipy.stats import kstest
from skimage.transform import AffineTransform, warp

OUT = Path(__file__).resolve().parent.parent.parent / "crates/data/tests/golden/augment.json"
FIELDS = ("rotation_deg", "scale", "tx", "ty", "a", "b", "c")


def augment(image, p):
    """docs/PROTOCOL.md: flip; input point i = s R (o - m) + m + t; y = x^a b + c; min-max to [0, 1], times 2."""
    side = image.shape[0]
    x = image.astype(numpy.float64) / 255 * 2
    if int(p["flip"]):
        x = x[:, ::-1]
    theta, scale, m = numpy.deg2rad(float(p["rotation_deg"])), float(p["scale"]), side / 2
    rotation = numpy.array([[numpy.cos(theta), -numpy.sin(theta)], [numpy.sin(theta), numpy.cos(theta)]])
    matrix = numpy.eye(3)
    matrix[:2, :2] = scale * rotation
    matrix[:2, 2] = m + numpy.array([float(p["tx"]), float(p["ty"])]) - scale * rotation @ [m, m]
    # warp's map goes from output to input coordinates, (column, row). Its clipping would lift what is mixed with the zero outside.
    y = warp(x, AffineTransform(matrix=matrix), order=1, mode="constant", cval=0, preserve_range=True, clip=False)
    y = numpy.maximum(y, 0) ** float(p["a"]) * float(p["b"]) + float(p["c"])
    return (y - y.min()) / (y.max() - y.min()) * 2


def check(prepared, images, params):
    rows = list(csv.DictReader(open(params)))
    drawn, faces = numpy.load(images), numpy.load(Path(prepared) / "images.npy", mmap_mode="r")
    assert drawn.shape[0] == len(rows) and drawn.dtype == numpy.float32, (drawn.shape, drawn.dtype)
    differences = [numpy.abs(augment(faces[int(p["index"])][0], p) - image[0]).max() for p, image in zip(rows, drawn)]
    worst = max(differences)
    print(f"{len(rows)} draws; largest difference {worst:.2g} of the range [0, 2]; 1/255 of it is {2 / 255:.2g}")
    return worst <= 2 / 255


def golden():
    random = numpy.random.default_rng(11)
    side = 32
    row, column = numpy.mgrid[:side, :side]
    face = 120 + 60 * numpy.cos(row / 5) * numpy.sin(column / 4) + 40 * ((row - 15) ** 2 + (column - 14) ** 2 < 90)
    image = (face + random.normal(0, 12, face.shape)).clip(0, 255).astype(numpy.uint8)
    cases = []
    for number in range(24):
        scale = random.uniform(0.7, 1.4)
        reach = abs(side - scale * side) / 2
        p = {
            "flip": bool(number % 2), "rotation_deg": random.uniform(-5, 5), "scale": scale,
            "tx": random.uniform(-reach, reach), "ty": random.uniform(-reach, reach),
            "a": random.uniform(0.25, 4), "b": random.uniform(0.7, 1.4), "c": random.uniform(-0.1, 0.1),
        }
        p = {name: value if name == "flip" else float(numpy.float32(value)) for name, value in p.items()}
        out = augment(image, p)
        # In steps of 2/65535, far below the tolerance.
        cases.append({"params": p, "out": numpy.rint(out / 2 * 65535).astype(int).ravel().tolist()})
    sample = random.beta(1.1, 1, 400).tolist()
    result = {
        "side": side, "image": image.ravel().tolist(), "cases": cases,
        "kolmogorov_smirnov": {"sample": sample, "statistic": kstest(sample, "uniform").statistic},
    }
    OUT.write_text(json.dumps(result, separators=(",", ":")) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", nargs=3, metavar=("PREPARED", "OUT_NPY", "PARAMS_CSV"))
    arguments = parser.parse_args()
    if not arguments.check:
        return golden()
    return sys.exit(0 if check(*arguments.check) else 1)


if __name__ == "__main__":
    main()
