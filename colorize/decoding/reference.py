"""Shift of the predicted colors toward those of a reference photograph."""

from __future__ import annotations

import numpy as np
from PIL import Image

from colorize.color import lab
from colorize.color.bit_depth import to_uint8
from colorize.color.downsampling import block_mean
from colorize.color.quantization import NUM_BINS, soft_encode
from colorize.color.types import Array, Floats

SIDE, GRID = 256, 64  # pixels per side of the reduced reference, and of the grid of means
STRENGTH = 0.7  # exponent of the ratio of frequencies; 1 takes over the reference's
SMOOTHING = 0.02  # share of the other histogram in each: bounds the ratio to 1/50 … 50


def color_histogram(pixels: Array) -> Floats:
    """Return the share of each of the 313 ab bins in a photograph, (313,), sum 1.

    The photograph is resized to 256×256; the means over 4×4 pixels are soft-encoded, as the
    training targets are.

    pixels: sRGB, (H, W) or (H, W, 3), uint8 or uint16.
    """
    small = Image.fromarray(to_uint8(pixels)).convert("RGB")
    small = small.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    ab = lab.rgb_to_lab(np.asarray(small, np.float32) / 255)[..., 1:]
    cells = block_mean(np.moveaxis(ab, -1, 0), (GRID, GRID))
    return soft_histogram(cells.reshape(2, -1).T)


def soft_histogram(ab: Array) -> Floats:
    """Return the share of each bin in colors (n, 2), soft-encoded: (313,), sum 1."""
    bins, weights = soft_encode(ab)
    counts = np.bincount(bins.ravel(), weights.ravel(), NUM_BINS)
    shares: Floats = (counts / counts.sum()).astype(np.float32)
    return shares


def prior_shift(probabilities: Array, histogram: Array) -> Floats:
    """Return what to add to the logits of a picture to shift its colors to a histogram, (313,).

    With m the mean of the probabilities over the picture and h the histogram, each bin gets
    STRENGTH · log(h / m), where each of the two is first mixed with a share SMOOTHING of the
    other. This is one step of adjusting a classifier to other class frequencies (Saerens,
    Latinne, Decaestecker, *Adjusting the Outputs of a Classifier to New a Priori Probabilities*,
    2002, eq. 4). Within a bin, the order of the cells by probability is kept.

    probabilities: (313, h, w); histogram: (313,), sum 1.
    """
    mean = probabilities.reshape(NUM_BINS, -1).mean(axis=1, dtype=np.float64)
    ratio = (histogram + SMOOTHING * mean) / (mean + SMOOTHING * histogram + 1e-12)
    shift: Floats = (STRENGTH * np.log(np.maximum(ratio, SMOOTHING))).astype(np.float32)
    return shift
