"""Can the labels of the synthetic CK+ be read off without looking at the face? Judged by scikit-learn.

    faus synth --out ck
    faus data prepare --source ck_plus --input ck --out prepared --size 48 --crop detector
    python tests/golden/synth_shortcuts.py prepared --check
    python tests/golden/synth_shortcuts.py prepared --check --parameters ck/Parameters    after `faus synth --truth`

Every figure is an accuracy over the ten subject-independent folds of the prepared set. Exit code 1 where a shortcut beats the most
frequent class by more than 0.07 (three standard errors at 327 independent sequences: 3*sqrt(0.25*0.75/327) = 0.07), where
the coded action units tell less than 0.9 of the peaks, or where the nearest neighbour on pixels tells more than 0.6.
"""

import argparse
import csv
import json
import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def accuracy(features, labels, folds, keep, classifier):
    right = 0
    for fold in range(folds.max() + 1):
        train, test = keep & (folds != fold), keep & (folds == fold)
        model = classifier().fit(features[train], labels[train])
        right += (model.predict(features[test]) == labels[test]).sum()
    return right / keep.sum()


def linear():
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


def coded_units(rows):
    units = np.zeros((len(rows), 65))
    for row, values in zip(rows, units):
        if row["aus"] not in ("", "none", "NA"):
            for part in row["aus"].split(";"):
                au, level = part.split(":")
                values[int(au)] = int(level)
    return units


def numbers(value, prefix=""):
    """The numbers of nested JSON by their path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers(inner, f"{prefix}/{key}")
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from numbers(inner, f"{prefix}/{at}")
    elif isinstance(value, (int, float)):
        yield prefix, float(value)


def true_parameters(rows, folder):
    """Scene (pose, light, camera) of every image and identity of its person, one column for each number that varies."""
    scenes, people = [], []
    for row in rows:
        subject, sequence, _ = stem = Path(row["path"]).stem.split("_")
        picture = json.loads((folder / subject / sequence / ("_".join(stem) + ".json")).read_text())
        scene = {key: value for key, value in picture["scene"].items() if key != "noise_key"}
        scenes.append(dict(numbers(scene)))
        people.append(dict(numbers(json.loads((folder / subject / "identity.json").read_text()))))
    table = lambda dicts: np.array([[d.get(key, 0.0) for key in sorted(dicts[0])] for d in dicts])
    return [table(dicts) for dicts in (scenes, people)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--parameters", type=Path, help="the folder Parameters of a set drawn with --truth")
    args = parser.parse_args()
    images = np.load(args.prepared / "images.npy")[:, 0].astype(float)
    labels = np.load(args.prepared / "labels.npy")
    folds = np.load(args.prepared / "folds.npy")
    rows = list(csv.DictReader((args.prepared / "samples.csv").open()))
    everyone, shown = labels >= 0, labels > 0
    coded = shown & np.array([row["aus"] != "NA" for row in rows])
    brightness = np.c_[images.mean((1, 2)), images.std((1, 2))]
    crop = np.array([[float(row[f"crop_{c}"]) for c in "xywh"] for row in rows])
    frame = np.array([[float(row["frame"])] for row in rows])
    truth = []
    if args.parameters:
        scene, person = true_parameters(rows, args.parameters)
        truth = [
            ("true pose, light and camera", scene, everyone),
            ("true pose, light and camera (peaks)", scene, shown),
            ("true identity", person, everyone),
            ("true identity (peaks)", person, shown),
        ]
    failed = False
    for name, features, keep in [
        ("brightness and contrast", brightness, everyone),
        ("place and size of the face", crop, everyone),
        ("frame number (peaks)", frame, shown),
        *truth,
    ]:
        chance = np.bincount(labels[keep]).max() / keep.sum()
        got = accuracy(features, labels, folds, keep, linear)
        print(f"{name}: {got:.3f}, most frequent class {chance:.3f}")
        failed |= got > chance + 0.07
    got = accuracy(coded_units(rows), labels, folds, coded, linear)
    print(f"coded action units (peaks): {got:.3f}")
    failed |= got < 0.9
    pixels = images.reshape(len(images), -1)
    got = accuracy(pixels, labels, folds, everyone, lambda: KNeighborsClassifier(1))
    print(f"nearest neighbour on pixels: {got:.3f}")
    failed |= got > 0.6
    found = np.mean([row["face_found"].lower() in ("1", "true") for row in rows])
    print(f"faces found by the crop that prepared the set: {found:.4f}")
    failed |= found < 0.95
    sys.exit(1 if args.check and failed else 0)


if __name__ == "__main__":
    main()
