"""`faus predict` beside a Python pipeline over the same pictures, by turns: whole processes, all cores each.

    python benches/peers/predict_pair.py --faus target/release/faus --run runs/ck_plus-cnn_ad-quick --data data/synthetic-ck

The peer: one process for each core, each with one thread; cv2.imread, OpenCV's Haar cascade for faces of at least a tenth of the
shorter side (scale 1.1 or 1.2, 5 neighbours), the crop resized by cv2.INTER_AREA, the paper's normalisation, and the run's own
network in onnxruntime, all faces of a picture at once. It computes classes alone; `faus predict` also every filter's largest
activation. OpenCV's YuNet, which is faster, comes without its model and is not measured.
"""

import argparse
import csv
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import cv2
import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from safetensors.numpy import load_file


def as_onnx(checkpoint, side):
    """The run's network as an ONNX file's bytes."""
    weights = load_file(checkpoint)
    nodes, x = [], "images"
    for n, tile in (1, 2), (2, 2), (3, side // 8):
        nodes += [
            helper.make_node("Conv", [x, f"conv{n}.weight"], [f"c{n}"], kernel_shape=[5, 5], pads=[2, 2, 2, 2]),
            helper.make_node("MaxPool", [f"c{n}"], [f"p{n}"], kernel_shape=[tile, tile], strides=[tile, tile]),
            helper.make_node("Relu", [f"p{n}"], [f"r{n}"]),
        ]
        x = f"r{n}"
    nodes += [
        helper.make_node("Flatten", [x], ["flat"]),
        helper.make_node("Gemm", ["flat", "fc4.weight", "fc4.bias"], ["f4"], transB=1),
        helper.make_node("Relu", ["f4"], ["r4"]),
        helper.make_node("Gemm", ["r4", "output.weight", "output.bias"], ["logits"], transB=1),
    ]
    classes = weights["output.bias"].shape[0]
    graph = helper.make_graph(
        nodes,
        "run",
        [helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, ["n", 1, side, side])],
        [helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["n", classes])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def set_up(model, side, scale):
    global SESSION, CASCADE, SIDE, SCALE
    cv2.setNumThreads(1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    SESSION = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    CASCADE = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    SIDE, SCALE = side, scale


def of_picture(path):
    """The class of every face."""
    image = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
    if image is None:
        return path, []
    least = min(image.shape) // 10
    crops = []
    for x, y, w, h in CASCADE.detectMultiScale(image, SCALE, 5, minSize=(least, least)):
        crop = cv2.resize(image[y : y + h, x : x + w], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        grey = crop.astype(np.float32) * (2 / 255)
        crops.append(grey - cv2.boxFilter(grey, -1, (5, 5), borderType=cv2.BORDER_CONSTANT))
    if not crops:
        return path, []
    logits = SESSION.run(None, {"images": np.stack(crops)[:, None]})[0]
    return path, logits.argmax(1).tolist()


def theirs(files, model, side, scale):
    began = time.perf_counter()
    with multiprocessing.Pool(os.cpu_count(), set_up, (model, side, scale)) as pool:
        found = dict(pool.imap(of_picture, files, chunksize=16))
    return time.perf_counter() - began, found


def ours(faus, run, folder, out):
    began = time.perf_counter()
    command = [faus, "predict", folder, "--run", run, "--out", out, "--device", "cpu"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def main():
    parse = argparse.ArgumentParser()
    parse.add_argument("--faus", required=True)
    parse.add_argument("--run", required=True, type=Path)
    parse.add_argument("--data", required=True, type=Path)
    parse.add_argument("--pictures", type=int, default=1000)
    parse.add_argument("--rounds", type=int, default=5)
    args = parse.parse_args()

    with (args.run / "dataset/samples.csv").open() as table:
        rows = list(csv.DictReader(table))
    best = next((args.run / "viz").glob("*/filters.json"))
    fold = json.loads(best.read_text())["fold"]
    side = np.load(args.run / "dataset/images.npy", mmap_mode="r").shape[2]
    model = as_onnx(args.run / f"folds/{fold}/best.safetensors", side)
    with tempfile.TemporaryDirectory() as scratch:
        folder, out = Path(scratch) / "pictures", Path(scratch) / "out"
        folder.mkdir()
        for n, row in enumerate(rows[: args.pictures]):
            shutil.copy(args.data / row["path"], folder / f"{n:05}.png")
        files = sorted(map(str, folder.iterdir()))
        for scale in 1.1, 1.2:
            ratios = []
            for _ in range(args.rounds):
                mine = ours(args.faus, args.run, folder, out)
                seconds, found = theirs(files, model, side, scale)
                ratios.append(seconds / mine)
                print(f"scale {scale}: faus {len(files) / mine:.0f}, Python {len(files) / seconds:.0f} pictures/s", file=sys.stderr)
            with (out / "faces.csv").open() as table:
                faces = list(csv.DictReader(table))
            classes = [name[2:] for name in faces[0] if name.startswith("p_")]
            first = {face["path"]: face["predicted"] for face in faces if face["face"] == "1"}
            both = [path for path in first if len(found.get(path, [])) == 1]
            same = sum(classes[found[path][0]] == first[path] for path in both)
            faces_of_theirs = sum(len(all_of_one) for all_of_one in found.values())
            print(
                f"Haar scale {scale}: ratio {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f}); "
                f"pictures with a face {len(first)} and {sum(bool(f) for f in found.values())}, faces {len(faces)} and "
                f"{faces_of_theirs}; same class for {same} of {len(both)} with one face"
            )


if __name__ == "__main__":
    main()
