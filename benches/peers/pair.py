"""Sets crates/data beside Python's libraries, by turns, and prints the table of docs/BENCHMARKS.md.

    cargo build --release -p faus-data --example throughput -p faus-synth --example generate
    target/release/examples/generate data/synthetic-ck              # unless it is there
    python benches/peers/pair.py --data data/synthetic-ck           # [--target target] [--rounds 7] [--json FILE]

Each round measures ours, theirs, ours, theirs …, so that what else the machine does meets both; a ratio is taken
within its round, and the table shows the median over the rounds with the least and the most. One thread or process
per core to prepare, one thread in all for the rest. Also measured: memory and time of `faus data prepare` on a table
of 100,000 images of 48×48 (--faus BINARY).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PAIRS = [
    ("prepare-landmarks", ["skimage", "area"]),
    ("prepare-detector", ["skimage", "area"]),
    ("prepare-faces", ["skimage", "linear"]),
    ("augment", ["albumentations-uint8", "albumentations-float", "torchvision"]),
    ("normalise", ["cv2"]),
]


def ours(program, data, work):
    answer = subprocess.run(
        [program, "--data", data, "--repeats", "1", work], check=True, capture_output=True, text=True
    )
    line = json.loads(answer.stdout)
    return {"images": line["images"], "skipped": line["skipped"], "seconds": line["seconds"][0]}


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


def table_memory(faus, program, data, rows, scratch):
    """Seconds and peak resident memory of one `faus data prepare` on a table."""
    table = scratch / "table.csv"
    subprocess.run([program, "--data", data, "--table", str(rows), table], check=True)
    command = [faus, "data", "prepare", "--source", "csv", "--input", table, "--output", scratch / "table"]
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
    parser.add_argument("--faus", help="the faus binary, for the memory of a table")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--json", type=Path, help="where the raw results go")
    options = parser.parse_args()
    program = f"{options.target}/release/examples/throughput"
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        inputs = [scratch / "prepared", scratch / "faces"]
        subprocess.run([program, "--data", options.data, "--keep", *inputs], check=True)
        theirs = Theirs(options.data, *inputs, scratch)
        print("| Work | Threads | Ours, images/s | Peer | Peer, images/s | Ratio |\n|---|---|---|---|---|---|")
        for work, variants in PAIRS:
            if options.only not in (None, work):
                continue
            rounds = {variant: [] for variant in variants}
            for variant in variants:
                theirs.measure(work, variant)
            for _ in range(options.rounds):
                for variant in variants:
                    rounds[variant].append((ours(program, options.data, work), theirs.measure(work, variant)))
            for variant, pairs in rounds.items():
                results[f"{work} {variant}"] = pairs
                mine, peer = [rate(a) for a, _ in pairs], [rate(b) for _, b in pairs]
                ratio = spread([a / b for a, b in zip(mine, peer)], 1)
                threads = len(os.sched_getaffinity(0)) if work.startswith("prepare") else 1
                print(f"| {work} | {threads} | {spread(mine)} | {variant} | {spread(peer)} | {ratio} |", flush=True)
        theirs.end()
        if options.faus:
            found = table_memory(options.faus, program, options.data, options.rows, scratch)
            results["table"] = found
            print(f"\nA table of {found['rows']:,} rows ({found['table_mb']:.0f} MB): ", end="")
            print(f"{found['rows'] / found['seconds']:,.0f} rows/s, peak memory {found['peak_mb']:.0f} MB")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
