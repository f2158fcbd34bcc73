"""A reference photograph: its share of each color, and how a prediction is drawn toward it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from colorize.color import lab
from colorize.color.bit_depth import to_uint8
from colorize.color.quantization import Q, centers
from colorize.io.photo import Photo

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]

SIDE, CELL = 256, 4  # pixels of the reduced reference, and of the cells whose means count
NEIGHBORS = 5  # bins a color is spread over, and
SIGMA = 5.0  # the deviation of the Gaussian for it, as in training (ECCV16)

STRENGTH = 0.7  # exponent of the ratio of frequencies; 1 takes over the reference's
FLOOR = 0.02  # share of the other histogram in both: bounds the ratio to 1/50 … 50


def histogram(photo: Photo) -> Floats:
    """Return the share of each of the 313 ab bins in a photograph, (313,), sum 1.

    Of means over 4×4 pixels of a copy of 256×256, soft-encoded, as the network's targets are.
    """
    small = Image.fromarray(to_uint8(photo.pixels)).convert("RGB")
    small = small.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    ab = lab.rgb_to_lab(np.asarray(small, np.float32) / 255)[..., 1:]
    cells = ab.reshape(SIDE // CELL, CELL, SIDE // CELL, CELL, 2).mean(axis=(1, 3))
    return _soft_histogram(cells.reshape(-1, 2))


def _soft_histogram(ab: Floats) -> Floats:
    """Return the bins' shares of colors (n, 2), each spread over its 5 nearest bins."""
    squared = np.square(ab[:, None] - centers()).sum(axis=2)  # (n, 313)
    nearest = np.argpartition(squared, NEIGHBORS, axis=1)[:, :NEIGHBORS]
    distance = np.take_along_axis(squared, nearest, axis=1)
    weights = np.exp(-(distance - distance.min(axis=1, keepdims=True)) / (2 * SIGMA**2))
    weights /= weights.sum(axis=1, keepdims=True)
    counts = np.bincount(nearest.ravel(), weights.ravel(), Q)
    shares: Floats = (counts / counts.sum()).astype(np.float32)
    return shares


def prior_shift(probabilities: Array, histogram: Array) -> Floats:
    """Return what to add to the logits of one picture to draw it toward a histogram, (313,).

    probabilities: (313, h, w), what the network predicts; their mean over the picture m is
    compared with the histogram h: each bin gets STRENGTH · log(h / m), both with a share FLOOR
    of each other. As in re-weighting a classifier for other class frequencies, with one step
    toward them (Saerens, Latinne, Decaestecker, *Adjusting the Outputs of a Classifier to New
    a Priori Probabilities*, 2002, eq. 4); places keep their own order of what is likely.
    """
    mean = probabilities.reshape(Q, -1).mean(axis=1, dtype=np.float64)
    wanted = (histogram + FLOOR * mean) / (mean + FLOOR * histogram + 1e-12)
    change: Floats = (STRENGTH * np.log(np.maximum(wanted, FLOOR))).astype(np.float32)
    return change
