"""Small files in the form of the Toronto Face Database, written by scipy, and what numpy sees in them.

Makes crates/data/tests/golden/tfd/{compressed,plain,separate,narrow}/*.mat and tfd/expected.json. No pixel is anybody's:
the pictures are drawn.
"""

import json
import struct
from pathlib import Path

import numpy
from scipy.io import loadmat, savemat

HERE = Path(__file__).resolve().parent
OUT = HERE.parent.parent / "crates/data/tests/golden/tfd"
SIDE, IMAGES, SPLITS, PEOPLE = 48, 90, 5, 30


def draw(n, code):
    """A flat drawing that tells image, row and column apart, and packs well."""
    row, column = numpy.mgrid[:SIDE, :SIDE]
    return ((row // 8 * 5 + column // 12 * 20 + n * 2 + max(code, 0) * 7) % 256).astype(numpy.uint8)


def make():
    random = numpy.random.default_rng(7)
    labelled = random.random(IMAGES) < 0.7
    codes = numpy.where(labelled, random.integers(1, 8, IMAGES), -1)
    people = random.integers(0, PEOPLE, IMAGES)
    folds = numpy.zeros((IMAGES, SPLITS), int)
    for split in range(SPLITS):
        # Whole people, as TFD has it: 70% train, 10% validation, 20% test.
        part = random.choice([1, 2, 3], PEOPLE, p=[0.6, 0.2, 0.2])
        folds[:, split] = numpy.where(labelled, part[people], 0)
    images = numpy.stack([draw(n, codes[n]) for n in range(IMAGES)])
    return {
        "images": images,
        "labs_ex": codes[:, None].astype(numpy.int8),
        "labs_id": people[:, None].astype(numpy.int16),
        "folds": folds.astype(numpy.uint8),
    }


def big_endian(path, arrays):
    """What no writer at hand does: big-endian, packed tags, doubles stored as bytes (as MATLAB itself stores them)."""

    def element(kind, data):
        if len(data) <= 4:
            return struct.pack(">HH", len(data), kind) + data.ljust(4, b"\0")
        return struct.pack(">II", kind, len(data)) + data + b"\0" * (-len(data) % 8)

    with open(path, "wb") as file:
        file.write(b"MATLAB 5.0 MAT-file, written by tests/golden/data_tfd.py".ljust(124) + b"\x01\x00MI")
        for name, array in arrays.items():
            class_double, kind = 6, 2
            data = array.astype(numpy.uint8).tobytes(order="F")
            if array.min() < 0:
                kind, data = 1, array.astype(numpy.int8).tobytes(order="F")
            body = element(6, struct.pack(">II", class_double, 0))
            body += element(5, struct.pack(f">{array.ndim}i", *array.shape))
            body += element(1, name.encode()) + element(kind, data)
            file.write(struct.pack(">II", 14, len(body)) + body)


def main():
    arrays = make()
    for folder in ("compressed", "plain", "separate", "narrow"):
        (OUT / folder).mkdir(parents=True, exist_ok=True)
    savemat(OUT / "compressed/TFD_48x48.mat", arrays, do_compression=True)
    small = {name: array[:12] for name, array in arrays.items()}
    savemat(OUT / "plain/TFD_48x48.mat", small, do_compression=False)
    info = {name: arrays[name] for name in ("labs_ex", "labs_id", "folds")}
    savemat(OUT / "separate/TFD_48x48.mat", {"note": "faces", "images": arrays["images"]}, do_compression=True)
    savemat(OUT / "separate/TFD_info.mat", {"cells": numpy.array([1, "x"], object), **{n: a.astype(float) for n, a in info.items()}})
    big_endian(OUT / "narrow/TFD_48x48.mat", small)

    read = loadmat(OUT / "compressed/TFD_48x48.mat")
    rows = numpy.flatnonzero(read["labs_ex"].ravel() >= 1)
    names = [None, "anger", "disgust", "fear", "happy", "sadness", "surprise", "neutral"]
    expected = {
        "rows": rows.tolist(),
        "names": [names[code] for code in read["labs_ex"].ravel()[rows]],
        "subjects": read["labs_id"].ravel()[rows].tolist(),
        "parts": read["folds"][rows].tolist(),
        # A weighted sum over each picture that any transposition or shift would change.
        "sums": [int((image.astype(int) * (1 + numpy.arange(SIDE * SIDE).reshape(SIDE, SIDE))).sum()) for image in read["images"][rows]],
        "first_image": read["images"][rows[0]].tolist(),
    }
    (OUT / "expected.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    main()
