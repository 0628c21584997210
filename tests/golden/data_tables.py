"""Golden tables for faus-data: pixel tables in the form of FER2013 with both label maps, and a listing like CK+48's.

Sources: pandas reads every table back as it was written and says what each row's class, part and fold are
(groupby.cumcount for folds dealt by image, sorted unique subjects for folds dealt by subject), numpy parses the pixels.
The counts are those of ckextended.csv (920 rows), of FER2013's classes (all 35,887 would be too large to keep: a table
with other counts stands for it) and of CK+'s peaks (327 sequences, 118 subjects, three frames each: 981 images). Pixels
are random; no face is in them. Needs numpy and pandas.

Run from anywhere: python tests/golden/data_tables.py
"""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd

OUT = Path(__file__).resolve().parents[2] / "crates" / "data" / "tests" / "golden"
RNG = np.random.default_rng(1510_02969)
CK_PLUS = ["neutral", "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise"]
FER2013 = ["anger", "disgust", "fear", "happy", "sadness", "surprise", "neutral", "contempt"]
PEAKS = dict(anger=45, contempt=18, disgust=59, fear=25, happy=69, sadness=28, surprise=83)
PARTS = {"Training": 1, "PublicTest": 2, "PrivateTest": 3}
FOLDS = 10


def rows(counts, codes, side):
    """A table in random order: one row of random pixels for every image that `counts` has of a class."""
    names = RNG.permutation([name for name, count in counts.items() for _ in range(count)])
    pixels = [" ".join(map(str, RNG.integers(0, 256, side * side))) for _ in names]
    return pd.DataFrame(dict(emotion=[codes.index(name) for name in names], pixels=pixels))


def written(file, table, **how):
    """Writes the table with pandas, and reads it back from the bytes."""
    text = table.to_csv(index=False, **how)
    (OUT / file).write_bytes(text.encode(how.get("encoding", "utf-8")))
    separator = how.get("sep", ",")
    return pd.read_csv(io.StringIO(text.lstrip("\ufeff")), sep=separator, skipinitialspace=True).rename(
        columns=lambda name: name.strip().lower()
    )


def expected(file, table, codes):
    """What a reader should find, from the table as pandas reads it."""
    named = table["emotion"].map(lambda code: codes[code] if isinstance(code, (int, np.integer)) else code)
    classes = [name for name in CK_PLUS if (named == name).any()]
    labels = named.map(classes.index)
    parts = table["usage"].map(PARTS) if "usage" in table else pd.Series(0, index=table.index)
    pixels = np.stack([np.array(text.split(), dtype=int) for text in table["pixels"]])
    return dict(
        file=file,
        classes=classes,
        labels=labels.tolist(),
        parts=parts.tolist() if {1, 2, 3} <= set(parts) else [],
        folds=(labels.groupby(labels).cumcount() % FOLDS).tolist(),
        counts=[int((labels == label).sum()) for label in range(len(classes))],
        pixels=pixels.ravel().tolist(),
    )


def tables():
    counts = dict(neutral=593, **PEAKS)
    usage = lambda table, values: table.assign(Usage=RNG.choice(list(values), len(table), p=[0.8, 0.1, 0.1]))
    table = usage(rows(counts, FER2013, 2), PARTS)
    yield expected("ckextended.csv", written("ckextended.csv", table), FER2013)
    table = rows(counts, CK_PLUS, 2).assign(Usage="")
    yield expected("ckextended_ck_plus_codes.csv", written("ckextended_ck_plus_codes.csv", table), CK_PLUS)
    # As Kaggle's icml_face_data.csv: blanks in the header, another order of columns; CR LF and a byte-order mark besides.
    few = dict(anger=9, disgust=3, fear=8, happy=14, sadness=11, surprise=7, neutral=10)
    table = usage(rows(few, FER2013, 6), PARTS).rename(columns={"Usage": " Usage", "pixels": " pixels"})
    table = table[["emotion", " Usage", " pixels"]]
    # pandas writes the mark only to a path, so it is written here as a character.
    table = table.rename(columns={"emotion": "\ufeffemotion"})
    file = "icml_face_data.csv"
    yield expected(file, written(file, table, lineterminator="\r\n"), FER2013)
    # Names for codes, everything in quotes, more columns, semicolons.
    table = rows(few, FER2013, 3)
    table["emotion"] = table["emotion"].map(FER2013.__getitem__)
    table = table.assign(who="a \"quoted\"; text", Pixels=table["pixels"]).drop(columns="pixels")
    table = table[["who", "Pixels", "emotion"]]
    yield expected("names.csv", written("names.csv", table, sep=";", quoting=1), FER2013)


def listing():
    """Files like CK+48's: 118 people, 327 sequences with CK+'s counts, three frames of each."""
    people = np.sort(RNG.choice(np.arange(5, 1000), 118, replace=False))
    classes = RNG.permutation([name for name, count in PEAKS.items() for _ in range(count)])
    # Everybody once, the others at random; a person's sequences are counted up.
    who = np.concatenate([people, RNG.choice(people, len(classes) - len(people))])
    sequences = pd.DataFrame(dict(name=classes, subject=who))
    sequences["sequence"] = sequences.groupby("subject").cumcount() + 1
    peaks = RNG.integers(9, 60, len(classes))
    frames = pd.concat([sequences.assign(frame=peaks - back) for back in range(3)])
    frames["path"] = [
        f"{row.name_}/S{row.subject:03}_{row.sequence:03}_{row.frame:08}.png"
        for row in frames.rename(columns={"name": "name_"}).itertuples()
    ]
    fold = {subject: at % FOLDS for at, subject in enumerate(sorted(frames["subject"].unique()))}
    frames["fold"] = frames["subject"].map(fold)
    frames["label"] = frames["name"].map(sorted(PEAKS).index)
    frames = frames.iloc[RNG.permutation(len(frames))]
    return frames[["path", "label", "subject", "frame", "fold"]].values.tolist()


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    golden = dict(folds=FOLDS, tables=list(tables()), listing=dict(classes=sorted(PEAKS), files=listing()))
    (OUT / "tables.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
