"""Stretching the lightness of faded photographs, the same way for all their pixels.

`limits` finds the darkest and the lightest L that count, `autocontrast` makes them black and
white. What the colorizer then keeps is the stretched lightness.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from colorize.color import lab
from colorize.io.photo import Photo

Array = npt.NDArray[Any]

CLIPPED = 0.005  # the share of pixels that may become plain black, and plain white
LEAST_RANGE = 25.0  # of L: what has less is stretched fourfold, since noise grows as well
STEPS = 100 * 64  # of the histogram of L: 0.4 of the smallest step of 16-bit gray in mid-tones

BORDER = 0.15  # of a side: the widest edge of paper or film that is taken as no photograph
BORDER_RANGE = 4.0  # L: how far pixels of such an edge are from its median
BORDER_SHARE = 0.9  # of the pixels of a row or column must be that near
SCOUT = 512  # pixels of the longer side at which edges are looked for


def autocontrast(photo: Photo) -> Photo:
    """Return the photograph in gray, L stretched linearly so that `limits` become 0 and 100.

    Depth, alpha and metadata stay. One stretch holds for all pixels: what was lighter is never
    darker afterward.
    """
    low, high = limits(photo)
    pixels = np.empty(photo.size, photo.pixels.dtype)
    for start, stop in _strips(photo.pixels):
        lightness = lab.lightness(photo.pixels[start:stop])
        pixels[start:stop] = _gray((lightness - low) * (100 / (high - low)), pixels.dtype)
    return dataclasses.replace(photo, pixels=pixels)


def limits(photo: Photo) -> tuple[float, float]:
    """Return the L that is to become 0 and the one that is to become 100, low < high.

    At most 0.5 % of the pixels are below the first, at most 0.5 % above the second. Fully
    transparent pixels and plain borders (see `photograph_area`) don't count. The limits are at
    least 25 apart; a picture of one tone keeps it.
    """
    area = photograph_area(photo.pixels)
    alpha = None if photo.alpha is None else photo.alpha[area]
    counts = _histogram(photo.pixels[area], alpha)
    if not counts.any():
        return 0.0, 100.0
    allowed = int(CLIPPED * counts.sum())
    low = int(np.argmax(np.cumsum(counts) > allowed))
    high = STEPS - int(np.argmax(np.cumsum(counts[::-1]) > allowed))
    return _wide_enough(100 * low / STEPS, min(100.0, 100 * (high + 1) / STEPS))


def photograph_area(pixels: Array) -> tuple[slice, slice]:
    """Return rows and columns without a plain border such as a print's or negative's has.

    A border is found where opposite edges both are of nearly one tone (90 % of a row or column
    within 4 of L of the median of its outermost line) and end within 15 % of the side: so a
    sky at the upper edge is none.
    """
    small, step = _scout(pixels)
    rows = _between_borders(small, step, pixels.shape[0])
    inner = small[rows.start // step : -(-rows.stop // step)]
    return rows, _between_borders(inner.T, step, pixels.shape[1])


def _scout(pixels: Array) -> tuple[npt.NDArray[np.float32], int]:
    """Return L of every n-th pixel of rows and columns, 512 of the longer side, and n."""
    step = -(-max(pixels.shape[:2]) // SCOUT)
    return lab.lightness(np.ascontiguousarray(pixels[::step, ::step])), step


def _between_borders(lightness: Array, step: int, length: int) -> slice:
    """Return which of `length` rows are no border; `lightness` has every `step`-th of them."""
    most = int(BORDER * len(lightness))
    first, last = _plain_rows(lightness, most), _plain_rows(lightness[::-1], most)
    alike = abs(np.median(lightness[0]) - np.median(lightness[-1])) <= 2 * BORDER_RANGE
    if not (alike and 0 < first <= most and 0 < last <= most):
        return slice(0, length)
    # the row after the last plain one may be half border: edges are soft
    return slice((first + 1) * step, (len(lightness) - 2 - last) * step + 1)


def _plain_rows(lightness: Array, most: int) -> int:
    """Return how many rows at the beginning have the first one's tone, `most` + 1 at most."""
    near = np.abs(lightness[: most + 1] - np.median(lightness[0])) <= BORDER_RANGE
    plain = near.mean(axis=1) >= BORDER_SHARE
    return len(plain) if plain.all() else int(np.argmin(plain))


def _histogram(pixels: Array, alpha: Array | None) -> npt.NDArray[np.int64]:
    """Return how many pixels have each L in steps of 100 / STEPS, the transparent left out."""
    counts = np.zeros(STEPS + 1, np.int64)
    for start, stop in _strips(pixels):
        lightness = lab.lightness(pixels[start:stop])
        if alpha is not None:
            lightness = lightness[alpha[start:stop] > 0]
        place = (lightness * (STEPS / 100)).astype(np.intp).ravel()
        counts += np.bincount(place, minlength=STEPS + 1)
    return counts


def _wide_enough(low: float, high: float) -> tuple[float, float]:
    """Return limits at least LEAST_RANGE apart; widened ones leave their middle where it is."""
    missing = max(0.0, LEAST_RANGE - (high - low))
    share = (low + high) / 200
    return low - missing * share, high + missing * (1 - share)


def _gray(lightness: Array, dtype: npt.DTypeLike) -> Array:
    """Return gray sRGB samples of L, clipped to [0, 100]."""
    table = _gray_table(np.iinfo(np.dtype(dtype)).max)
    place = np.clip(lightness, 0, 100) * ((len(table) - 1) / 100) + 0.5
    return table[place.astype(np.intp)]


@functools.cache
def _gray_table(top: int) -> Array:
    """Return the gray sRGB level, of 0 to `top`, of each L in 2¹⁸ steps."""
    dtype = np.dtype(np.uint8 if top == 255 else np.uint16)
    levels = np.arange(top + 1)
    steps = np.linspace(0, 100, (1 << 18) + 1)
    return np.rint(np.interp(steps, lab.lightness(levels[None].astype(dtype))[0], levels)).astype(
        dtype
    )


def _strips(pixels: Array) -> Iterator[tuple[int, int]]:
    """Yield the first row and the one after the last of strips that fit the cache."""
    height, width = pixels.shape[:2]
    rows = max(1, lab.STRIP_PIXELS // max(1, width))
    for start in range(0, height, rows):
        yield start, min(start + rows, height)
