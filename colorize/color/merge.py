"""The photograph's own L and upsampled ab, merged to sRGB in strips of rows."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from colorize.color import lab
from colorize.color.types import Array, Floats
from colorize.color.upsampling import BilinearUpsampler, GuidedUpsampler

EditAb = Callable[[Floats, int], None]

MAX_STRIP_THREADS = 4


def merge_lab_strips(
    pixels: Array,
    ab: Floats,
    edit_ab: EditAb | None = None,
    guide: Floats | None = None,
    threads: int = 2,
) -> Array:
    """Return sRGB pixels, (H, W, 3), with the L of `pixels` and ab upsampled to their size.

    Works on strips of rows, several at a time, so that memory beyond the result does not grow
    with the height.

    Args:
        pixels: (H, W) or (H, W, 3), uint8 or uint16; the result has the same dtype.
        ab: (2, h, w) in ab units, of any size.
        edit_ab: called with the upsampled ab of each strip, (2, rows, W), and the strip's first
            row; changes it in place (see `HintedPixels.apply_to`).
        guide: (h, w), see `downsampled_lightness`, for guided upsampling; None for bilinear.
        threads: how many strips are worked on at the same time.
    """
    height, width = pixels.shape[:2]
    size = (height, width)
    upsampler = BilinearUpsampler(ab, size) if guide is None else GuidedUpsampler(ab, size, guide)
    result = np.empty((height, width, 3), pixels.dtype)

    def merge_strip(rows: slice) -> None:
        lightness = lab.lightness(pixels[rows])
        colors = upsampler.rows(rows.start, rows.stop, lightness)
        if edit_ab is not None:
            edit_ab(colors, rows.start)
        result[rows] = lab.lab_to_srgb_pixels(lightness, colors, pixels.dtype)

    strips = lab.strips(height, width)
    if threads == 1 or len(strips) == 1:
        for rows in strips:
            merge_strip(rows)
        return result
    with ThreadPoolExecutor(min(threads, MAX_STRIP_THREADS)) as pool:
        for _ in pool.map(merge_strip, strips):
            pass
    return result
