"""The photograph's own L and upsampled ab, merged to sRGB block by block."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from colorize.color import lab
from colorize.color.types import Array, Floats
from colorize.color.upsampling import BilinearUpsampler, GuidedUpsampler

EditAb = Callable[[Floats, slice, slice], None]

MAX_THREADS = 4
GRAY = np.zeros((2, 1, 1), np.float32)  # ab


def merge_lab_blocks(
    pixels: Array,
    ab: Floats,
    edit_ab: EditAb | None = None,
    guide: Floats | None = None,
    threads: int = 2,
    out: Array | None = None,
) -> Array:
    """Return sRGB pixels, (H, W, 3), with the L of `pixels` and ab upsampled to their size.

    Works on blocks, several at a time, so that memory beyond the result does not grow with the
    size of the picture, whatever its shape.

    Args:
        pixels: (H, W) or (H, W, 3), uint8 or uint16; the result has the same dtype.
        ab: (2, h, w) in ab units, of any size.
        edit_ab: called with the upsampled ab of each block, (2, rows, columns), and with its rows
            and columns; changes it in place (see `HintedPixels.apply_to`).
        guide: (h, w), see `downsampled_lightness`, for guided upsampling; None for bilinear.
        threads: how many blocks are worked on at the same time.
        out: where the result is written, (H, W, 3); None: into a new array.
    """
    height, width = pixels.shape[:2]
    size = (height, width)
    upsampler = BilinearUpsampler(ab, size) if guide is None else GuidedUpsampler(ab, size, guide)
    result = np.empty((height, width, 3), pixels.dtype) if out is None else out

    def merge_block(block: lab.Block) -> None:
        rows, columns = block
        lightness = lab.lightness(pixels[block])
        colors = upsampler.block(rows, columns, lightness)
        if edit_ab is not None:
            edit_ab(colors, rows, columns)
        result[block] = lab.lab_to_srgb_pixels(lightness, colors, pixels.dtype)

    blocks = lab.blocks(height, width)
    if threads == 1 or height * width <= lab.BLOCK_PIXELS:
        for block in blocks:
            merge_block(block)
        return result
    with ThreadPoolExecutor(min(threads, MAX_THREADS)) as pool:
        for _ in pool.map(merge_block, blocks):
            pass
    return result
