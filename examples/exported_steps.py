"""The steps around an exported network, in NumPy and Pillow: what comes before it and after.

Shared by the examples that use a file of `python -m colorize.export` without this package.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image, ImageOps

SIZE = 256  # height and width of what the network sees
LUMINANCE = np.array([0.212671, 0.715160, 0.072169])  # of linear sRGB, D65
MIN_PRIOR = 1e-5  # share of all pixels; rarer colors count as if they were this common
BILINEAR = Image.Resampling.BILINEAR
WHITE = np.array([0.95047, 1.0, 1.08883])
RGB_FROM_XYZ = np.linalg.inv(
    [[0.412453, 0.357580, 0.180423], LUMINANCE, [0.019334, 0.119193, 0.950227]]
)


def photograph(path: str) -> Image.Image:
    """Return the photograph, upright, in RGB."""
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def lightness(image: Image.Image) -> np.ndarray:
    """Return L of CIE Lab, (H, W) in [0, 100], of an RGB image."""
    srgb = np.asarray(image) / 255
    linear = np.where(srgb > 0.04045, ((srgb + 0.055) / 1.055) ** 2.4, srgb / 12.92)
    y = linear @ LUMINANCE
    return 116 * np.where(y > 0.008856, np.cbrt(y), 7.787 * y + 16 / 116) - 16


def stretched(lightness: np.ndarray) -> np.ndarray:
    """Return L with 0.5 % of its pixels black and 0.5 % white; at most four times the contrast."""
    low, high = np.percentile(lightness, (0.5, 99.5))
    missing, share = max(0, 25 - (high - low)), (low + high) / 200
    low, high = low - missing * share, high + missing * (1 - share)
    return np.clip((lightness - low) * 100 / (high - low), 0, 100)


def inputs(image: Image.Image, settings: dict[str, Any]) -> list[np.ndarray]:
    """Return the network's inputs in their order: L, and no hints where it takes any.

    settings: what the exported file says of the network.
    """
    small = lightness(image.resize((SIZE, SIZE), Image.Resampling.BICUBIC))
    small += settings["input_autocontrast"] * (stretched(small) - small)
    result = [small[None, None]]
    if settings["takes_hints"]:
        side = SIZE // settings["output_stride"]
        result.append(np.zeros((1, 3, side, side)))  # a / 110, b / 110, mask of 0 or 1
    return [array.astype(np.float32) for array in result]


def colors(output: np.ndarray, settings: dict[str, Any]) -> np.ndarray:
    """Return ab (2, h, w) of the network's output: logits over bins, or ab already."""
    if settings["output"] == "ab":
        return output[0]
    style = settings["styles"]["vivid"]
    logits = output[0].astype(np.float64)  # (Q, h, w)
    if settings["class_weights"] is not None:  # keep a share of the training's rebalancing
        weights = np.log(settings["class_weights"])[:, None, None]
        natural = softmax(logits - weights)
        logits -= (1 - style["rebalance"]) * weights
    else:
        natural = softmax(logits)
    if boost := style["rare_color_boost"]:
        prior = smooth_prior(np.array(settings["prior"]), np.array(settings["bin_centers"]))
        logits += np.log(1 + boost * np.sqrt(natural) / prior[:, None, None])
    chances, centers = softmax(logits / style["temperature"]), np.array(settings["bin_centers"])
    ab = np.einsum("qhw,qc->chw", chances, centers)
    chroma = np.einsum("qhw,q->hw", chances, np.hypot(*centers.T))
    certainty = np.hypot(*ab) / np.maximum(chroma, 1e-6)
    return ab * (1 + style["certain_color_boost"] * certainty**2)


def smooth_prior(prior: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """Return the share of each color among all pixels, smoothed over hue, at least MIN_PRIOR."""
    chroma, hue = np.hypot(*centers.T), np.degrees(np.arctan2(centers[:, 1], centers[:, 0]))
    turn = np.abs(hue[:, None] - hue)
    turn = np.minimum(turn, 360 - turn) * np.outer(chroma > 0, chroma > 0)  # gray has no hue
    weights = np.exp(-(((chroma[:, None] - chroma) / 10) ** 2 + (turn / 90) ** 2) / 2)
    return np.maximum(weights @ prior / weights.sum(axis=1), MIN_PRIOR)


def softmax(exponents: np.ndarray) -> np.ndarray:
    """Return the probabilities along the first axis."""
    result = np.exp(exponents - exponents.max(axis=0))
    return result / result.sum(axis=0)


def colored(image: Image.Image, ab: np.ndarray) -> Image.Image:
    """Return the image with its own L and the colors ab, enlarged to its size."""
    a, b = (
        np.asarray(Image.fromarray(plane.astype(np.float32)).resize(image.size, BILINEAR))
        for plane in ab
    )
    fy = (lightness(image) + 16) / 116
    f = np.stack((fy + a / 500, fy, fy - b / 200), axis=-1)
    xyz = np.where(f > 0.2068966, f**3, (f - 16 / 116) / 7.787) * WHITE
    linear = np.clip(xyz @ RGB_FROM_XYZ.T, 0, 1)
    srgb = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    return Image.fromarray(np.rint(255 * srgb).astype(np.uint8))
