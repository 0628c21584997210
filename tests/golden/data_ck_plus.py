"""Golden CK+ for faus-data: a small copy in the official layout with everything odd that real copies hold, and what must
be read of it.

Writes ck_plus.zip (schematic faces of 48×37 pixels, drawn here; nobody's pictures) and ck_plus.json, computed without
faus: from the rules of CK+ in docs/PROTOCOL.md, the crop geometry documented in crates/data/src/face/landmarks.rs, Pillow for
grey, skimage.transform.resize_local_mean for areas, exact fractions for balanced folds. Needs numpy, Pillow,
scikit-image. Tolerance: one grey level, because both sides round once, ours after sums in float32.

Run from anywhere: python tests/golden/data_ck_plus.py
"""

import io
import json
import re
import zipfile
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from skimage import transform

OUT = Path(__file__).resolve().parents[2] / "crates" / "data" / "tests" / "golden"
WIDTH, HEIGHT = 48, 37
IMAGES, EMOTION, FACS, LANDMARKS = "cohn-kanade-images", "Emotion_labels", "FACS", "Landmarks"
NAMES = ["neutral", "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise"]
CLASSES = {
    "eight": NAMES,
    "seven": NAMES[1:],
    "six": [name for name in NAMES[1:] if name != "contempt"],
}
SIZES = {"landmarks": 12, "none": 10}
RNG = np.random.default_rng(2010)

# ------------------------------------------------------------------------------------------- drawing


def face(subject, sequence, progress):
    """Centre, jaw's half width and the mouth's opening, of one frame."""
    shift = (subject * 7 + sequence * 3) % 9 - 4
    return 24 + shift, 15 + shift % 3, 9 + subject % 3, 1 + 4 * progress


def drawing(subject, sequence, frame, progress):
    """A schematic face, [37, 48] u8, drawn four times as large and averaged."""
    x, y, half, mouth = face(subject, sequence, progress)
    ramp = np.add.outer(np.arange(HEIGHT * 4) / 4, np.arange(WIDTH * 4) / 2) + 10 + frame * 2 + subject % 7 * 6
    image = Image.fromarray(np.clip(ramp, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)

    def ellipse(cx, cy, rx, ry, grey):
        draw.ellipse([4 * (cx - rx), 4 * (cy - ry), 4 * (cx + rx), 4 * (cy + ry)], fill=grey)

    ellipse(x, y + 3, half, half * 1.3, 190)
    for side in (-1, 1):
        ellipse(x + side * half * 0.45, y, 2, 1.2, 40)
        ellipse(x + side * half * 0.45, y - 3.5, 2.5, 0.6, 70)
    ellipse(x, y + 4, 1, 2, 150)
    ellipse(x, y + 9, 3.5, mouth / 2, 90)
    return np.asarray(image.reduce(4))


def landmarks(subject, sequence, progress):
    """The 68 points of that face: 0-16 jaw, 17-26 brows, 27-35 nose, 36-47 eyes, 48-67 mouth."""
    x, y, half, mouth = face(subject, sequence, progress)
    points = [(x - half * np.cos(np.pi * k / 16), y + half * 1.5 * np.sin(np.pi * k / 16)) for k in range(17)]
    points += [(x + half * (k - 4.5) / 6, y - 3.5 - (k % 5) / 4) for k in range(10)]
    points += [(x, y + k) for k in range(4)] + [(x + k - 2, y + 5) for k in range(5)]
    for side in (-1, 1):
        points += [(x + side * half * 0.45 + np.cos(k), y + np.sin(k) / 2) for k in range(6)]
    points += [(x + 3.5 * np.cos(k / 20 * 6.28), y + 9 + mouth / 2 * np.sin(k / 20 * 6.28)) for k in range(20)]
    assert len(points) == 68
    return points


def landmark_text(points):
    # Rounded to a tenth of a pixel, which packs well; read back from the text, so nothing hangs on it.
    return "".join(f"   {round(px, 1):.7e}   {round(py, 1):.7e}\n" for px, py in points)


def png(image, mode):
    """The grey picture stored as a PNG of some kind."""
    grey = Image.fromarray(image)
    if mode == "L":
        stored = grey
    elif mode == "I;16":
        # No exact multiple of 257, so that bringing 16 bits to 8 has something to round.
        stored = Image.fromarray((image.astype(np.uint16) * 257 - (image > 0) * np.uint16(60)).astype(np.uint16))
    elif mode == "LA":
        stored = Image.merge("LA", [grey, Image.new("L", grey.size, 255)])
    elif mode == "P":
        stored = grey.convert("P")
    else:
        bands = [np.clip(image.astype(int) + shift, 0, 255).astype(np.uint8) for shift in (25, -5, -30)]
        bands += [np.full_like(image, 255)] if mode == "RGBA" else []
        stored = Image.merge(mode, [Image.fromarray(band) for band in bands])
    out = io.BytesIO()
    stored.save(out, "PNG", optimize=True)
    return out.getvalue()


# ------------------------------------------------------------------------------------------- the copy on disk

FILES = {}
FOLDERS = []
MADE = []


def stem(subject, sequence, frame):
    return f"S{subject:03}_{sequence:03}_{frame:08}"


def within(part, subject, sequence):
    return f"{part}/S{subject:03}/{sequence:03}"


def sequence(subject, number, frames, emotion=None, facs=None, modes=None, peak=None, images=True, marks=True):
    """One recording. `frames` are its numbers; labels are named after `peak`, the last one."""
    peak = frames[-1] if peak is None else peak
    MADE.append((subject, number))
    for at, frame in enumerate(frames if images else []):
        progress = at / max(len(frames) - 1, 1)
        name = stem(subject, number, frame)
        mode = (modes or {}).get(at, "L")
        FILES[f"{within(IMAGES, subject, number)}/{name}.png"] = png(drawing(subject, number, frame, progress), mode)
        if marks and (at == 0 or at >= len(frames) - 3):
            text = landmark_text(landmarks(subject, number, progress))
            FILES[f"{within(LANDMARKS, subject, number)}/{name}_landmarks.txt"] = text.encode()
    for part, text, kind in [(EMOTION, emotion, "emotion"), (FACS, facs, "facs")]:
        if text is not None:
            FILES[f"{within(part, subject, number)}/{stem(subject, number, peak)}_{kind}.txt"] = text.encode()


def emotion(code):
    return f"   {code:.7e}\n"


def facs(*pairs):
    return "".join(f"   {au:.7e}   {intensity:.7e}\n" for au, intensity in pairs)


def mark_file(subject, number, frame):
    return f"{within(LANDMARKS, subject, number)}/{stem(subject, number, frame)}_landmarks.txt"


def build():
    one_to = lambda last: list(range(1, last + 1))
    # What Finder and an archive made on a Mac leave behind, at every level.
    for folder in ["", f"{IMAGES}/", f"{IMAGES}/S005/", f"{IMAGES}/S005/001/", f"{EMOTION}/S005/", f"{EMOTION}/S005/001/",
                   f"{FACS}/S005/001/", f"{LANDMARKS}/S005/001/"]:
        FILES[f"{folder}.DS_Store"] = b"\0\0\0\x01Bud1"
    FILES[f"{IMAGES}/S005/001/._S005_001_00000006.png"] = b"\0\x05\x16\x07"
    FILES[f"{EMOTION}/S005/001/._S005_001_00000006_emotion.txt"] = b"\0\x05\x16\x07"
    FILES[f"{FACS}/S005/001/._S005_001_00000006_facs.txt"] = b"\0\x05\x16\x07"
    FILES[f"{IMAGES}/S005/001/Thumbs.db"] = b"x"
    FILES["ReadMeFirst.txt"] = b"x"
    sequence(5, 1, one_to(6), emotion(3), facs((9, 0), (17, 3), (4, 2)))
    sequence(5, 2, one_to(5), None, facs((1, 3), (2, 3)))  # held out; its subject is in a fold
    FOLDERS.append(within(EMOTION, 5, 2))  # an empty label folder: unlabelled
    sequence(10, 1, one_to(5), emotion(1), facs((23, 4), (24, 5)), modes={at: "RGB" for at in range(5)})
    sequence(10, 3, one_to(4), "2.0000000e+00\r\n", facs((14, 0)))
    modes = {0: "I;16", 1: "LA", 2: "P", 3: "RGBA"}
    sequence(11, 1, one_to(4), "   5.0000000e+00", facs((6, 2), (12, 4), (25, 0)), modes=modes)
    sequence(11, 2, one_to(4))  # neither label folder is there
    sequence(14, 1, one_to(5), emotion(0), "")  # neutral; the coder saw nothing
    sequence(22, 1, one_to(3), None, facs((43, 0)))  # a subject with FACS codes alone
    sequence(22, 2, one_to(1), None, "")
    FOLDERS.append(within(EMOTION, 22, 1))
    sequence(26, 1, one_to(5), emotion(4), facs((1, 1), (2, 2), (4, 3)))
    path = f"{within(IMAGES, 26, 1)}/{stem(26, 1, 4)}.png"
    FILES[path] = FILES[path][: len(FILES[path]) // 2]  # cut off
    sequence(26, 2, one_to(4), emotion(6), facs((15, 2)))
    FILES[f"{within(IMAGES, 26, 2)}/{stem(26, 2, 1)}.png"] = b""
    sequence(28, 1, one_to(5), emotion(7), facs((27, 5)), peak=7)  # the peak frame is missing
    sequence(32, 1, one_to(3), emotion(1), facs((4, 1)))  # too short
    sequence(32, 2, one_to(4), emotion(7), facs((5, 2), (27, 4)))
    sequence(35, 1, one_to(5), emotion(2), facs((14, 3)))  # two labels
    FILES[f"{within(EMOTION, 35, 1)}/{stem(35, 1, 4)}_emotion.txt"] = emotion(3).encode()
    sequence(35, 2, one_to(2), None, facs((17, 1)))
    sequence(37, 1, one_to(4), "   3.0000000e+0x\n", facs((9, 3)))
    sequence(37, 2, one_to(4), emotion(3), "   9.0000000e+00   3.0000000e+00\n   1.7000000e+01\n")
    sequence(37, 3, one_to(4), emotion(6), facs((15, 1)))
    FILES[f"{within(FACS, 37, 3)}/{stem(37, 3, 3)}_facs.txt"] = facs((15, 2)).encode()
    sequence(42, 1, one_to(5), emotion(5), facs((12, 5)))
    del FILES[mark_file(42, 1, 5)]
    sequence(44, 1, one_to(5), emotion(6), facs((1, 2), (15, 3)))
    lines = FILES[mark_file(44, 1, 1)].decode().splitlines(keepends=True)
    FILES[mark_file(44, 1, 1)] = "".join(lines[:40]).encode()
    FILES[mark_file(44, 1, 4)] = ("   nan   1.0000000e+00\n" + "".join(lines[1:])).encode()
    FILES[mark_file(44, 1, 5)] = landmark_text([(px + 200, py) for px, py in landmarks(44, 1, 1)]).encode()
    sequence(45, 1, one_to(4), emotion(7), facs((1, 4), (2, 4), (26, 2)))
    for frame, shift in [(1, -16), (4, 15)]:  # faces that reach over the edge
        text = landmark_text([(px + shift, py - 6) for px, py in landmarks(45, 1, 0)])
        FILES[mark_file(45, 1, frame)] = text.encode()
    sequence(50, 1, one_to(4), emotion(1), facs((23, 3)))
    FILES[f"{within(IMAGES, 50, 1)}/S050_001_copy.png"] = png(drawing(50, 1, 9, 0), "L")
    sequence(52, 3, one_to(4), emotion(2), facs((14, 4)))
    sequence(55, 1, one_to(4), emotion(4), facs((1, 0), (20, 0)))
    sequence(99, 1, one_to(4), emotion(7), None)  # labelled, not coded: no FACS folder
    sequence(99, 2, one_to(4), emotion(8), facs((7, 1)))  # there is no eighth expression
    sequence(113, 1, one_to(4), emotion(6), facs((17, 2)), marks=False)  # no landmark folder
    sequence(113, 2, one_to(4), emotion(6), facs((17, 2)), images=False)
    sequence(130, 13, one_to(4), emotion(7), facs((25, 0), (27, 3)))
    sequence(999, 3, [14, 16, 17, 20, 22], emotion(1), facs((4, 2), (7, 3)))


def pack():
    """The copy as one archive, its entries in an order that is none, without a date."""
    FILES.update({f"{folder}/": b"" for folder in FOLDERS})
    names = sorted(FILES)
    with zipfile.ZipFile(OUT / "ck_plus.zip", "w") as archive:
        for at in RNG.permutation(len(names)):
            info = zipfile.ZipInfo(f"CK+/{names[at]}")
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o755 << 16 | 0x10 if names[at].endswith("/") else 0o644 << 16
            archive.writestr(info, FILES[names[at]])


# ------------------------------------------------------------------------------------------- what must be read


def number(word, low, high):
    value = float(word)
    if value != int(value) or not low <= value <= high:
        raise ValueError(word)
    return int(value)


def label_file(part, kind, subject, number_, parse, skipped):
    """None: unlabelled. "bad": listed in `skipped`. Else (frame, value)."""
    folder = within(part, subject, number_)
    found = [path for path in FILES if path.startswith(f"{folder}/") and path.endswith(".txt")]
    found = [path for path in found if not path.rsplit("/", 1)[1].startswith(".")]
    if not found:
        return None
    if len(found) > 1:
        skipped.append([folder, "one label file"])
        return "bad"
    frame = int(re.search(rf"_(\d{{8}})_{kind}\.txt$", found[0])[1])
    try:
        return frame, parse(FILES[found[0]].decode())
    except (ValueError, OverflowError):
        skipped.append([found[0], "expected"])
        return "bad"


def parse_emotion(text):
    (word,) = text.split()
    return number(word, 0, 7)


def parse_facs(text):
    scores = {}
    for line in filter(str.strip, text.splitlines()):
        au, intensity = line.split()
        au, intensity = number(au, 1, 99), number(intensity, 0, 5)
        scores[au] = max(intensity, scores.get(au, 0))
    return ";".join(f"{au}:{scores[au]}" for au in sorted(scores))


def scan(neutral):
    """The rules of CK+: first frame neutral, last three the label, the peak of recordings with FACS codes alone is held out. Without
    the class neutral three frames are enough."""
    rows, skipped, subjects = [], [], set()
    for subject, number_ in sorted(MADE):
        emotion_ = label_file(EMOTION, "emotion", subject, number_, parse_emotion, skipped)
        if emotion_ == "bad":
            continue
        if emotion_:
            subjects.add(subject)
        codes = label_file(FACS, "facs", subject, number_, parse_facs, skipped)
        codes = None if codes == "bad" else codes
        folder = within(IMAGES, subject, number_)
        images = sorted(p for p in FILES if p.startswith(f"{folder}/S") and p.endswith(".png"))
        strange = [p for p in images if not re.search(r"/S\d+_\d+_\d{8}\.png$", p)]
        skipped += [[p, "expected a name"] for p in strange]
        frames = [(int(p[-12:-4]), p) for p in images if p not in strange]
        if len(frames) < (3 + neutral if emotion_ else 1):
            skipped.append([folder, "frames"])
            continue
        peak = max((label[0] for label in (emotion_, codes) if label), default=0)
        if peak > frames[-1][0]:
            skipped.append([folder, f"frame {peak}"])
            continue
        aus = (codes[1] or "none") if codes else "NA"
        base = dict(subject=subject, sequence=f"S{subject:03}_{number_:03}")
        if emotion_:
            wanted = [(frames[0], 0, "NA")] * (len(frames) > 3) + [(f, emotion_[1], "NA") for f in frames[-3:]]
            wanted[-1] = (frames[-1], emotion_[1], aus)
            rows += [dict(base, frame=f, path=p, code=code, aus=a) for (f, p), code, a in wanted]
        elif codes:
            f, p = frames[-1]
            rows.append(dict(base, frame=f, path=p, code=None, aus=aus))
    return rows, skipped, sorted(subjects)


def grey(path):
    """[H, W] float64 of one image by Pillow, or None if it cannot be read."""
    try:
        image = Image.open(io.BytesIO(FILES[path]))
        image.load()
    except (OSError, SyntaxError):
        return None
    if image.mode in ("I;16", "I"):
        return np.round(np.asarray(image).astype(np.float64) / 257)
    image = image.convert("RGB") if image.mode in ("P", "RGBA") else image
    return np.asarray(image.getchannel(0) if image.mode == "LA" else image.convert("L")).astype(np.float64)


def half_up(value):
    return int(np.floor(value + 0.5))


def centre_square():
    side = min(WIDTH, HEIGHT)
    return (WIDTH - side) // 2, (HEIGHT - side) // 2, side


def landmark_square(path):
    """The square documented in crop/landmarks.rs, or what is wrong with the file."""
    place = path.replace(IMAGES, LANDMARKS).replace(".png", "_landmarks.txt")
    if place not in FILES:
        return "no landmark file"
    lines = FILES[place].decode().splitlines()
    if len(lines) != 68:
        return "68"
    points = np.array([[float(word) for word in line.split()] for line in lines])
    if not np.isfinite(points).all():
        return "line 1"
    left, right = points[:17, 0].min(), points[:17, 0].max()
    eyes, centre, side = points[36:48, 1].mean(), (left + right) / 2, 1.05 * (right - left)
    if not (0 <= centre < WIDTH and 0 <= eyes < HEIGHT):
        return "no upright face"
    lowered = points[48:, 1].max() + 0.05 * side - side
    top = max(eyes - 0.37 * side, min(lowered, points[17:27, 1].min() - 0.03 * side))
    whole = min(half_up(side), WIDTH, HEIGHT)
    x = min(max(half_up(centre - side / 2), 0), WIDTH - whole)
    return x, min(max(half_up(top), 0), HEIGHT - whole), whole


def area_mean(image, size):
    """skimage's area average, checked against differences of the integrated image."""
    out = transform.resize_local_mean(image, (size, size), preserve_range=True)
    total = np.pad(image.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    edges = np.linspace(0, len(image), size + 1)
    known = np.arange(len(image) + 1)
    rows = np.stack([np.interp(edges, known, column) for column in total.T], axis=1)
    both = np.stack([np.interp(edges, known, row) for row in rows])
    exact = np.diff(np.diff(both, axis=0), axis=1) * (size / len(image)) ** 2
    np.testing.assert_allclose(out, exact, atol=1e-6)
    return out


def balanced(rows, classes, subjects, folds):
    """Literally: the subjects with the most images first (then by number); each goes where the sum, over folds and
    classes, of (images in the fold / images of the class)² is smallest afterwards, in exact fractions; of equals to the
    fold with fewer subjects, then to the lower number."""
    images = {s: Counter(r["label_name"] for r in rows if r["subject"] == s and r["role"] == "labelled") for s in subjects}
    totals = {c: sum(count[c] for count in images.values()) for c in classes}
    dealt = {}
    for subject in sorted(subjects, key=lambda s: (-sum(images[s].values()), s)):

        def after(fold):
            sum_ = Fraction(0)
            for f in range(folds):
                members = [s for s in dealt if dealt[s] == f] + [subject] * (f == fold)
                for c in filter(totals.get, classes):
                    sum_ += Fraction(sum(images[s][c] for s in members), totals[c]) ** 2
            return sum_, sum(f == fold for f in dealt.values()), fold

        dealt[subject] = min(range(folds), key=after)
    return {str(s): dealt[s] for s in subjects}


def crowd():
    """Forty made-up subjects with a few of eight expressions each, in CK+'s shares, dealt to 5 and 10 folds."""
    shares = np.array([0, 45, 18, 59, 25, 69, 28, 83]) / 327
    rows = []
    for subject in range(40):
        for code in RNG.choice(8, RNG.integers(1, 6), p=shares):
            for label in (0, code, code, code):
                rows.append(dict(subject=subject * 3, role="labelled", label_name=NAMES[label], label=int(label)))
    subjects = sorted({row["subject"] for row in rows})
    dealt = {str(folds): balanced(rows, NAMES, subjects, folds) for folds in (5, 10)}
    return dict(images=[[row["subject"], row["label"]] for row in rows], balanced=dealt)


def labelled_rows(rows, classes, subjects):
    fold = {subject: at % 10 for at, subject in enumerate(subjects)}
    for row in rows:
        name = NAMES[row["code"]] if row["code"] is not None else ""
        if name and name not in classes:
            continue
        held = row["code"] is None
        yield dict(
            {key: row[key] for key in ("path", "subject", "sequence", "frame", "aus")},
            role="held_out" if held else "labelled",
            label=-1 if held else classes.index(name),
            label_name=name,
            fold=fold.get(row["subject"], -1),
        )


def crops(rows, mode):
    """Crop box and pixels by path, and the images that no crop can be made of."""
    faces, skipped = {}, []
    for row in rows:
        path = row["path"]
        image = grey(path)
        box = landmark_square(path) if mode == "landmarks" else centre_square()
        if image is None:
            skipped.append([path, "not a readable image"])
        elif isinstance(box, str):
            skipped.append([path, box])
        else:
            x, y, side = box
            pixels = area_mean(image[y : y + side, x : x + side], SIZES[mode])
            faces[path] = [x, y, side, np.floor(pixels + 0.5).astype(np.uint8).tobytes().hex()]
    return faces, skipped


def main():
    build()
    OUT.mkdir(parents=True, exist_ok=True)
    pack()
    scans = {name: scan("neutral" in classes) for name, classes in CLASSES.items()}
    subjects = scans["six"][2]
    every = {row["path"]: row for rows, _, _ in scans.values() for row in rows}
    expected = dict(subjects=subjects, sizes=SIZES, crops={}, sets={}, crowd=crowd())
    unusable = {}
    for mode in SIZES:
        expected["crops"][mode], unusable[mode] = crops(every.values(), mode)
    for name, classes in CLASSES.items():
        rows, scan_skipped, _ = scans[name]
        wanted = list(labelled_rows(rows, classes, subjects))
        paths = {row["path"] for row in wanted}
        expected["sets"][name] = dict(
            classes=classes,
            rows=wanted,
            images={mode: sum(row["path"] in expected["crops"][mode] for row in wanted) for mode in SIZES},
            skipped={mode: sorted(scan_skipped + [s for s in unusable[mode] if s[0] in paths]) for mode in SIZES},
            balanced={str(folds): balanced(wanted, classes, subjects, folds) for folds in (3, 10)},
        )
    text = json.dumps(expected, separators=(",", ":"), ensure_ascii=False)
    (OUT / "ck_plus.json").write_text(text.replace('{"path"', '\n{"path"') + "\n")


if __name__ == "__main__":
    main()
