"""Sets crates/data beside Python's libraries, by turns, and prints the table of docs/BENCHMARKS.md.

    cargo build --release -p faus-runner --bin faus && cargo build --release -p faus-data --example peer_data
    target/release/faus synth --out data/synthetic-ck               # unless it is there
    python benches/peers/pair.py --data data/synthetic-ck           # [--target target] [--rounds 7] [--json FILE]

Each round measures ours, theirs, ours, theirs …, so that what else the machine does meets both; a ratio is taken
within its round, and the table shows the median over the rounds with the least and the most. One thread or process
per core to prepare, one thread in all for the rest. Also measured: memory and time of `faus data prepare` on a table
of 100,000 images of 48×48.
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

import cv2
import numpy as np

PAIRS = [
    ("prepare-landmarks", ["skimage", "area"]),
    ("prepare-detector", ["skimage", "area"]),
    ("prepare-faces", ["skimage", "linear"]),
    ("augment", ["albumentations-uint8", "albumentations-float", "torchvision"]),
    ("normalise", ["cv2"]),
]


def ours(program, inputs, work):
    answer = subprocess.run([program, work, inputs[work]], check=True, capture_output=True, text=True)
    return json.loads(answer.stdout)


def small(prepared):
    """The set's images at 48×48, with their rows of samples.csv."""
    rows = csv.DictReader((prepared / "samples.csv").open())
    for row, image in zip(rows, np.load(prepared / "images.npy")):
        yield row, cv2.resize(image[0], (48, 48), interpolation=cv2.INTER_AREA)


def write_faces(prepared, folder):
    """The labelled images as 48×48 PNG files in class folders."""
    for row, image in small(prepared):
        if row["role"] == "labelled":
            name = f"S{int(row['subject']):03}_{1 + int(row['index']) % 999:03}_{int(row['frame']):08}.png"
            (folder / row["label_name"]).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / row["label_name"] / name), image)


def write_table(prepared, rows, path):
    """A table of 48×48 images in the form of FER2013."""
    images = [image for _, image in small(prepared)][:64]
    texts = [" ".join(map(str, image.ravel())) for image in images]
    with path.open("w") as table:
        table.write("emotion,pixels,Usage\n")
        for row in range(rows):
            table.write(f"{row % 7},{texts[row % len(texts)]},Training\n")


class Theirs:
    def __init__(self, *folders):
        script = Path(__file__).with_name("data_peers.py")
        self.process = subprocess.Popen(
            [sys.executable, script, *folders], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def measure(self, work, variant):
        self.process.stdin.write(f"{work} {variant}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"data_peers.py ended during {work} {variant}")
        return json.loads(line)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def rate(measured):
    return measured["images"] / measured["seconds"]


def spread(values, digits=0):
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def table_memory(faus, prepared, rows, scratch):
    """Seconds and peak resident memory of one `faus data prepare` on a table."""
    table = scratch / "table.csv"
    write_table(prepared, rows, table)
    command = [faus, "data", "prepare", "--source", "csv", "--input", table, "--out", scratch / "table"]
    start = time.perf_counter()
    child = subprocess.Popen([*command, "--size", "48"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        sys.exit(f"{faus} data prepare failed on {rows} rows")
    return {"rows": rows, "seconds": seconds, "peak_mb": usage.ru_maxrss / 1000, "table_mb": table.stat().st_size / 1e6}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="data/synthetic-ck")
    parser.add_argument("--target", default="target")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", help="one work, such as augment")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--json", type=Path, help="where the raw results go")
    options = parser.parse_args()
    program, faus = f"{options.target}/release/examples/peer_data", f"{options.target}/release/faus"
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        prepared, faces = scratch / "prepared", scratch / "faces"
        prepare = [faus, "data", "prepare", "--source", "ck_plus", "--input", options.data, "--out", prepared]
        subprocess.run(prepare, check=True, stdout=subprocess.DEVNULL)
        write_faces(prepared, faces)
        inputs = {"prepare-landmarks": options.data, "prepare-detector": options.data, "prepare-faces": faces}
        inputs |= {"augment": prepared, "normalise": prepared}
        theirs = Theirs(options.data, prepared, faces, scratch)
        print("| Work | Threads | Ours, images/s | Peer | Peer, images/s | Ratio |\n|---|---|---|---|---|---|")
        for work, variants in PAIRS:
            if options.only not in (None, work):
                continue
            rounds = {variant: [] for variant in variants}
            for variant in variants:
                theirs.measure(work, variant)
            for _ in range(options.rounds):
                for variant in variants:
                    rounds[variant].append((ours(program, inputs, work), theirs.measure(work, variant)))
            for variant, pairs in rounds.items():
                results[f"{work} {variant}"] = pairs
                mine, peer = [rate(a) for a, _ in pairs], [rate(b) for _, b in pairs]
                ratio = spread([a / b for a, b in zip(mine, peer)], 1)
                threads = len(os.sched_getaffinity(0)) if work.startswith("prepare") else 1
                print(f"| {work} | {threads} | {spread(mine)} | {variant} | {spread(peer)} | {ratio} |", flush=True)
        theirs.end()
        if options.only is None:
            found = table_memory(faus, prepared, options.rows, scratch)
            results["table"] = found
            print(f"\nA table of {found['rows']:,} rows ({found['table_mb']:.0f} MB): ", end="")
            print(f"{found['rows'] / found['seconds']:,.0f} rows/s, peak memory {found['peak_mb']:.0f} MB")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
