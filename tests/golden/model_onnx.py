"""Golden numbers of ONNX networks: logits and F(x) by onnxruntime and PyTorch, gradient, guided back-propagation and deconvnet by captum.

Without arguments it writes crates/viz/tests/golden/onnx/NAME.onnx (three small networks with random weights) and NAME.json.
With arguments it compares networks of torchvision with random weights at 64x64, which it exports into a temporary folder, with
our numbers, and prints the table of docs/your-network.md:

    cargo build --release -p faus-viz --example onnx_numbers
    python tests/golden/model_onnx.py target/release/examples/onnx_numbers [NAME ...]

Tolerances: 1e-5 for logits and F(x),
relative to the largest; 1e-4 of a map's largest value, for float32 sums in another order.
"""

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
import torchvision
from captum.attr import NeuronDeconvolution, NeuronGradient, NeuronGuidedBackprop
from safetensors.torch import load_file, save_file
from torch import nn

ROOT = pathlib.Path(__file__).parents[2]
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
# The module whose units are explained, of the networks of torchvision.
BIG = {
    "resnet18": "layer3.1",
    "vgg11": "features.14",
    "mobilenet_v3_small": "features.4",
    "densenet121": "features.denseblock3.denselayer4.relu2",
    "efficientnet_b0": "features.4.1.block.1.2",
}


class Plain(nn.Module):
    """Stride, dilation, groups, batch normalisation, poolings that pad and round up."""

    def __init__(self):
        super().__init__()
        self.conv1, self.norm1, self.relu1 = nn.Conv2d(1, 8, 5, stride=2, padding=2), nn.BatchNorm2d(8), nn.ReLU()
        self.pool1 = nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True)
        self.conv2, self.relu2 = nn.Conv2d(8, 12, 3, padding=2, dilation=2, groups=4), nn.ReLU()
        self.pool2, self.fc1, self.relu3, self.fc2 = nn.AvgPool2d(2), nn.Linear(12 * 5 * 5, 20), nn.ReLU(), nn.Linear(20, 5)

    def forward(self, x):
        x = self.pool1(self.relu1(self.norm1(self.conv1(x))))
        x = self.pool2(self.relu2(self.conv2(x)))
        return self.fc2(self.relu3(self.fc1(torch.flatten(x, 1))))


class Residual(nn.Module):
    """A residual sum, a concatenation, other responses, colour, a global mean."""

    def __init__(self):
        super().__init__()
        self.stem, self.relu1 = nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU()
        self.conv1, self.relu2, self.conv2, self.relu3 = nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()
        self.branch1, self.leaky = nn.Conv2d(8, 6, 1), nn.LeakyReLU(0.1)
        self.branch2, self.prelu = nn.Conv2d(8, 6, 3, padding=1), nn.PReLU(6)
        self.conv3, self.elu, self.fc = nn.Conv2d(12, 10, 3, stride=2), nn.ELU(), nn.Linear(10, 5)

    def forward(self, x):
        x = self.relu1(self.stem(x))
        x = self.relu3(x + self.conv2(self.relu2(self.conv1(x))))
        x = torch.cat([self.leaky(self.branch1(x)), self.prelu(self.branch2(x))], 1)
        return self.fc(self.elu(self.conv3(x)).mean((2, 3)))


class Mobile(nn.Module):
    """Depthwise convolutions, hard-swish, SiLU, squeeze-and-excitation, a softmax at the end."""

    def __init__(self):
        super().__init__()
        self.stem, self.hard = nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.Hardswish()
        self.depth, self.relu = nn.Conv2d(8, 8, 5, padding=2, groups=8), nn.ReLU()
        self.squeeze, self.relu_se, self.excite, self.gate = nn.Conv2d(8, 4, 1), nn.ReLU(), nn.Conv2d(4, 8, 1), nn.Hardsigmoid()
        self.point, self.silu, self.pool, self.fc = nn.Conv2d(8, 12, 1), nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Linear(12, 5)

    def logits(self, x):
        x = self.relu(self.depth(self.hard(self.stem(x))))
        x = x * self.gate(self.excite(self.relu_se(self.squeeze(x.mean((2, 3), keepdim=True)))))
        return self.fc(torch.flatten(self.pool(self.silu(self.point(x))), 1))

    def forward(self, x):
        return torch.softmax(self.logits(x), 1)


# Network, channels, the module whose units are explained.
SMALL = {"plain": (Plain, 1, "relu2"), "residual": (Residual, 3, "elu"), "mobile": (Mobile, 3, "silu")}


class Grey(nn.Module):
    """A network on grey images in [0, 2], scaled as INPUT.json says."""

    def __init__(self, network, given):
        super().__init__()
        self.network, self.scale = network, 127.5 * given["scale"]
        self.mean, self.std = (torch.tensor(given[key]).view(1, -1, 1, 1) for key in ("mean", "std"))

    def forward(self, grey):
        scaled = (grey * self.scale - self.mean) / self.std
        return getattr(self.network, "logits", self.network)(scaled)


def shaken(network):
    """Batch normalisations with statistics of their own, in evaluation; ReLUs that leave their input, as captum wants."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.7, 1.3)
        if hasattr(module, "inplace"):
            module.inplace = False
    return network.eval()


def input_of(side, channels):
    mean, std = (MEAN, STD) if channels == 3 else ([0.4], [0.25])
    return {"size": side, "channels": channels, "scale": 1 / 255, "mean": mean, "std": std, "crop": "none"}


def faces(count, side):
    """Smooth grey images in [0, 2]."""
    coarse = torch.rand(count, 1, 6, 6)
    smooth = nn.functional.interpolate(coarse, (side, side), mode="bicubic").clamp(0, 1)
    return (smooth * 255).round() * 2 / 255


def export(network, path, channels, side, dynamo, open_size=False):
    image = torch.zeros(1, channels, side, side)
    axes = {0: "n", 2: "height", 3: "width"} if open_size else {0: "n"}
    shapes = {"dynamic_shapes": {"x": {0: torch.export.Dim("n", min=1, max=512)}}} if dynamo else {"dynamic_axes": {"image": axes}}
    torch.onnx.export(network, (image,), str(path), input_names=["image"], dynamo=dynamo, opset_version=18 if dynamo else 17, verbose=False, **shapes)


def maxima(path, scaled, names):
    """F(x) of the nodes `names` by onnxruntime, and their outputs."""
    model = onnx.load(str(path))
    outputs = {node.name: node.output[0] for node in model.graph.node}
    wanted = [outputs[name] for name in names]
    del model.graph.output[:]
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in wanted)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(wanted, {session.get_inputs()[0].name: scaled.numpy()})
    return [value.reshape(*value.shape[:2], -1).max(2) for value in found], found


def explained(grey, module, images, count):
    """The units of a module, where they respond most, and their maps by captum."""
    layer = grey.network.get_submodule(module)
    kept = {}
    handle = layer.register_forward_hook(lambda _, __, output: kept.update(output=output.detach()))
    with torch.no_grad():
        grey(images)
    handle.remove()
    output = kept["output"]
    n, filters, rows, columns = output.shape
    units = []
    for at in range(count):
        image, filter = at % n, (at * 7) % filters
        place = int(output[image, filter].argmax())
        units.append([image, filter, place // columns, place % columns])
    ways = {"gradient": NeuronGradient, "guided": NeuronGuidedBackprop, "deconvnet": NeuronDeconvolution}
    maps = {}
    for name, way in ways.items():
        method = way(grey, layer)
        each = [method.attribute(images[u[0] : u[0] + 1].clone().requires_grad_(), tuple(u[1:]))[0, 0] for u in units]
        maps[name] = torch.stack([each_map.detach() for each_map in each])
    return output, units, maps


def scaled_input(grey, images):
    return (images * grey.scale - grey.mean) / grey.std


def compare(binary, name, dynamo, side=64, images=4, units=20):
    torch.manual_seed(1)
    network = getattr(torchvision.models, name)(weights=None, num_classes=7)
    if name == "vgg11":
        # At 64 pixels its adaptive pooling enlarges 2x2 maps to 7x7, which PyTorch's first exporter refuses.
        network.avgpool, network.classifier[0] = nn.Identity(), nn.Linear(512 * 2 * 2, 4096)
    network = shaken(network)
    given, folder = input_of(side, 3), pathlib.Path(tempfile.mkdtemp())
    grey, batch = Grey(network, given), faces(images, side)
    model = folder / "model.onnx"
    export(network, model, 3, side, dynamo)
    (folder / "input.json").write_text(json.dumps(given))
    output, chosen, maps = explained(grey, BIG[name], batch, units)
    save_file({"images": batch, "units": torch.tensor(chosen).float()}, folder / "request.safetensors")

    def numbers(*layer):
        paths = [folder / it for it in ("model.onnx", "input.json", "request.safetensors", "answer.safetensors")]
        names = subprocess.run([binary, *paths, *layer], check=True, capture_output=True, text=True).stdout.split("\n")[:-1]
        return names, load_file(folder / "answer.safetensors")

    names, found = numbers()
    with torch.no_grad():
        logits = grey(batch)
        expected, outputs = maxima(model, scaled_input(grey, batch), names)
    same = [at for at, value in enumerate(outputs) if value.shape == tuple(output.shape) and np.allclose(value, output, atol=1e-4)]
    _, found = numbers(names[same[-1]])
    apart = lambda a, b: float((a - b).abs().max())
    worst = max(apart(found[f"maxima {at}"], torch.from_numpy(value)) / max(1.0, float(np.abs(value).max())) for at, value in enumerate(expected))
    cell = [f"{apart(found['logits'], logits):.0e}", f"{worst:.0e}"]
    for way, expected_maps in maps.items():
        largest = expected_maps.abs().amax((1, 2), keepdim=True).clamp_min(1e-12)
        cell.append(f"{float(((found[way] - expected_maps).abs() / largest).max()):.0e}")
    exporter = "dynamo" if dynamo else "script"
    print(f"| {name} | {exporter} | {len(names)} | {' | '.join(cell)} |", flush=True)


def write(name, side=36, images=2):
    kind, channels, module = SMALL[name]
    torch.manual_seed(sum(map(ord, name)))
    network, given = shaken(kind()), input_of(side, channels)
    folder = ROOT / "crates/viz/tests/golden/onnx"
    folder.mkdir(parents=True, exist_ok=True)
    export(network, folder / f"{name}.onnx", channels, side, False, open_size=name == "residual")
    grey, batch = Grey(network, given), faces(images, side)
    output, units, maps = explained(grey, module, batch, 6)
    model = onnx.load(str(folder / f"{name}.onnx"))
    nodes = [node.name for node in model.graph.node if node.op_type in ("Conv", "Relu", "LeakyRelu", "PRelu", "Elu", "HardSwish", "Gemm")]
    with torch.no_grad():
        logits = grey(batch)
        found, outputs = maxima(folder / f"{name}.onnx", scaled_input(grey, batch), [node.name for node in model.graph.node if node.op_type != "Constant" and not node.op_type == "Softmax"])
    everything = dict(zip([node.name for node in model.graph.node if node.op_type != "Constant" and not node.op_type == "Softmax"], zip(found, outputs)))
    layer = [it for it, (_, value) in everything.items() if value.shape == tuple(output.shape) and np.allclose(value, output, atol=1e-5)][-1]
    digits = lambda values: [float(f"{value:.8g}") for value in np.asarray(values, dtype=np.float64).ravel()]
    text = {
        "input": given,
        "images": (batch * 127.5).round().int().flatten(1).tolist(),
        "logits": digits(logits),
        "maxima": {it: digits(everything[it][0]) for it in nodes},
        "layer": layer,
        "units": units,
        "maps": {way: [digits(it)[::7] for it in all_maps] for way, all_maps in maps.items()},
        "largest": {way: digits(all_maps.abs().amax((1, 2))) for way, all_maps in maps.items()},
    }
    (folder / f"{name}.json").write_text(json.dumps(text) + "\n")


def main():
    warnings.filterwarnings("ignore")
    if len(sys.argv) == 1:
        for name in SMALL:
            write(name)
        return
    print("| network | exporter | layers | logits | F(x) | gradient | guided | deconvnet |\n|---|---|---|---|---|---|---|---|")
    for name in sys.argv[2:] or BIG:
        for dynamo in (False, True):
            compare(sys.argv[1], name, dynamo)


main()
