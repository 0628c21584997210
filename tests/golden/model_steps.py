"""Golden numbers for the network: PyTorch's forward, backward and ten training steps on formula-made weights.

Writes crates/model/tests/golden/forward_backward_<side>[_dropout].json and
crates/train/tests/golden/{sgd_steps,sgd_steps_96,adamw_steps}.json.
Weights and images come from `wave`, which the Rust tests repeat, so the files hold results only.
Tolerance in the tests: 1e-4 relative to the tensor's largest value, for float32 sums in another order.
"""

import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHAPES = [
    ("conv1.weight", (64, 1, 5, 5), 0.12, 0.0),
    ("conv2.weight", (128, 64, 5, 5), 0.02, 0.0),
    ("conv3.weight", (256, 128, 5, 5), 0.015, 0.0),
    ("fc4.weight", (300, 1024), 0.01, 0.0),
    ("fc4.bias", (300,), 0.1, 1.0),
    ("output.weight", (8, 300), 0.05, 0.0),
    ("output.bias", (8,), 0.1, 0.0),
]


def wave(shape, offset, scale, shift):
    """`shift + scale · frac-hash(i)` in [-1, 1]: the fractional part of a large sine, as float32."""
    i = np.arange(int(np.prod(shape)), dtype=np.float64)
    s = np.sin((i + 1.0) * 12.9898 + offset * 78.233) * 43758.5453
    return torch.from_numpy((shift + scale * (2.0 * (s - np.floor(s)) - 1.0)).astype(np.float32).reshape(shape))


def parameters():
    return {name: wave(shape, 1 + k, scale, shift) for k, (name, shape, scale, shift) in enumerate(SHAPES)}


def chacha8(seed, stream, count):
    """`count` u32 of rand_chacha's ChaCha8Rng::seed_from_u64(seed) on `stream`, from its specification: the key by PCG32
    from the seed (rand_core), then ChaCha with eight rounds, a 64-bit counter and the stream as nonce."""
    state, key = seed, []
    for _ in range(8):
        state = (state * 6364136223846793005 + 11634580027462260723) % 2**64
        word, turn = (((state >> 18) ^ state) >> 27) % 2**32, state >> 59
        key.append((word >> turn | word << (-turn % 32)) % 2**32)
    blocks = -(-count // 16)
    counter = np.arange(blocks, dtype=np.uint64)
    start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *key, None, None, stream % 2**32, stream >> 32]
    start = [np.full(blocks, word or 0, dtype=np.uint32) for word in start]
    start[12], start[13] = counter.astype(np.uint32), (counter >> np.uint64(32)).astype(np.uint32)
    x = [word.copy() for word in start]

    def turned(word, by):
        return word << np.uint32(by) | word >> np.uint32(32 - by)

    def quarter(a, b, c, d):
        for first, second, target, by in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[first] = x[first] + x[second]
            x[target] = turned(x[target] ^ x[first], by)

    for _ in range(4):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return np.stack([a + b for a, b in zip(x, start)], axis=1).flatten()[:count]


def dropout_mask(n, features=1024, p=0.5, stage=3):
    """The mask of images with seeds 0 .. n: 0 where a uniform number (24 bits of a u32) is below p, else 1/(1 - p)."""
    draws = np.stack([chacha8(seed, stage, features) for seed in range(n)])
    return torch.from_numpy(np.where((draws >> np.uint32(8)) * 2.0**-24 < p, 0.0, 1 / (1 - p)).astype(np.float32))


def logits(p, x, mask=None):
    """The network in the paper's order: convolution, ReLU, pooling; dropout on the hidden layer's input."""
    x = F.max_pool2d(F.relu(F.conv2d(x, p["conv1.weight"], padding=2)), 2)
    x = F.max_pool2d(F.relu(F.conv2d(x, p["conv2.weight"], padding=2)), 2)
    x = F.relu(F.conv2d(x, p["conv3.weight"], padding=2))
    x = F.max_pool2d(x, x.shape[-1] // 2).flatten(1)
    x = x if mask is None else x * mask.to(x.dtype)
    x = F.relu(F.linear(x, p["fc4.weight"], p["fc4.bias"]))
    return F.linear(x, p["output.weight"], p["output.bias"])


def batch(n, side, offset):
    images = wave((n, 1, side, side), offset, 1.0, 0.0)
    labels = torch.arange(n) % 8
    return images, labels


def sampled(t, count=48):
    flat = t.detach().flatten()
    step = max(1, flat.numel() // count)
    return [float(v) for v in flat[::step][:count]]


def finals(p):
    return {k: {"norm": float(t.detach().norm()), "sampled": sampled(t)} for k, t in p.items()}


def one_pass(n, side, offset, dtype, mask):
    p = {k: v.to(dtype).requires_grad_(True) for k, v in parameters().items()}
    images, labels = batch(n, side, offset)
    out = logits(p, images.to(dtype), mask)
    loss = F.cross_entropy(out, labels)
    loss.backward()
    return out.detach(), float(loss.detach()), {k: v.grad for k, v in p.items()}


def forward_backward(n, side, offset=101, dropout=0.0):
    """Two values of one pooling tile that differ by less than the rounding error may swap, which moves a gradient to
    another pixel, rightly. The images (offset 101) have no such tile: float32 and float64 agree, which is checked."""
    mask = dropout_mask(n, p=dropout) if dropout else None
    out, loss, gradients = one_pass(n, side, offset, torch.float32, mask)
    _, _, exact = one_pass(n, side, offset, torch.float64, mask)
    for k, g in gradients.items():
        assert (g - exact[k]).abs().max() <= 1e-5 * exact[k].abs().max(), f"{k}: a near tie, choose another offset"
    return {
        "n": n,
        "side": side,
        "offset": offset,
        "dropout": dropout,
        "logits": out.flatten().tolist(),
        "loss": loss,
        "gradients": {k: {"norm": float(g.norm()), "max": float(g.abs().max()), "sampled": sampled(g)} for k, g in gradients.items()},
    }


def ten_steps(n, side, dropout=0.0):
    """The paper's optimiser: v <- 0.9 v - 1e-5 lr p - lr g, p <- p + v (section 2 of the design notes); lr 0.01."""
    p, mask = parameters(), dropout_mask(n, p=dropout) if dropout else None
    v = {k: torch.zeros_like(t) for k, t in p.items()}
    losses = []
    for step in range(10):
        images, labels = batch(n, side, offset=100 + step)
        p = {k: t.detach().requires_grad_(True) for k, t in p.items()}
        loss = F.cross_entropy(logits(p, images, mask), labels)
        loss.backward()
        losses.append(float(loss.detach()))
        for k, t in p.items():
            v[k] = 0.9 * v[k] - 1e-5 * 0.01 * t.detach() - 0.01 * t.grad
            p[k] = t.detach() + v[k]
    return {"n": n, "side": side, "dropout": dropout, "losses": losses, "final": finals(p)}


def adamw_steps(n=8, side=48):
    """torch.optim.AdamW under OneCycleLR, the schedule of the quick preset, ten steps."""
    p = {k: t.clone().requires_grad_(True) for k, t in parameters().items()}
    optimiser = torch.optim.AdamW(p.values(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=1e-3, total_steps=10, cycle_momentum=False)
    losses, rates = [], []
    for step in range(10):
        images, labels = batch(n, side, offset=200 + step)
        optimiser.zero_grad()
        loss = F.cross_entropy(logits(p, images), labels)
        loss.backward()
        losses.append(float(loss.detach()))
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return {"n": n, "side": side, "losses": losses, "rates": rates, "final": finals(p)}


def write(path, value):
    path = ROOT / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")


if __name__ == "__main__":
    torch.manual_seed(0)
    write("crates/model/tests/golden/forward_backward_48.json", forward_backward(4, 48))
    write("crates/model/tests/golden/forward_backward_96.json", forward_backward(2, 96))
    for side, n in ((48, 4), (96, 2)):
        write(f"crates/model/tests/golden/forward_backward_{side}_dropout.json", forward_backward(n, side, dropout=0.5))
    write("crates/train/tests/golden/sgd_steps.json", ten_steps(16, 48))
    write("crates/train/tests/golden/sgd_steps_96.json", ten_steps(6, 96, dropout=0.5))
    write("crates/train/tests/golden/adamw_steps.json", adamw_steps())
