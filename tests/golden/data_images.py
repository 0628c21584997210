"""Golden numbers for faus-data: affine resampling with grey jitter, local contrast normalisation, area resizing, grey.

Sources: scipy.ndimage.affine_transform (checked here against skimage.transform.warp), scipy.ndimage.uniform_filter,
skimage.transform.downscale_local_mean, an exact area integral by numpy.interp for fractional ratios, torch's bilinear
interpolation for enlarging, Pillow for grey. Needs numpy, scipy, scikit-image, torch, Pillow.

Run from anywhere: python tests/golden/data_images.py
"""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from skimage import transform

OUT = Path(__file__).resolve().parents[2] / "crates" / "data" / "tests" / "golden" / "images.json"
SIDE = 16
RNG = np.random.default_rng(1510_02969)


def picture(height, width):
    """Smooth noise with grey values from 20 to 255."""
    image = ndimage.gaussian_filter(RNG.random((height, width)), 1.0, mode="nearest")
    image = (image - image.min()) / np.ptp(image)
    return np.round(20 + 235 * image).astype(np.uint8)


def augment(image, p):
    """docs/PROTOCOL.md, in double precision."""
    side = image.shape[0]
    x = image.astype(np.float64) / 255 * 2
    if p["flip"]:
        x = x[:, ::-1]
    theta, s, m = np.deg2rad(p["rotation_deg"]), p["scale"], side / 2
    rotation = s * np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
    offset = np.array([m + p["tx"], m + p["ty"]]) - rotation @ [m, m]
    # scipy's axes are (row, column), ours (column, row).
    y = ndimage.affine_transform(
        x, rotation[::-1, ::-1], offset=offset[::-1], order=1, mode="grid-constant", cval=0, prefilter=False
    )
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = rotation, offset
    warped = transform.warp(x, transform.AffineTransform(matrix=matrix), order=1, mode="constant", cval=0, clip=False)
    np.testing.assert_allclose(y, warped, atol=1e-9)
    z = np.clip(y, 0, None) ** p["a"] * p["b"] + p["c"]
    return (z - z.min()) / (z.max() - z.min()) * 2


def local_mean(x):
    return ndimage.uniform_filter(x, 5, mode="constant", cval=0)


def area(image, height, width):
    """Means over exact areas: differences of the integrated image, interpolated linearly between pixel edges."""
    for axis, size in ((0, height), (1, width)):
        image = np.moveaxis(image, axis, 0)
        total = np.concatenate([np.zeros((1,) + image.shape[1:]), np.cumsum(image, axis=0)])
        edges = np.linspace(0, image.shape[0], size + 1)
        flat = total.reshape(total.shape[0], -1)
        at = np.stack([np.interp(edges, np.arange(total.shape[0]), column) for column in flat.T], axis=1)
        image = np.diff(at, axis=0).reshape((size,) + image.shape[1:]) / (edges[1] - edges[0])
        image = np.moveaxis(image, 0, axis)
    return image


def rounded(array):
    return [float(f"{value:.7g}") for value in np.asarray(array, dtype=np.float64).ravel()]


def augment_cases():
    neutral = dict(flip=False, rotation_deg=0.0, scale=1.0, tx=0.0, ty=0.0, a=1.0, b=1.0, c=0.0)
    changes = [
        {},
        dict(flip=True),
        dict(rotation_deg=5.0),
        dict(scale=0.75, tx=1.5, ty=-2.0),
        dict(scale=1.375, tx=-2.25, ty=3.0),
        dict(a=4.0, b=1.375, c=0.0625),
        dict(a=0.25, b=0.75, c=-0.09375),
        dict(flip=True, rotation_deg=-3.5, scale=1.25, tx=1.75, ty=0.5, a=2.5, b=0.875, c=0.03125),
        dict(flip=True, rotation_deg=4.25, scale=0.8125, tx=-1.25, ty=1.0, a=0.5, b=1.25, c=-0.0625),
    ]
    for change in changes:
        params = neutral | change
        image = picture(SIDE, SIDE)
        yield dict(params=params, image=image.ravel().tolist(), out=rounded(augment(image, params)))


def normalise_cases():
    """Smooth noise, then black and white at random, which has the largest sums and differences, on an odd side."""
    rng = np.random.default_rng(5 * 5)
    for image in [picture(SIDE, SIDE), rng.integers(0, 2, (27, 27), dtype=np.uint8) * np.uint8(255)]:
        x = image.astype(np.float64) / 255 * 2
        subtracted = x - local_mean(x)
        divisor = np.maximum(np.sqrt(local_mean(subtracted**2)), 0.125)
        # Ten digits: the comparison is to 1e-6.
        exact = lambda array: [float(f"{value:.10g}") for value in array.ravel()]
        yield dict(
            side=len(image),
            image=image.ravel().tolist(),
            subtractive=exact(subtracted),
            epsilon=0.125,
            divisor=exact(divisor),
            divisive=exact(subtracted / divisor),
        )


def resize_cases():
    for (height, width), (to_height, to_width) in [((24, 36), (6, 9)), ((25, 31), (8, 12)), ((9, 7), (20, 24))]:
        image = picture(height, width)
        x = image.astype(np.float64)
        if to_height < height:
            out = area(x, to_height, to_width)
            if (height, width) == (24, 36):
                np.testing.assert_allclose(out, transform.downscale_local_mean(x, (4, 4)))
        else:
            tensor = torch.from_numpy(x)[None, None]
            out = torch.nn.functional.interpolate(tensor, (to_height, to_width), mode="bilinear", align_corners=False)
            out = out[0, 0].numpy()
        yield dict(
            height=height, width=width, image=image.ravel().tolist(),
            to_height=to_height, to_width=to_width, out=rounded(out),
        )


def grey_case():
    colours = RNG.integers(0, 256, (5, 5, 3), dtype=np.uint8)
    return dict(rgb=colours.ravel().tolist(), grey=np.asarray(Image.fromarray(colours).convert("L")).ravel().tolist())


def main():
    golden = dict(
        side=SIDE, augment=list(augment_cases()), normalise=list(normalise_cases()), resize=list(resize_cases()), grey=grey_case()
    )
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
