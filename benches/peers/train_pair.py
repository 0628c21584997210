"""Sets a training step of faus beside PyTorch's, by turns, and prints the table of docs/BENCHMARKS.md.

    cargo build --release -p faus-runner --bin faus
    target/release/faus data prepare --source ck_plus --input data/synthetic-ck --output /tmp/ck-96 --size 96
    python benches/peers/train_pair.py --prepared /tmp/ck-96            # [--faus BINARY] [--rounds 5] [--json FILE]

Ours: `faus train` with the paper's recipe and the variant cnn_ad, as it is used: augmentation, dropout, update; the
images a second of `metrics.csv`, which leaves validation out. Theirs: the same network, dropout, loss and update on a
batch that lies ready in memory, so that augmentation, which ours does beside the step, costs theirs nothing. One round
runs every side once; ratios are taken within a round. That both compute the same gradients is what
`cargo test -p faus-model --test gradients` checks.

    default        eager, contiguous
    channels-last  eager, channels-last
    compiled       torch.compile, channels-last
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

STEPS = 4
BATCH = 64


def child(side, variant):
    import torch
    from torch import nn

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(1)
    last = side // 4 // 2
    network = nn.Sequential(
        nn.Conv2d(1, 64, 5, padding=2, bias=False), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 128, 5, padding=2, bias=False), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(128, 256, 5, padding=2, bias=False), nn.ReLU(), nn.MaxPool2d(last),
        nn.Flatten(), nn.Dropout(0.5), nn.Linear(1024, 300), nn.ReLU(), nn.Linear(300, 8),
    )  # fmt: skip
    images, labels = torch.randn(BATCH, 1, side, side), torch.arange(BATCH) % 8
    if variant != "default":
        network = network.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9, weight_decay=1e-5)
    forward = torch.compile(network) if variant == "compiled" else network

    def step():
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(forward(images), labels).backward()
        optimizer.step()

    step()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        for _ in range(STEPS):
            step()
        print(BATCH * STEPS / (time.perf_counter() - start), flush=True)


class Theirs:
    def __init__(self, side, variant):
        command = [sys.executable, __file__, "--child", str(side), variant]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            sys.exit(f"PyTorch, {variant}, did not start")

    def measure(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def end(self):
        """Peak memory in MB."""
        self.process.stdin.close()
        _, _, usage = os.wait4(self.process.pid, 0)
        return usage.ru_maxrss / 1000


def ours(faus, prepared, scratch):
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


def main():
    if sys.argv[1:2] == ["--child"]:
        return child(int(sys.argv[2]), sys.argv[3])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prepared", type=Path, required=True)
    parser.add_argument("--faus", default="target/release/faus")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="where the raw results go")
    options = parser.parse_args()
    side = np.load(options.prepared / "images.npy", mmap_mode="r").shape[-1]
    variants = {name: Theirs(side, name) for name in ("default", "channels-last", "compiled")}
    rates, memory = {name: [] for name in ["faus", *variants]}, {"faus": 0}
    with tempfile.TemporaryDirectory() as scratch:
        for _ in range(options.rounds):
            rate, peak = ours(options.faus, options.prepared, scratch)
            rates["faus"].append(rate)
            memory["faus"] = max(memory["faus"], peak)
            for name, theirs in variants.items():
                rates[name].append(theirs.measure())
    memory |= {name: theirs.end() for name, theirs in variants.items()}
    print(f"| {side}×{side}, batch {BATCH} | Images/s | faus over it | Peak MB |\n|---|---|---|---|")
    for name, values in rates.items():
        ratio = "" if name == "faus" else spread([a / b for a, b in zip(rates["faus"], values)], 2)
        print(f"| {name} | {spread(values, 1)} | {ratio} | {memory[name]:.0f} |")
    if options.json:
        options.json.write_text(json.dumps({"side": int(side), "rates": rates, "peak_mb": memory}, indent=1) + "\n")


if __name__ == "__main__":
    main()
