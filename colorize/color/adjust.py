"""Changes of all colors alike: stronger, warmer, or so that a pixel that was gray is gray."""

from __future__ import annotations

import math

import numpy as np

from colorize.color.types import Floats
from colorize.errors import ColorizeError

WARM_AB = np.array([0.25, 0.97], np.float32)  # unit vector in ab toward orange


def adjust(ab: Floats, saturation: float, warmth: float) -> Floats:
    """Return ab (b, 2, h, w) multiplied by `saturation`, then shifted toward orange.

    warmth: How far, in ab units; below 0 toward blue.
    """
    shift = np.float32(warmth) * WARM_AB
    adjusted: Floats = np.float32(saturation) * ab + shift[:, None, None]
    return adjusted


def parse_position(text: str) -> tuple[float, float]:
    """Return x and y of "X,Y". Raises ColorizeError for any other text."""
    try:
        x, y = (float(number) for number in text.split(","))
    except ValueError:
        x = y = math.nan
    if not (0 <= x < math.inf and 0 <= y < math.inf):
        raise ColorizeError(f"neutral {text!r}: write X,Y, the column and row of a pixel")
    return x, y


def neutralize(ab: Floats, position: tuple[float, float], size: tuple[int, int]) -> Floats:
    """Return ab minus that of the cell at a position.

    Args:
        ab: (b, 2, h, w), in ab units.
        position: x and y in pixels of the photograph.
        size: (H, W) of the photograph.

    Raises:
        ColorizeError: for a position outside of the photograph.
    """
    (x, y), (height, width) = position, size
    column, row = round(x), round(y)
    if row >= height or column >= width:
        raise ColorizeError(
            f"neutral {x:g},{y:g} is outside the photograph of {width}×{height} pixels"
        )
    cell = ab[..., row * ab.shape[2] // height, column * ab.shape[3] // width]
    return ab - cell[..., None, None]
