"""Sets a training step of faus beside PyTorch's, by turns, and prints the table of docs/BENCHMARKS.md.

    just bench-peers train              # makes what is needed, then runs this

    cargo build --release -p faus-runner --bin faus
    cargo build --release -p faus-train --example peer_step
    python benches/peers/train_pair.py [--sides 48 96] [--rounds 5] [--csv FILE] [--prepared FOLDER …]
                                       [--device cuda [--precision float32|tf32|bf16] [--folds 3]]

All sides work on one batch of 64 images from the same weights, with the paper's network, dropout, loss and update, on
as many threads as there are cores. First it is checked that they compute the same: the losses of ten steps without
dropout, and the first step's logits and gradients. Then one round runs every side once; ratios are taken within a round.

    default        PyTorch, eager, contiguous
    channels-last  PyTorch, eager, channels-last
    compiled       PyTorch, torch.compile, channels-last
    graphs         (on a GPU) the same with CUDA graphs (mode="reduce-overhead")
    faus train     (with --prepared) the command as it is used: with augmentation, and the images of that set
    faus run       (with --data, on a GPU) --folds folds at once: the images of all over the time that they train

On a GPU faus is also checked against its own CPU, every side has the precision asked for (PyTorch by allow_tf32 or
autocast) and cuDNN's choice by trial, and PyTorch the fused update.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

STEPS = {"cpu": 4, "cuda": 400}
# So many times these steps has the shorter `faus run`: the longer one then trains for seconds more.
RUN_FACTOR = 4
BATCH = 64
CLASSES = 8
DROPOUT = 0.5
EXPERIMENT = "experiments/ck_plus/cnn_ad.json"
VARIANTS = {"cpu": ("default", "channels-last", "compiled"), "cuda": ("default", "channels-last", "compiled", "graphs")}
# What losses and logits may differ by, relative to the largest, and gradients, relative to their norm.
TOLERANCES = {"float32": (1e-4, 2e-2), "tf32": (2e-2, 1e-1), "bf16": (5e-2, 2e-1)}
NAMES = {"0": "conv1", "3": "conv2", "6": "conv3", "11": "fc4", "13": "output"}


def network(side, dropout):
    from torch import nn

    last = side // 4 // 2
    return nn.Sequential(
        nn.Conv2d(1, 64, 5, padding=2, bias=False), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 128, 5, padding=2, bias=False), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(128, 256, 5, padding=2, bias=False), nn.ReLU(), nn.MaxPool2d(last),
        nn.Flatten(), nn.Dropout(dropout), nn.Linear(1024, 300), nn.ReLU(), nn.Linear(300, CLASSES),
    )  # fmt: skip


def our_name(name):
    layer, parameter = name.split(".")
    return f"{NAMES[layer]}.{parameter}"


def write_input(side, path):
    """Random images and weights of the paper's initialisation with k = 1."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(side)
    model = network(side, 0.0)
    scales = {"conv1": 1 / 5, "conv2": 1600**-0.5, "conv3": 3200**-0.5, "fc4": 1 / 256, "output": 300**-0.5}
    tensors = {"images": torch.randn(BATCH, 1, side, side), "labels": (torch.arange(BATCH) % CLASSES).float()}
    for name, weight in model.named_parameters():
        name = our_name(name)
        if name.endswith("weight"):
            tensors[name] = torch.randn(weight.shape) * scales[name.split(".")[0]]
        else:
            tensors[name] = torch.full(weight.shape, 1.0 if name == "fc4.bias" else 0.0)
    save_file(tensors, path)


class Torch:
    """One of PyTorch's variants; runs in a process of its own."""

    def __init__(self, path, variant, dropout, device, precision):
        import torch
        from safetensors.torch import load_file

        torch.set_num_threads(len(os.sched_getaffinity(0)))
        torch.manual_seed(1)
        if device == "cuda":
            torch.backends.cudnn.benchmark = True
            torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision != "float32"
        tensors = load_file(path, device)
        self.images, self.labels = tensors["images"], tensors["labels"].long()
        self.network = network(self.images.shape[-1], dropout).to(device)
        with torch.no_grad():
            for name, weight in self.network.named_parameters():
                weight.copy_(tensors[our_name(name)])
        if variant != "default":
            self.network = self.network.to(memory_format=torch.channels_last)
            self.images = self.images.to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.SGD(
            self.network.parameters(), 0.01, momentum=0.9, weight_decay=1e-5, fused=device == "cuda"
        )
        compiled = {"compiled": None, "graphs": "reduce-overhead"}
        self.forward = torch.compile(self.network, mode=compiled[variant]) if variant in compiled else self.network
        self.loss = torch.nn.functional.cross_entropy
        self.autocast = torch.autocast(device, torch.bfloat16, enabled=precision == "bf16")
        self.wait = torch.cuda.synchronize if device == "cuda" else lambda: None

    def logits(self):
        with self.autocast:
            return self.forward(self.images)

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        # Not by way of `logits`: left twice, an autocast object that was entered twice leaves autocast on.
        with self.autocast:
            loss = self.loss(self.forward(self.images), self.labels)
        loss.backward()
        self.optimizer.step()
        return loss.detach()


def child(path, variant, output, device, precision):
    """Ten steps whose losses and first gradients are written; then steps and their speed, as peer_step does."""
    import time

    import torch
    from safetensors.torch import save_file

    training = Torch(path, variant, 0.0, device, precision)
    found = {"logits": training.logits().detach().float().cpu().clone()}
    losses = [float(training.step())]
    for name, weight in training.network.named_parameters():
        found[our_name(name)] = weight.grad.cpu().clone().contiguous()
    losses += [float(training.step()) for _ in range(9)]
    found["losses"] = torch.tensor(losses)
    save_file(found, output)
    training = Torch(path, variant, DROPOUT, device, precision)
    for _ in range(1 if device == "cpu" else 20):
        training.step()
    training.wait()
    print("ready", flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            training.step()
        training.wait()
        print(BATCH * int(line) / (time.perf_counter() - start), flush=True)


class Side:
    def __init__(self, command):
        self.command = [str(word) for word in command]
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            sys.exit(f"{' '.join(self.command)} did not start")

    def measure(self, steps):
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def end(self):
        """Peak memory in MB."""
        self.process.stdin.close()
        _, _, usage = os.wait4(self.process.pid, 0)
        return usage.ru_maxrss / 1000


def check_equal(what, ours, theirs, precision):
    """That both compute the same, or the program ends; in lower precision it warns. Gradients are compared by their
    norm: where two candidates of a maximum lie within rounding of each other, either may win, and one gradient rightly
    goes another way."""
    from safetensors.numpy import load_file

    ours, theirs = load_file(ours), load_file(theirs)
    curve = np.max(np.abs(ours["losses"] / theirs["losses"] - 1))
    logits = np.max(np.abs(ours["logits"] - theirs["logits"])) / np.max(np.abs(theirs["logits"]))
    gradients = [n for n in theirs if n not in ("losses", "logits")]
    apart = {n: np.linalg.norm(ours[n] - theirs[n]) / np.linalg.norm(theirs[n]) for n in gradients}
    worst = max(apart, key=apart.get)
    print(
        f"{what}: the losses of ten steps differ by {curve:.1e} at most, logits by {logits:.1e}, "
        f"gradients by {apart[worst]:.1e} ({worst})"
    )
    values, norms = TOLERANCES[precision]
    if not (curve < values and logits < values and apart[worst] < norms):
        if precision == "float32":
            sys.exit("the two sides do not compute the same; there is nothing to compare")
        print(f"WARNING: in {precision} the sides differ by more than is expected ({values:g}, gradients {norms:g})")


def settings(options, steps, validate_every):
    """The flags and settings that `faus train` and `faus run` share."""
    sets = [f"train.steps={steps}", f"train.validate_every={validate_every}", f"train.checkpoint_every={steps}"]
    sets.append(f"train.precision={options.precision}")
    return ["--preset", "paper", "--device", options.device] + [word for one in sets for word in ("--set", one)]


def last_rate(fold):
    """Images a second between the last two validations."""
    rows = list(csv.DictReader((fold / "metrics.csv").open()))
    return float(rows[-1]["images_per_second"])


def finished(command):
    """Runs a command to its end and gives its peak memory in MB."""
    command = [str(word) for word in command]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed")
    return usage.ru_maxrss / 1000


def train(options, prepared, scratch):
    """Images a second of `faus train`, and its peak memory. The first of two rows is for warming up."""
    steps = STEPS[options.device]
    with tempfile.TemporaryDirectory(dir=scratch) as out:
        command = [options.faus, "train", EXPERIMENT, "--prepared", prepared, "--fold", "0", "--out", out + "/fold"]
        memory = finished(command + settings(options, 2 * steps, steps))
        return last_rate(Path(out, "fold")), memory


def run(options, side, scratch):
    """Images a second of the folds that `faus run` trains at once, and its peak memory.

    Two runs that differ in their number of steps alone, one validation and one checkpoint each: what one trains more,
    over what it takes longer. Beginning, warming up and ending cancel out.
    """
    few, many = (RUN_FACTOR * n * STEPS[options.device] for n in (1, 3))
    (short, _), (long, memory) = (timed_run(options, side, steps, scratch) for steps in (few, many))
    return options.folds * BATCH * (many - few) / (long - short), memory


def timed_run(options, side, steps, scratch):
    """Seconds from the first fold's beginning to the last one's end, and peak memory, of one `faus run`."""
    with tempfile.TemporaryDirectory(dir=scratch) as out:
        command = [options.faus, "run", EXPERIMENT, "--data", options.data, "--out", out + "/run"]
        command += ["--folds", f"0-{options.folds - 1}", "--parallel-folds", options.folds]
        memory = finished(command + settings(options, steps, steps) + ["--set", f"data.image_size={side}"])
        results = list(Path(out, "run", "folds").glob("*/fold.json"))
        # A fold writes its result when it ends, and how long it took into it.
        ends = [(one.stat().st_mtime, json.loads(one.read_text())["seconds"]) for one in results]
        return max(end for end, _ in ends) - min(end - seconds for end, seconds in ends), memory


def spread(values, digits):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def compare(side, prepared, options, scratch):
    """One table; gives the rows of the raw results."""
    given = scratch / "input.safetensors"
    write_input(side, given)
    device, variants = options.device, VARIANTS[options.device]
    results = {name: scratch / f"{name}.safetensors" for name in ("faus", "faus on the CPU", *variants)}
    step = [options.peer_step, given]
    sides = {"faus": Side([*step, results["faus"], DROPOUT, device, options.precision])}
    if device == "cuda":
        Side([*step, results["faus on the CPU"], DROPOUT]).end()
        check_equal(f"{side}×{side}, GPU and CPU", results["faus"], results["faus on the CPU"], options.precision)
    for name in variants:
        sides[name] = Side([sys.executable, __file__, "--child", given, name, results[name], device, options.precision])
        check_equal(f"{side}×{side}, {name}", results["faus"], results[name], options.precision)
    commands = {}
    if prepared:
        commands["faus train"] = lambda: train(options, prepared, scratch)
    if device == "cuda" and options.data:
        commands[f"faus run, {options.folds} folds"] = lambda: run(options, side, scratch)
    rates, memory = {name: [] for name in (*sides, *commands)}, {}
    for _ in range(options.rounds):
        for name, one in sides.items():
            rates[name].append(one.measure(STEPS[device]))
        for name, measure in commands.items():
            rate, memory[name] = measure()
            rates[name].append(rate)
    memory |= {name: one.end() for name, one in sides.items()}
    # What the system counts is the computer's memory, not the GPU's.
    peak = "Host MB" if device == "cuda" else "Peak MB"
    print(f"\n| {side}×{side}, batch {BATCH} | Images/s | faus over it | {peak} |\n|---|---|---|---|")
    for name, values in rates.items():
        ratio = "" if name == "faus" else spread([a / b for a, b in zip(rates["faus"], values)], 2)
        print(f"| {name} | {spread(values, 1)} | {ratio} | {memory[name]:.0f} |", flush=True)
    print()
    return [
        {"side": side, "name": name, "round": turn, "images_per_second": rate, "peak_mb": memory[name]}
        for name, values in rates.items()
        for turn, rate in enumerate(values)
    ]


def main():
    if sys.argv[1:2] == ["--child"]:
        return child(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", type=int, nargs="+", default=[48, 96])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=list(TOLERANCES), default="float32", help="on a GPU")
    parser.add_argument("--folds", type=int, default=3, help="folds at once on a GPU")
    parser.add_argument("--data", type=Path, help="the data set for those folds, in the layout of CK+")
    parser.add_argument("--prepared", type=Path, nargs="*", default=[], help="prepared sets of these sides")
    parser.add_argument("--faus", default="target/release/faus")
    parser.add_argument("--peer-step", default="target/release/examples/peer_step")
    parser.add_argument("--csv", type=Path, help="where the raw results go")
    options = parser.parse_args()
    prepared = {np.load(folder / "images.npy", mmap_mode="r").shape[-1]: folder for folder in options.prepared}
    rows = []
    for side in options.sides:
        with tempfile.TemporaryDirectory() as scratch:
            rows += compare(side, prepared.get(side), options, Path(scratch))
    if options.csv:
        options.csv.parent.mkdir(parents=True, exist_ok=True)
        with options.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
