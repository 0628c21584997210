"""Checks what `faus export` writes against other programs: nothing is stored, it prints a table of docs/export.md.

    python tests/golden/model_export.py target/release/faus RUN

Of the run's best fold, both formats: onnx.checker accepts the file, and onnxruntime and torch.jit.load give the logits of
predictions.csv, which faus wrote in training, at batch 1 and 64. Of the small ONNX networks of model_onnx.py, exported again:
onnxruntime gives the logits that it gives of the original on scaled images, and a third export has the bytes of the second.
Tolerance: 1e-5 of the largest logit, for float32 sums in another order.
"""

import csv
import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnx
import onnxruntime
import torch

ROOT = pathlib.Path(__file__).parents[2]
BATCHES = 1, 64
TOLERANCE = 1e-5


def onnx_logits(path):
    onnx.checker.check_model(onnx.load(str(path)), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda pixels: session.run(None, {session.get_inputs()[0].name: pixels})[0]


def script_logits(path):
    extra = {"faus.json": ""}
    module = torch.jit.load(str(path), _extra_files=extra)
    assert json.loads(extra["faus.json"])["input"]["classes"], "no class names"
    return lambda pixels: module(torch.from_numpy(pixels)).numpy()


def compare(name, logits, images, expected):
    for batch in BATCHES:
        parts = [logits(images[at : at + batch]) for at in range(0, len(images), batch)]
        apart = np.abs(np.concatenate(parts) - expected).max() / max(1, np.abs(expected).max())
        print(f"| {name} | {batch} | {len(images)} | {apart:.0e} |", flush=True)
        assert apart <= TOLERANCE, apart


def of_run(faus, run, folder):
    subprocess.run([faus, "export", run, "--out", folder / "run.onnx"], check=True, capture_output=True)
    info = json.loads({it.key: it.value for it in onnx.load(str(folder / "run.onnx")).metadata_props}["faus"])
    fold = info["fold"]
    subprocess.run([faus, "export", run, "--fold", str(fold), "--out", folder / "run.pt"], check=True, capture_output=True)
    rows = list(csv.DictReader(open(pathlib.Path(run) / f"folds/{fold}/predictions.csv")))
    expected = np.array([[float(row[f"logit_{name}"]) for name in info["input"]["classes"]] for row in rows])
    images = np.load(pathlib.Path(run) / "dataset/images.npy")[[int(row["index"]) for row in rows]].astype(np.float32)
    compare("run, ONNX by onnxruntime", onnx_logits(folder / "run.onnx"), images, expected)
    compare("run, TorchScript by torch.jit", script_logits(folder / "run.pt"), images, expected)


def again(faus, name, folder):
    golden = ROOT / "crates/viz/tests/golden/onnx"
    given = json.loads((golden / f"{name}.json").read_text())["input"]
    (folder / "input.json").write_text(json.dumps(given))
    subprocess.run([faus, "export", "--network", golden / f"{name}.onnx", "--input", folder / "input.json", "--out", folder / "2.onnx"], check=True, capture_output=True)
    subprocess.run([faus, "export", "--network", folder / "2.onnx", "--out", folder / "3.onnx"], check=True, capture_output=True)
    assert (folder / "2.onnx").read_bytes() == (folder / "3.onnx").read_bytes(), name
    random = np.random.default_rng(1)
    pixels = random.integers(0, 256, (128, given["channels"], given["size"], given["size"])).astype(np.float32)
    mean, std = (np.array(given[key], np.float32).reshape(1, -1, 1, 1) for key in ("mean", "std"))
    original = onnx.load(str(golden / f"{name}.onnx"))
    last = original.graph.node[-1]
    if last.op_type == "Softmax":  # logits come before it
        original.graph.output[0].name = last.input[0]
        original.graph.node.remove(last)
    session = onnxruntime.InferenceSession(original.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = session.run(None, {session.get_inputs()[0].name: (pixels * np.float32(given["scale"]) - mean) / std})[0]
    compare(f"{name}, exported again", onnx_logits(folder / "2.onnx"), pixels, expected)


def main():
    warnings.filterwarnings("ignore")
    faus, run = sys.argv[1:]
    print("| Network | Batch | Images | Largest difference |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        of_run(faus, run, pathlib.Path(folder))
        for name in ("plain", "residual", "mobile"):
            again(faus, name, pathlib.Path(folder))


main()
