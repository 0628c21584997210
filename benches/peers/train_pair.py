"""Sets a training step of faus beside PyTorch's, by turns, and prints the table of docs/BENCHMARKS.md.

    just bench-peers train              # makes what is needed, then runs this

    cargo build --release -p faus-runner --bin faus
    cargo build --release -p faus-train --example peer_step
    python benches/peers/train_pair.py [--sides 48 96] [--rounds 5] [--csv FILE] [--prepared FOLDER …]

All sides work on one batch of 64 images from the same weights, with the paper's network, dropout, loss and update, on
as many threads as there are cores. First it is checked that they compute the same: the losses of ten steps without
dropout, and the first step's gradients. Then one round runs every side once; ratios are taken within a round.

    default        PyTorch, eager, contiguous
    channels-last  PyTorch, eager, channels-last
    compiled       PyTorch, torch.compile, channels-last
    faus train     (with --prepared) the command as it is used: with augmentation, and the images of that set
"""

import argparse
import csv
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

STEPS = 4
BATCH = 64
CLASSES = 8
DROPOUT = 0.5
VARIANTS = ("default", "channels-last", "compiled")
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
    """Random images and weights of the paper's initialisation with k = 1 (DESIGN 2)."""
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

    def __init__(self, path, variant, dropout):
        import torch
        from safetensors.torch import load_file

        torch.set_num_threads(len(os.sched_getaffinity(0)))
        torch.manual_seed(1)
        tensors = load_file(path)
        self.images, self.labels = tensors["images"], tensors["labels"].long()
        self.network = network(self.images.shape[-1], dropout)
        with torch.no_grad():
            for name, weight in self.network.named_parameters():
                weight.copy_(tensors[our_name(name)])
        if variant != "default":
            self.network = self.network.to(memory_format=torch.channels_last)
            self.images = self.images.to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.SGD(self.network.parameters(), 0.01, momentum=0.9, weight_decay=1e-5)
        self.forward = torch.compile(self.network) if variant == "compiled" else self.network
        self.loss = torch.nn.functional.cross_entropy

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(self.forward(self.images), self.labels)
        loss.backward()
        self.optimizer.step()
        return loss.detach()


def child(path, variant, output):
    """Ten steps whose losses and first gradients are written; then steps and their speed, as peer_step does."""
    import time

    from safetensors.torch import save_file

    training = Torch(path, variant, 0.0)
    losses = [float(training.step())]
    found = {our_name(n): w.grad.clone().contiguous() for n, w in training.network.named_parameters()}
    losses += [float(training.step()) for _ in range(9)]
    import torch

    found["losses"] = torch.tensor(losses)
    save_file(found, output)
    training = Torch(path, variant, DROPOUT)
    training.step()
    print("ready", flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            training.step()
        print(BATCH * int(line) / (time.perf_counter() - start), flush=True)


class Side:
    def __init__(self, command):
        self.command = [str(word) for word in command]
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            sys.exit(f"{' '.join(self.command)} did not start")

    def measure(self):
        self.process.stdin.write(f"{STEPS}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def end(self):
        """Peak memory in MB."""
        self.process.stdin.close()
        _, _, usage = os.wait4(self.process.pid, 0)
        return usage.ru_maxrss / 1000


def check_equal(side, ours, theirs):
    """That both compute the same, or the program ends. Gradients are compared by their norm: where two candidates of a
    maximum lie within rounding of each other, either may win, and one gradient rightly goes another way."""
    from safetensors.numpy import load_file

    ours, theirs = load_file(ours), load_file(theirs)
    curve = np.max(np.abs(ours["losses"] / theirs["losses"] - 1))
    apart = {n: np.linalg.norm(ours[n] - g) / np.linalg.norm(g) for n, g in theirs.items() if n != "losses"}
    worst = max(apart, key=apart.get)
    print(
        f"{side}×{side}: the losses of ten steps differ by {curve:.1e} at most, gradients by {apart[worst]:.1e} ({worst})"
    )
    if not (curve < 1e-4 and apart[worst] < 2e-2):
        sys.exit("the two sides do not compute the same; there is nothing to compare")


def as_used(faus, prepared, scratch):
    """Images a second of `faus train` between two validations, and its peak memory."""
    with tempfile.TemporaryDirectory(dir=scratch) as out:
        # The first of the rows is for warming up.
        sets = [f"train.steps={2 * STEPS}", f"train.validate_every={STEPS}", f"train.checkpoint_every={2 * STEPS}"]
        command = [faus, "train", "experiments/ck_plus/cnn_ad.json", "--prepared", prepared, "--fold", "0"]
        command += ["--out", out + "/fold", "--preset", "paper", "--device", "cpu", "--set", *sets]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit(f"{' '.join(map(str, command))} failed")
        rows = list(csv.DictReader(open(out + "/fold/metrics.csv")))
        return float(rows[-1]["images_per_second"]), usage.ru_maxrss / 1000


def spread(values, digits):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def compare(side, prepared, options, scratch):
    """One table; gives the rows of the raw results."""
    given = scratch / "input.safetensors"
    write_input(side, given)
    results = {name: scratch / f"{name}.safetensors" for name in ("faus", *VARIANTS)}
    sides = {"faus": Side([options.peer_step, given, results["faus"], DROPOUT])}
    for name in VARIANTS:
        sides[name] = Side([sys.executable, __file__, "--child", given, name, results[name]])
        check_equal(f"{side}", results["faus"], results[name])
    rates = {name: [] for name in [*sides, *(["faus train"] if prepared else [])]}
    memory = {}
    for _ in range(options.rounds):
        for name, one in sides.items():
            rates[name].append(one.measure())
        if prepared:
            rate, memory["faus train"] = as_used(options.faus, prepared, scratch)
            rates["faus train"].append(rate)
    memory |= {name: one.end() for name, one in sides.items()}
    print(f"\n| {side}×{side}, batch {BATCH} | Images/s | faus over it | Peak MB |\n|---|---|---|---|")
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
