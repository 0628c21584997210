"""Golden numbers for back-projection through trained weights: captum's Saliency, Deconvolution, GuidedBackprop and Occlusion of
units of a small network that was trained here, and InputXGradient, GuidedBackprop and Occlusion of class scores.

Writes crates/viz/tests/golden/trained.json with the weights (three convolutions of 8, 12 and 16 filters, in the paper's order:
convolution, ReLU, pooling), one image, and maps of units in the middle, at an edge and in a corner of the last feature map; and
crates/viz/tests/golden/evidence.json with every 23rd pixel of the class maps of the network of model_steps.py.
The network learns, in 300 steps, which of four drawn shapes an image shows. Occlusion of a unit covers the pixels of its
receptive field alone: squares a quarter of the field's side wide, half overlapping.
Tolerance in the tests: 1e-4 of each map's largest value (of the largest class score for occlusion of it), for float32 sums in another order. A map that would change by more
than 1e-5 between float32 and float64 is an error here.
"""

import json
import math
import pathlib
import warnings

import numpy as np
import torch
import torch.nn as nn
from captum.attr import Deconvolution, GuidedBackprop, InputXGradient, Occlusion, Saliency

from model_steps import ROOT, parameters, wave

SIDE, FIELD = 32, 24
# filter, row, column in the last feature map, 8×8
UNITS = [(3, 4, 3), (7, 0, 0), (11, 7, 2), (0, 3, 7), (15, 5, 5)]


def shapes(rng, count):
    """Discs, rings, bars and crosses at random places, on noise."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    labels = rng.integers(0, 4, count)
    images = rng.normal(0, 0.15, (count, SIDE, SIDE))
    for image, label in zip(images, labels):
        y, x = rows - rng.uniform(10, 22), columns - rng.uniform(10, 22)
        far = np.hypot(y, x)
        image += [far < 6, abs(far - 6) < 1.5, (abs(y) < 2) & (abs(x) < 8), (abs(abs(y) - abs(x)) < 2) & (far < 8)][label]
    images -= images.mean((1, 2), keepdims=True)
    return torch.tensor(images[:, None], dtype=torch.float32), torch.tensor(labels)


class Convolutions(nn.Module):
    """To the output of the third convolution, before its ReLU. captum wants every ReLU to be a module of its own."""

    def __init__(self):
        super().__init__()
        self.conv1, self.relu1, self.pool1 = nn.Conv2d(1, 8, 5, padding=2, bias=False), nn.ReLU(), nn.MaxPool2d(2)
        self.conv2, self.relu2, self.pool2 = nn.Conv2d(8, 12, 5, padding=2, bias=False), nn.ReLU(), nn.MaxPool2d(2)
        self.conv3 = nn.Conv2d(12, 16, 3, padding=1, bias=False)

    def forward(self, x):
        x = self.pool1(self.relu1(self.conv1(x)))
        x = self.pool2(self.relu2(self.conv2(x)))
        return self.conv3(x)


def train(rng):
    torch.manual_seed(3)
    convolutions = Convolutions()
    network = nn.Sequential(convolutions, nn.ReLU(), nn.MaxPool2d(4), nn.Flatten(), nn.Linear(64, 4))
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    for _ in range(300):
        images, labels = shapes(rng, 32)
        loss = nn.functional.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    images, labels = shapes(rng, 400)
    accuracy = (network(images).argmax(1) == labels).float().mean().item()
    assert accuracy > 0.9, accuracy
    return convolutions, accuracy


def span(unit):
    """Pixels that a unit of the last map sees along one side: 4u − 10 ... 4u + 13, clipped."""
    return max(4 * unit - 10, 0), min(4 * unit + 14, SIDE)


def occlusion(network, image, unit):
    (top, bottom), (left, right) = span(unit[1]), span(unit[2])

    def respond(crops):
        images = image.repeat(len(crops), 1, 1, 1)
        images[:, :, top:bottom, left:right] = crops
        return network(images)[:, unit[0], unit[1], unit[2]]

    side = FIELD // 4
    crop = image[:, :, top:bottom, left:right]
    inside = Occlusion(respond).attribute(crop, (1, side, side), strides=(1, math.ceil(side / 2), math.ceil(side / 2)))
    whole = torch.zeros_like(image)
    whole[:, :, top:bottom, left:right] = inside
    return whole


def unit_maps(network, image):
    attribute = {
        "gradient": lambda u: Saliency(network).attribute(image, target=u, abs=False),
        "deconvnet": lambda u: Deconvolution(network).attribute(image, target=u),
        "guided": lambda u: GuidedBackprop(network).attribute(image, target=u),
        "occlusion": lambda u: occlusion(network, image, u),
    }
    return {(m, u): f(u).detach().flatten().double() for m, f in attribute.items() for u in UNITS}


class ToLogits(nn.Module):
    """The paper's network at 48×48 with the weights of model_steps.py."""

    def __init__(self, p):
        super().__init__()
        self.conv1, self.relu1, self.pool1 = nn.Conv2d(1, 64, 5, padding=2, bias=False), nn.ReLU(), nn.MaxPool2d(2)
        self.conv2, self.relu2, self.pool2 = nn.Conv2d(64, 128, 5, padding=2, bias=False), nn.ReLU(), nn.MaxPool2d(2)
        self.conv3, self.relu3, self.pool3 = nn.Conv2d(128, 256, 5, padding=2, bias=False), nn.ReLU(), nn.MaxPool2d(6)
        self.fc4, self.relu4, self.output = nn.Linear(1024, 300), nn.ReLU(), nn.Linear(300, 8)
        for name, value in p.items():
            layer, kind = name.split(".")
            setattr(getattr(self, layer), kind, nn.Parameter(value))

    def forward(self, x):
        x = self.pool1(self.relu1(self.conv1(x)))
        x = self.pool2(self.relu2(self.conv2(x)))
        x = self.pool3(self.relu3(self.conv3(x)))
        return self.output(self.relu4(self.fc4(x.flatten(1))))


def class_maps(dtype, target):
    network = ToLogits({k: v.to(dtype) for k, v in parameters().items()}).eval()
    image = wave((1, 1, 48, 48), 305, 1.0, 0.0).to(dtype)
    found = {
        "gradient_x_input": InputXGradient(network).attribute(image, target=target),
        "guided": GuidedBackprop(network).attribute(image, target=target),
        "occlusion": Occlusion(network).attribute(image, (1, 6, 6), strides=(1, 3, 3), target=target),
    }
    return network(image).detach()[0].tolist(), {k: v.detach().flatten().double() for k, v in found.items()}


def steady(found, exact, tolerance=1e-5, scale=None):
    for name, values in found.items():
        # Occlusion is a small difference of large scores, and no more exact than these are.
        largest = scale if scale and name == "occlusion" else exact[name].abs().max()
        apart = float((values - exact[name]).abs().max() / largest)
        assert apart <= tolerance, f"{name}: a near tie ({apart:.1e}), take another image"


def cut(values, unit):
    (top, bottom), (left, right) = span(unit[1]), span(unit[2])
    whole = values.reshape(SIDE, SIDE)
    assert whole.abs().sum() == whole[top:bottom, left:right].abs().sum()
    return whole[top:bottom, left:right].flatten()


def rounded(values, digits=9):
    return [float(f"{v:.{digits}g}") for v in values]


def main():
    rng = np.random.default_rng(11)
    network, accuracy = train(rng)
    for parameter in network.parameters():
        # What the file holds is what the maps are of.
        parameter.data = torch.tensor(rounded(parameter.data.flatten())).reshape(parameter.shape)
    image = shapes(rng, 1)[0]
    image = torch.tensor(rounded(image.flatten())).reshape(image.shape)
    maps = unit_maps(network, image)
    steady(maps, unit_maps(network.double(), image.double()))
    listed = [{"method": m, "unit": u, "map": rounded(cut(v, u), 6)} for (m, u), v in maps.items() if float(v.abs().max()) > 0]
    weights = {k: {"shape": list(v.shape), "values": rounded(v.float().flatten())} for k, v in network.state_dict().items()}
    golden = pathlib.Path(ROOT) / "crates/viz/tests/golden"
    text = {"side": SIDE, "accuracy": accuracy, "weights": weights, "image": rounded(image.float().flatten()), "maps": listed}
    (golden / "trained.json").write_text(json.dumps(text) + "\n")

    classes = []
    for target in (2, 5):
        logits, found = class_maps(torch.float32, target)
        steady(found, class_maps(torch.float64, target)[1], 2e-5, max(map(abs, logits)))
        kept = {k: {"largest": float(v.abs().max()), "sampled": rounded(v[::23], 7)} for k, v in found.items()}
        classes.append({"class": target, "logits": logits, "maps": kept})
    (golden / "evidence.json").write_text(json.dumps({"side": 48, "offset": 305, "classes": classes}) + "\n")


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message="Setting .* hooks")
    main()
