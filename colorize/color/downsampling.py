"""Means over the cells of a grid."""

from __future__ import annotations

import numpy as np
from PIL import Image

from colorize.color import lab
from colorize.color.bit_depth import to_uint8
from colorize.color.types import Array, Floats

CELL_RESAMPLE = Image.Resampling.BOX  # Pillow's filter for the mean over a cell


def block_mean(planes: Array, grid: tuple[int, ...]) -> Floats:
    """Return the means of (..., H, W) over equal blocks, (..., h, w) float32.

    grid: (h, w), divisors of H and W.
    """
    h, w = grid
    *leading, height, width = planes.shape
    blocks = planes.reshape(*leading, h, height // h, w, width // w)
    rows = blocks.sum(axis=-3, dtype=np.float32)
    sums: Floats = np.einsum("...j->...", rows)  # a fifth of the time of `mean` over both axes
    means: Floats = sums * np.float32(h * w / (height * width))
    return means


def area_downsample(plane: Floats, grid: tuple[int, ...]) -> Floats:
    """Return the area-weighted means of (H, W) over a grid (h, w) that need not divide it."""
    image = Image.fromarray(np.asarray(plane, np.float32))
    return np.asarray(image.resize((grid[1], grid[0]), CELL_RESAMPLE))


def downsampled_lightness(pixels: Array, grid: tuple[int, ...]) -> Floats:
    """Return L of the mean sRGB color of each cell of a grid, (h, w).

    This is the guide of `upsampling.GuidedUpsampler`. pixels: (H, W) or (H, W, 3), uint8 or
    uint16; grid: (h, w).
    """
    image = Image.fromarray(to_uint8(pixels))
    return lab.lightness(np.asarray(image.resize((grid[1], grid[0]), CELL_RESAMPLE)))
