"""Linear contrast stretch of faded photographs, in lightness.

`black_white_points` finds the L that become black and white. `autocontrast` applies the stretch to
a photograph, `stretch_lightness` to what a network sees of it.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from colorize.color import lab
from colorize.color.borders import crop_borders
from colorize.color.types import Array, Floats

CLIPPED = 0.005  # largest share of pixels that become black, and that become white
MIN_RANGE = 25.0  # L between the two points: a fourfold stretch at most, since noise grows with it
HISTOGRAM_STEPS = 100 * 64  # of L: 0.4 of the smallest step of 16-bit gray in mid-tones

Counts = npt.NDArray[np.int64]  # of pixels at each L, in steps of 100 / HISTOGRAM_STEPS


def autocontrast(pixels: Array, alpha: Array | None = None) -> Array:
    """Return gray pixels, (H, W), with L stretched linearly so that black and white are used.

    The same stretch is applied to all pixels, so their order of lightness is kept.

    pixels: sRGB, (H, W) or (H, W, 3), uint8 or uint16, as the result; alpha: (H, W), see
    `black_white_points`.
    """
    low, high = black_white_points(pixels, alpha)
    table = _gray_table(np.iinfo(pixels.dtype).max)
    result = np.empty(pixels.shape[:2], pixels.dtype)
    for block in lab.blocks(*pixels.shape[:2]):
        lightness = _stretched(lab.lightness(pixels[block]), low, high)
        index = lightness * ((len(table) - 1) / 100) + 0.5
        result[block] = table[index.astype(np.intp)]
    return result


def stretch_lightness(lightness: Floats, amount: float) -> Floats:
    """Return L, (b, 1, h, w) in [0, 100], between itself and its stretch by `autocontrast`.

    How dark the black of an old print is says nothing about its colors, so a network needs not see
    it. Borders are not looked for. amount: 0 leaves L as it is, 1 gives the stretch.
    """
    result = np.array(lightness, np.float32)
    for each in result[:, 0]:
        low, high = _points(np.bincount(_steps(each), minlength=HISTOGRAM_STEPS + 1))
        each += amount * (_stretched(each, low, high) - each)
    return result


def _stretched(lightness: Floats, low: float, high: float) -> Floats:
    """Return L with `low` at 0 and `high` at 100, clipped beyond."""
    stretched: Floats = np.clip((lightness - low) * (100 / (high - low)), 0, 100)
    return stretched


def black_white_points(pixels: Array, alpha: Array | None = None) -> tuple[float, float]:
    """Return the L that become 0 and 100, the first below the second.

    At most 0.5 % of the pixels are below the first, and at most 0.5 % above the second. Fully
    transparent pixels (alpha 0) and plain borders (see `crop_borders`) are ignored. The points are
    at least 25 apart; a picture of a single tone keeps it.
    """
    area = crop_borders(pixels)
    return _points(_histogram(pixels[area], None if alpha is None else alpha[area]))


def _points(counts: Counts) -> tuple[float, float]:
    """Return the points of the number of pixels at each L."""
    if not counts.any():
        return 0.0, 100.0
    allowed = int(CLIPPED * counts.sum())
    low = int(np.argmax(np.cumsum(counts) > allowed))
    high = HISTOGRAM_STEPS - int(np.argmax(np.cumsum(counts[::-1]) > allowed))
    return _enforce_min_range(
        100 * low / HISTOGRAM_STEPS, min(100.0, 100 * (high + 1) / HISTOGRAM_STEPS)
    )


def _histogram(pixels: Array, alpha: Array | None) -> Counts:
    """Return the number of pixels at each L, in steps of 100 / HISTOGRAM_STEPS."""
    counts = np.zeros(HISTOGRAM_STEPS + 1, np.int64)
    for block in lab.blocks(*pixels.shape[:2]):
        lightness = lab.lightness(pixels[block])
        if alpha is not None:
            lightness = lightness[alpha[block] > 0]
        counts += np.bincount(_steps(lightness), minlength=HISTOGRAM_STEPS + 1)
    return counts


def _steps(lightness: Array) -> npt.NDArray[np.intp]:
    """Return L as whole steps of the histogram, flat."""
    return (lightness * (HISTOGRAM_STEPS / 100)).astype(np.intp).ravel()


def _enforce_min_range(low: float, high: float) -> tuple[float, float]:
    """Return points at least MIN_RANGE apart; their middle keeps its tone when they are widened."""
    missing = max(0.0, MIN_RANGE - (high - low))
    share = (low + high) / 200
    return low - missing * share, high + missing * (1 - share)


@functools.cache
def _gray_table(top: int) -> Array:
    """Return the gray sRGB level, 0 to `top`, of each L in 2¹⁸ steps."""
    dtype = np.dtype(np.uint8 if top == 255 else np.uint16)
    levels = np.arange(top + 1)
    steps = np.linspace(0, 100, (1 << 18) + 1)
    return np.rint(np.interp(steps, lab.lightness(levels[None].astype(dtype))[0], levels)).astype(
        dtype
    )
