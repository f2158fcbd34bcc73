"""The photograph's own L and the network's ab together, a strip of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from colorize.color import lab
from colorize.color.bit_depth import to_uint8
from colorize.color.upsampling import BilinearUpsampler, GuidedUpsampler
from colorize.hints.format import HintedPixels

Array = npt.NDArray[Any]

MAX_STRIP_THREADS = 4
CELL_RESAMPLE = Image.Resampling.BOX  # the mean


def merge_lab_strips(
    pixels: Array,
    ab: npt.NDArray[np.float32],
    places: HintedPixels | None = None,
    guide: npt.NDArray[np.float32] | None = None,
    threads: int = 2,
) -> Array:
    """Return sRGB pixels, (H, W, 3), with the L of `pixels` and ab enlarged to their size.

    pixels: (H, W) or (H, W, 3), uint8 or uint16, as the result. ab: (2, h, w). places: pixels
    that have an ab of their own. guide: (h, w), `downsampled_lightness` for guided upsampling, None
    for bilinear. Works on strips of rows, several at a time, so that memory beyond the result
    does not grow with the height.
    """
    height, width = pixels.shape[:2]
    enlarger = _enlarger(ab, (height, width), guide)
    result = np.empty((height, width, 3), pixels.dtype)

    def strip(rows: tuple[int, int]) -> None:
        lightness = lab.lightness(pixels[slice(*rows)])
        colors = enlarger.rows(*rows, lightness)
        if places is not None:
            places.paint(colors, rows[0])
        result[slice(*rows)] = lab.join(lightness, colors, pixels.dtype)

    strips = list(_strips(height, width))
    if threads == 1 or len(strips) == 1:
        for rows in strips:
            strip(rows)
        return result
    with ThreadPoolExecutor(min(threads, MAX_STRIP_THREADS)) as pool:
        for _ in pool.map(strip, strips):
            pass
    return result


def _enlarger(
    ab: npt.NDArray[np.float32], size: tuple[int, int], guide: npt.NDArray[np.float32] | None
) -> BilinearUpsampler | GuidedUpsampler:
    """Return what enlarges ab (2, h, w) to that size, (H, W)."""
    return BilinearUpsampler(ab, size) if guide is None else GuidedUpsampler(ab, size, guide)


def downsampled_lightness(pixels: Array, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return L of the mean sRGB of each of h×w cells, (h, w); `shape` is (h, w).

    pixels: (H, W) or (H, W, 3), uint8 or uint16.
    """
    image = Image.fromarray(to_uint8(pixels))
    cells = image.resize((shape[1], shape[0]), CELL_RESAMPLE)
    return lab.lightness(np.asarray(cells))


def _strips(height: int, width: int) -> Iterator[tuple[int, int]]:
    """Yield the first row and the one after the last of each strip."""
    rows = max(1, lab.STRIP_PIXELS // width)
    for start in range(0, height, rows):
        yield start, min(start + rows, height)
