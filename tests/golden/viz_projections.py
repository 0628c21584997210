"""Golden numbers for back-projection: captum's Saliency gradient, Deconvolution and GuidedBackprop of units of conv3.

Writes crates/viz/tests/golden/projections.json. Weights and image come from `wave` of model_steps.py, which the Rust tests
repeat; every 23rd pixel of each projection is kept. The network stands in the paper's order: convolution, ReLU, pooling.
Tolerance in the tests: 1e-4 of the projection's largest value, for float32 sums in another order. A unit whose projection
would change by more between float32 and float64 (a near tie in a pooling tile, a value near 0 at a ReLU) is an error here.
"""

import json
import pathlib
import warnings

import torch
import torch.nn as nn
from captum.attr import Deconvolution, GuidedBackprop, Saliency

from model_steps import ROOT, parameters, wave

SIDE, OFFSET = 48, 305
# filter, row and column in the feature map of conv3 (12×12): the middle, a corner, an edge
UNITS = [(7, 5, 6), (100, 0, 11), (255, 11, 4)]


class ToConv3(nn.Module):
    """The network up to conv3's output, before its ReLU. captum wants every ReLU to be a module of its own."""

    def __init__(self, p):
        super().__init__()
        self.conv1, self.relu1, self.pool1 = nn.Conv2d(1, 64, 5, padding=2, bias=False), nn.ReLU(), nn.MaxPool2d(2)
        self.conv2, self.relu2, self.pool2 = nn.Conv2d(64, 128, 5, padding=2, bias=False), nn.ReLU(), nn.MaxPool2d(2)
        self.conv3 = nn.Conv2d(128, 256, 5, padding=2, bias=False)
        for name in ("conv1", "conv2", "conv3"):
            getattr(self, name).weight.data = p[f"{name}.weight"]

    def forward(self, x):
        x = self.pool1(self.relu1(self.conv1(x)))
        x = self.pool2(self.relu2(self.conv2(x)))
        return self.conv3(x)


def maps(dtype):
    model = ToConv3({k: v.to(dtype) for k, v in parameters().items()}).eval()
    image = wave((1, 1, SIDE, SIDE), OFFSET, 1.0, 0.0).to(dtype)
    attribute = {
        "gradient": lambda t: Saliency(model).attribute(image, target=t, abs=False),
        "deconvnet": lambda t: Deconvolution(model).attribute(image, target=t),
        "guided": lambda t: GuidedBackprop(model).attribute(image, target=t),
    }
    return {(m, u): f(u).detach().flatten().double() for m, f in attribute.items() for u in UNITS}


def main():
    found, exact = maps(torch.float32), maps(torch.float64)
    projections = []
    for (method, unit), values in found.items():
        largest = float(values.abs().max())
        assert (values - exact[method, unit]).abs().max() <= 1e-5 * largest, f"{method} {unit}: a near tie, take another offset"
        kept = [float(f"{v:.7g}") for v in values[::23]]
        projections.append({"method": method, "unit": unit, "largest": largest, "norm": float(values.norm()), "sampled": kept})
    path = pathlib.Path(ROOT) / "crates/viz/tests/golden/projections.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"side": SIDE, "offset": OFFSET, "projections": projections}) + "\n")


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message="Setting .* hooks")
    torch.manual_seed(0)
    main()
