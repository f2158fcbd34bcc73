"""Plain borders of prints and negatives, such as white paper or black film."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from colorize.color import lab
from colorize.color.types import Array, Floats

MAX_BORDER = 0.15  # of a side: the widest border that is recognized
TONE_RANGE = 4.0  # L: largest difference of border pixels from the border's median
PLAIN_SHARE = 0.9  # of the pixels of a border row or column are within that range
INNER_SHARE = 0.4  # of the pixels of some row or column right behind it are, at most
SOFT_EDGE = 0.02  # of a side: within that, such a row or column follows
THUMBNAIL_SIDE = 512  # pixels of the longer side at which borders are looked for


def crop_borders(pixels: Array) -> lab.Block:
    """Return the rows and columns inside a plain border; all of them where there is none.

    A border is recognized where two opposite edges are both of nearly one tone (90 % of a row or
    column within 4 L of the median of its outermost line) and end within 15 % of the side, both
    abruptly. A sky along a single edge is therefore not a border, nor is a plain background, which
    the subject in front of it reaches into little by little.

    pixels: sRGB, (H, W) or (H, W, 3), uint8 or uint16.
    """
    thumbnail, step = _thumbnail_lightness(pixels)
    rows = _between_borders(thumbnail, step, pixels.shape[0])
    inner = thumbnail[rows.start // step : -(-rows.stop // step)]
    return rows, _between_borders(inner.T, step, pixels.shape[1])


def strips_around(inside: lab.Block, size: tuple[int, int]) -> list[lab.Block]:
    """Return what of a picture of the size (H, W) lies outside of some rows and columns."""
    (rows, columns), (height, width) = inside, size
    strips = [
        (slice(0, rows.start), slice(0, width)),
        (slice(rows.stop, height), slice(0, width)),
        (rows, slice(0, columns.start)),
        (rows, slice(columns.stop, width)),
    ]
    return [(y, x) for y, x in strips if y.start < y.stop and x.start < x.stop]


def pad_borders(values: Floats, inside: lab.Block, size: tuple[int, int], border: float) -> Floats:
    """Return values of cells inside the borders, (h, w), with further cells for the borders.

    Args:
        values: One for each cell of a grid over the rows and columns inside.
        inside: Those rows and columns.
        size: (H, W) of the picture.
        border: The value of the further cells; their number is rounded.
    """
    widths = []
    for cells, part, side in zip(values.shape, inside, size, strict=True):
        cells_per_pixel = cells / (part.stop - part.start)
        borders = part.start, side - part.stop
        widths.append([round(pixels * cells_per_pixel) for pixels in borders])
    return np.pad(values, widths, constant_values=border)


def _thumbnail_lightness(pixels: Array) -> tuple[npt.NDArray[np.float32], int]:
    """Return L of every n-th pixel of rows and columns, at most 512 a side, and n."""
    step = -(-max(pixels.shape[:2]) // THUMBNAIL_SIDE)
    return lab.lightness(np.ascontiguousarray(pixels[::step, ::step])), step


def _between_borders(lightness: Array, step: int, length: int) -> slice:
    """Return which of `length` rows are inside the borders; `lightness` has every `step`-th row."""
    first, last = _border_rows(lightness), _border_rows(lightness[::-1])
    alike = abs(np.median(lightness[0]) - np.median(lightness[-1])) <= 2 * TONE_RANGE
    if not (alike and first and last):
        return slice(0, length)
    # the row after the last plain one may be half border: edges are soft
    return slice((first + 1) * step, (len(lightness) - 2 - last) * step + 1)


def _border_rows(lightness: Array) -> int:
    """Return how many rows from the first on are a border, 0 if none are."""
    widest, behind = int(MAX_BORDER * len(lightness)), max(2, int(SOFT_EDGE * len(lightness)))
    rows = lightness[: widest + behind + 1]
    near = (np.abs(rows - np.median(rows[0])) <= TONE_RANGE).mean(axis=1)
    plain = near >= PLAIN_SHARE
    count = len(plain) if plain.all() else int(np.argmin(plain))
    ends_abruptly = near[count : count + behind + 1].min(initial=1.0) <= INNER_SHARE
    return count if count <= widest and ends_abruptly else 0
