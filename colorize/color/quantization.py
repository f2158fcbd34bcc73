"""The 313 ab bins of ECCV16 and soft encoding of colors in them.

Source: Zhang, Isola, Efros, *Colorful Image Colorization*, ECCV 2016, sections 2.1 and 2.3.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from colorize.color.types import Array, Floats

GRID = 10  # distance between neighboring bin centers, in ab units

# For each a, the first and the last b of the bins inside the sRGB gamut.
_GAMUT_B_RANGE = {
    -90: (50, 90), -80: (20, 90), -70: (0, 90), -60: (-20, 90), -50: (-30, 100),
    -40: (-40, 100), -30: (-50, 100), -20: (-50, 100), -10: (-60, 100), 0: (-70, 100),
    10: (-80, 90), 20: (-80, 90), 30: (-90, 90), 40: (-100, 90), 50: (-100, 80),
    60: (-110, 80), 70: (-110, 80), 80: (-110, 70), 90: (-110, 70), 100: (-90, 0),
}  # fmt: skip

NUM_BINS = sum((last - first) // GRID + 1 for first, last in _GAMUT_B_RANGE.values())  # 313

SOFT_NEIGHBORS = 5  # bins that share one color
SOFT_SIGMA = 5.0  # standard deviation of their Gaussian weights, in ab units


@functools.cache
def bin_centers() -> Floats:
    """Return the centers of the bins, (313, 2) ab, sorted by a, then by b."""
    pairs = [
        (a, b) for a, (first, last) in _GAMUT_B_RANGE.items() for b in range(first, last + 1, GRID)
    ]
    return np.array(pairs, np.float32)


def soft_encode(ab: Array) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return the 5 bins nearest to each color and their Gaussian weights, which sum to 1.

    ab: (n, 2) in ab units. Returns the bins (n, 5) int64, nearest first, and their weights (n, 5)
    float32.
    """
    a, b = (np.square(ab[:, None, i] - bin_centers()[:, i]) for i in (0, 1))  # (n, 313)
    squared = a + b
    bins = np.argpartition(squared, SOFT_NEIGHBORS, axis=1)[:, :SOFT_NEIGHBORS]
    distance = np.take_along_axis(squared, bins, axis=1)
    order = np.argsort(distance, axis=1, kind="stable")
    bins, distance = (np.take_along_axis(values, order, axis=1) for values in (bins, distance))
    # Relative to the nearest bin: the same after normalizing, and never 0 / 0 far from the gamut.
    weights = np.exp(-(distance - distance[:, :1]) / (2 * SOFT_SIGMA**2))
    weights /= weights.sum(axis=1, keepdims=True)
    return bins.astype(np.int64), weights.astype(np.float32)


@functools.cache
def soft_encode_table() -> tuple[npt.NDArray[np.int64], Floats]:
    """Return `soft_encode` of every integer (a, b) in -128..127, as a lookup table.

    Bins (65536, 5) int64 and weights (65536, 5) float32, at row (a + 128) * 256 + (b + 128).
    """
    axis = np.arange(-128, 128, dtype=np.float32)
    columns = (soft_encode(np.stack((np.full_like(axis, a), axis), axis=1)) for a in axis)
    bins, weights = zip(*columns, strict=True)
    return np.concatenate(bins), np.concatenate(weights)
