"""The work of crates/data in Python, each step by the fastest of what its libraries offer; pair.py calls this.

Reads lines `WORK VARIANT` and answers each with one line of JSON: images and wall-clock seconds of one pass over the
data set. What is measured beside what is written in docs/BENCHMARKS.md.

prepare-landmarks, prepare-detector (one process for each core, every process one thread):
    grey decoding by cv2, the crop from the landmark file (the geometry of crates/data/src/face/landmarks.rs) or from
    OpenCV's Haar cascade (face side 0.5 to 0.8 of the shorter side, then a lenient try; on the image at half its size,
    which keeps every hit on the synthetic faces and is a tenth faster; at a third and less it is slower), resized to
    96×96:
      skimage  skimage.transform.resize(anti_aliasing=True)
      area     cv2.resize(INTER_AREA)
prepare-faces: 48×48 PNGs, resized to 96×96, by `skimage` or `linear` (cv2.INTER_LINEAR).
    The results are gathered into one array and saved by numpy. Unlike ours, no source digest is computed, no table is
    written and nothing is synced to disk, all of which is to Python's advantage.

augment (one process, one thread): the paper's augmentation, then the 5×5 subtractive normalisation.
      albumentations-uint8  HorizontalFlip, Affine, RandomGamma and RandomBrightnessContrast on bytes, where gamma and
                            brightness are table look-ups (values are cut at 0 and 255, which the paper's is not)
      albumentations-float  the same on float32, without the cuts
      torchvision           torchvision.transforms.v2, image by image
    Batched, v2's transforms draw one parameter for the whole batch, which the paper's does not, so batches are left out.
"""

import csv
import json
import multiprocessing
import os
import sys
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

import cv2
import numpy as np

SIDE = 96
CHUNK = 16


# The first 17 points are the jaw, 17-26 the brows, 36-47 the eyes, 48-67 the mouth.
def landmark_square(path, width, height):
    points = np.array(Path(path).read_text().split(), dtype=np.float64).reshape(68, 2)
    left, right = points[:17, 0].min(), points[:17, 0].max()
    eyes, mouth = points[36:48, 1].mean(), points[48:, 1].max()
    side = 1.05 * (right - left)
    lowered = mouth + 0.05 * side - side
    top = max(eyes - 0.37 * side, min(lowered, points[17:27, 1].min() - 0.03 * side))
    return fit_square((left + right) / 2 - side / 2, top, side, width, height)


def fit_square(left, top, side, width, height):
    side = min(max(round(side), 1), width, height)
    return min(max(round(left), 0), width - side), min(max(round(top), 0), height - side), side


CASCADE = None


def detected_square(image):
    global CASCADE
    if CASCADE is None:
        CASCADE = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    small = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    shorter = min(small.shape)
    for smallest, largest, neighbours in ((0.5, 0.8, 3), (0.3, 1.0, 1)):
        sizes = [(int(share * shorter),) * 2 for share in (smallest, largest)]
        boxes = CASCADE.detectMultiScale(small, 1.1, neighbours, 0, *sizes)
        if len(boxes):
            x, y, side, _ = boxes[0]
            return 2 * x, 2 * y, 2 * side
    return None


def resized(face, variant):
    if variant == "area":
        return cv2.resize(face, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    if variant == "linear":
        return cv2.resize(face, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    from skimage.transform import resize

    shrinks = face.shape[0] > SIDE
    return (resize(face, (SIDE, SIDE), anti_aliasing=shrinks) * 255 + 0.5).astype(np.uint8)


def prepare_one(job):
    work, variant, image_path, landmark_path = job
    image = cv2.imread(image_path, cv2.IMREAD_GRAYSCALE)
    if work == "prepare-faces":
        return resized(image, variant)
    if work == "prepare-landmarks":
        square = landmark_square(landmark_path, image.shape[1], image.shape[0])
    else:
        square = detected_square(image)
        if square is None:
            return None
    x, y, side = square
    return resized(image[y : y + side, x : x + side], variant)


def begin_worker():
    cv2.setNumThreads(1)
    # Loaded before the clock runs.
    import skimage.transform  # noqa: F401


def prepare(pool, work, variant, files, output):
    jobs = [(work, variant, *paths) for paths in files]
    start = time.perf_counter()
    faces = [face for face in pool.imap(prepare_one, jobs, chunksize=CHUNK) if face is not None]
    np.save(output / "images.npy", np.stack(faces)[:, None])
    return len(jobs), len(jobs) - len(faces), time.perf_counter() - start


def box_mean(image):
    return cv2.boxFilter(image, -1, (5, 5), normalize=True, borderType=cv2.BORDER_CONSTANT)


def min_max_normalised(values):
    values = cv2.normalize(values, None, 0.0, 2.0, cv2.NORM_MINMAX, cv2.CV_32F)
    return values - box_mean(values)


def albumentations(on_bytes):
    import albumentations as A

    change = A.Compose(
        [
            A.HorizontalFlip(p=0.5),
            A.Affine(
                scale=(0.7, 1.4),
                rotate=(-5, 5),
                translate_percent={"x": (-0.2, 0.2), "y": (-0.2, 0.2)},
                interpolation=cv2.INTER_LINEAR,
                border_mode=cv2.BORDER_CONSTANT,
                fill=0,
                p=1,
            ),
            A.RandomGamma(gamma_limit=(25, 400), p=1),
            # Brightness of the whole range 2: ±0.1 is ±5%.
            A.RandomBrightnessContrast(
                brightness_limit=(-0.05, 0.05), contrast_limit=(-0.3, 0.4), brightness_by_max=True, p=1
            ),
        ],
        seed=1,
    )

    def one(image):
        if not on_bytes:
            image = image.astype(np.float32) * np.float32(1 / 255)
        return min_max_normalised(change(image=image)["image"])

    return one


def torchvision():
    import torch
    from torchvision.transforms import InterpolationMode, v2

    torch.set_num_threads(1)
    torch.manual_seed(1)
    change = v2.Compose(
        [
            v2.ToDtype(torch.float32, scale=True),
            v2.RandomHorizontalFlip(0.5),
            v2.RandomAffine(
                5, translate=(0.2, 0.2), scale=(0.7, 1.4), interpolation=InterpolationMode.BILINEAR, fill=0
            ),
        ]
    )

    def one(image):
        values = change(torch.from_numpy(image)[None])
        # v2 has no random gamma, and its colour jitter cuts at 0 and 1: the same by three tensor operations.
        a, b, c = torch.rand(3).tolist()
        values = values.mul_(2).pow_(0.25 + 3.75 * a).mul_(0.7 + 0.7 * b).add_(0.2 * c - 0.1)
        low, high = values.aminmax()
        values = values.sub_(low).mul_(2 / (high - low).clamp_min(1e-12))
        return values - torch.nn.functional.avg_pool2d(values, 5, 1, 2)

    def guarded(image):
        with torch.inference_mode():
            return one(image)

    return guarded


def normalise(image):
    values = cv2.multiply(image, 2 / 255, dtype=cv2.CV_32F)
    return values - box_mean(values)


def one_by_one(one, images):
    for image in images[:64]:
        one(image)
    start = time.perf_counter()
    for image in images:
        one(image)
    return len(images), 0, time.perf_counter() - start


def listed(data, prepared):
    rows = csv.DictReader((prepared / "samples.csv").open())
    for row in rows:
        path = row["path"]
        marks = path.replace("cohn-kanade-images", "Landmarks").replace(".png", "_landmarks.txt")
        yield str(data / path), str(data / marks)


def main():
    data, prepared, faces, output = map(Path, sys.argv[1:5])
    cores = len(os.sched_getaffinity(0))
    pool = multiprocessing.Pool(cores, begin_worker)
    cv2.setNumThreads(1)
    files = list(listed(data, prepared))
    small = [(str(path), "") for path in sorted(faces.rglob("*.png"))]
    images = [np.ascontiguousarray(image[0]) for image in np.load(prepared / "images.npy")]
    makers = {
        "albumentations-uint8": lambda: albumentations(True),
        "albumentations-float": lambda: albumentations(False),
        "torchvision": torchvision,
        "cv2": lambda: normalise,
    }
    ready = {}
    for line in sys.stdin:
        work, variant = line.split()
        if work.startswith("prepare"):
            chosen = small if work == "prepare-faces" else files
            answer = prepare(pool, work, variant, chosen, output)
        else:
            one = ready.setdefault(variant, None) or makers[variant]()
            ready[variant] = one
            answer = one_by_one(one, images)
        count, skipped, seconds = answer
        print(json.dumps({"images": count, "skipped": skipped, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
