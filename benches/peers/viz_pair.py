"""Sets the search for a layer's patches beside captum's, by turns, and prints the table of docs/BENCHMARKS.md.

    just bench-peers viz                # makes what is needed, then runs this

    cargo build --release -p faus-viz --example peer_patches
    python benches/peers/viz_pair.py --prepared FOLDER [--checkpoint C.safetensors] [--rounds 3] [--csv FILE]

The work: for each of the 256 filters of conv3 the 10 images, of different people, that excite it most, and the guided
back-propagation of each one's maximal unit; all labelled images of the prepared set (1308 of 96×96 for CK+). Both sides begin
with normalised images in memory and run on as many threads as there are cores. Weights are those of the checkpoint (its
convolutions do for any image side), else the paper's random ones.

captum's side is a loop that an able user would write: one pass without gradients for the largest responses, then
`GuidedBackprop.attribute` on batches of whole images with a unit for each; only the network up to conv3; weights frozen, so
that no gradient of theirs is computed. Memory layout and batch size are the best of six, tried first on 64 units.

First the results are compared: the same units (but for ties within rounding), maps within 1e-4 of each one's largest value.
"""

import argparse
import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

TOP = 10
FILTERS = 256
LAYERS = {"conv1": (64, 1), "conv2": (128, 64), "conv3": (256, 128)}


def normalised(pixels):
    """[0, 2], less the mean over 5×5 with zeros outside."""
    from scipy.ndimage import uniform_filter

    x = pixels.astype(np.float32) / 255 * 2
    return np.stack([image - uniform_filter(image, 5, mode="constant") for image in x])


def write_input(prepared, checkpoint, path, limit):
    import torch
    from safetensors.torch import load_file, save_file

    labels = np.load(prepared / "labels.npy")
    rows = np.flatnonzero(labels >= 0)[:limit]
    images = normalised(np.load(prepared / "images.npy", mmap_mode="r")[rows, 0])
    tensors = {
        "images": torch.tensor(images)[:, None],
        "subjects": torch.tensor(np.load(prepared / "subjects.npy")[rows]).float(),
    }
    torch.manual_seed(1)
    weights = load_file(checkpoint) if checkpoint else {}
    for layer, (outputs, inputs) in LAYERS.items():
        drawn = torch.randn(outputs, inputs, 5, 5) / (25 * inputs) ** 0.5
        tensors[f"{layer}.weight"] = weights.get(f"{layer}.weight", drawn).contiguous()
    save_file(tensors, path)
    return images.shape


def to_conv3(tensors):
    from torch import nn

    network = nn.Sequential(
        nn.Conv2d(1, 64, 5, padding=2, bias=False), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 128, 5, padding=2, bias=False), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(128, 256, 5, padding=2, bias=False),
    )  # fmt: skip
    for place, layer in zip((0, 3, 6), LAYERS):
        network[place].weight.data = tensors[f"{layer}.weight"].clone()
        network[place].weight.requires_grad_(False)
    return network.eval()


class Captum:
    """Runs in a process of its own."""

    def __init__(self, path):
        import torch
        from captum.attr import GuidedBackprop
        from safetensors.torch import load_file

        warnings.filterwarnings("ignore")
        torch.set_num_threads(len(os.sched_getaffinity(0)))
        self.torch = torch
        tensors = load_file(path)
        self.images, self.subjects = tensors["images"], tensors["subjects"].numpy()
        self.plain = to_conv3(tensors)
        self.guided = GuidedBackprop(self.plain)
        self.layout, self.batch = torch.contiguous_format, 32
        units = [(i, (i, 5, 5)) for i in range(64)]
        tried = {}
        for layout in (torch.contiguous_format, torch.channels_last):
            for batch in (8, 32, 64):
                self.set(layout, batch)
                self.maps(units[:batch])
                start = time.perf_counter()
                self.maps(units)
                tried[time.perf_counter() - start] = layout, batch
        self.set(*tried[min(tried)])
        print("configuration", str(self.layout).removeprefix("torch."), "batches of", self.batch, file=sys.stderr)

    def set(self, layout, batch):
        self.layout, self.batch = layout, batch
        self.plain.to(memory_format=layout)

    def maps(self, units):
        """Of (image, (filter, row, column))."""
        found = []
        for start in range(0, len(units), self.batch):
            part = units[start : start + self.batch]
            images = self.images[[i for i, _ in part]].to(memory_format=self.layout).requires_grad_(True)
            found.append(self.guided.attribute(images, target=[unit for _, unit in part]).detach())
        return self.torch.cat(found)[:, 0]

    def run(self):
        torch = self.torch
        values, places = [], []
        with torch.no_grad():
            for images in self.images.split(self.batch):
                best = self.plain(images.to(memory_format=self.layout)).flatten(2).max(2)
                values.append(best.values)
                places.append(best.indices)
        values, places = torch.cat(values).numpy(), torch.cat(places).numpy()
        side = self.images.shape[-1] // 4
        units = np.full((FILTERS * TOP, 3), -1.0, np.float32)
        listed, at = [], []
        for f in range(FILTERS):
            seen = set()
            for i in np.argsort(-values[:, f], kind="stable"):
                if values[i, f] <= 0 or len(seen) == TOP:
                    break
                if self.subjects[i] in seen:
                    continue
                row, column = divmod(int(places[i, f]), side)
                units[f * TOP + len(seen)] = i, row, column
                at.append(f * TOP + len(seen))
                seen.add(self.subjects[i])
                listed.append((int(i), (f, row, column)))
        maps = torch.zeros(FILTERS * TOP, *self.images.shape[2:])
        maps[at] = self.maps(listed)
        return units, maps


def child(path, output):
    from safetensors.torch import save_file

    captum = Captum(path)
    found = None
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        found = captum.run()
        print(time.perf_counter() - start, flush=True)
    save_file({"units": captum.torch.tensor(found[0]), "maps": found[1]}, output)


class Side:
    def __init__(self, command):
        self.process = subprocess.Popen([str(w) for w in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            sys.exit(f"{' '.join(map(str, command))} did not start")

    def measure(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def end(self):
        """Peak memory in MB, of everything but what is written at the end."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        peak = int(status.split("VmHWM:")[1].split()[0]) / 1000
        self.process.stdin.close()
        self.process.wait()
        return peak


def check_equal(ours, theirs):
    from safetensors.numpy import load_file

    ours, theirs = load_file(ours), load_file(theirs)
    same = (ours["units"] == theirs["units"]).all(1)
    largest = np.abs(theirs["maps"]).max((1, 2))
    apart = np.abs(ours["maps"] - theirs["maps"]).max((1, 2)) / np.maximum(largest, 1e-30)
    compared = same & (largest > 0)
    within = float((apart[compared] <= 1e-4).mean())
    print(
        f"{same.mean():.2%} of {len(same)} units are the same; of {compared.sum()} maps {within:.2%} lie within 1e-4 of the "
        f"largest value, the median at {np.median(apart[compared]):.1e}, the worst at {apart[compared].max():.1e}"
    )
    # The rest: near ties, between images, between the candidates of a pooling, or of a value with zero at a ReLU.
    if same.mean() < 0.99 or within < 0.98:
        sys.exit("the two sides do not compute the same; there is nothing to compare")


def spread(values, digits=1):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def main():
    if sys.argv[1:2] == ["--child"]:
        return child(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prepared", type=Path, required=True, help="a prepared data set, of 96×96 for the table")
    parser.add_argument("--checkpoint", type=Path, help="whose convolutions are looked into")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=int, help="images, for a quick look")
    parser.add_argument("--peer-patches", default="target/release/examples/peer_patches")
    parser.add_argument("--csv", type=Path, help="where the raw results go")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        shape = write_input(options.prepared, options.checkpoint, scratch / "input.safetensors", options.limit)
        outputs = {name: scratch / f"{name}.safetensors" for name in ("faus", "captum")}
        sides = {
            "faus": Side([options.peer_patches, scratch / "input.safetensors", outputs["faus"], TOP]),
            "captum": Side([sys.executable, __file__, "--child", scratch / "input.safetensors", outputs["captum"]]),
        }
        seconds = {name: [] for name in sides}
        for _ in range(options.rounds):
            for name, side in sides.items():
                seconds[name].append(side.measure())
                print(f"{name}: {seconds[name][-1]:.1f} s", file=sys.stderr, flush=True)
        memory = {name: side.end() for name, side in sides.items()}
        check_equal(outputs["faus"], outputs["captum"])
    print(f"\n| top {TOP} of {FILTERS} filters, {shape[0]} images of {shape[1]}×{shape[2]} | Seconds | Peak MB |\n|---|---|---|")
    for name, values in seconds.items():
        print(f"| {name} | {spread(values)} | {memory[name]:.0f} |")
    print(f"\ncaptum takes {spread([b / a for a, b in zip(seconds['faus'], seconds['captum'])])} times as long")
    if options.csv:
        options.csv.parent.mkdir(parents=True, exist_ok=True)
        with options.csv.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["images", "side", "name", "round", "seconds", "peak_mb"])
            for name, values in seconds.items():
                writer.writerows([shape[0], shape[1], name, n, s, memory[name]] for n, s in enumerate(values))


if __name__ == "__main__":
    main()
