"""Whether a photograph is in color, or gray with at most a tint such as sepia.

A tint has one hue; its strength depends on the lightness, and changes smoothly over the picture
where paper has yellowed. A photograph in color breaks one of these rules.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from colorize.color import lab
from colorize.color.downsampling import CELL_RESAMPLE
from colorize.color.types import Array, Floats

GRID = 32  # cells per side, each a mean of pixels, so that grain and JPEG's noise do not count
HUE_RANGE = np.radians(15)  # on either side of a tint's hue
NOISE = 4.0  # of a and b, which do not count as another hue
OTHER_HUES = 0.02  # share of the picture from which they count: less is a stamp or ink
UNEVENNESS = 5.0  # of a and b: what lightness and a smooth change do not explain, 90th percentile
DEGREE = 4  # of the polynomial in x and y that describes yellowed paper


def is_color(rgb: Array) -> bool:
    """Return whether a photograph is in color.

    Args:
        rgb: (H, W, 3) uint8, the photograph or a smaller copy of it.
    """
    if np.array_equal(rgb[..., 0], rgb[..., 1]) and np.array_equal(rgb[..., 1], rgb[..., 2]):
        return False
    image = Image.fromarray(np.ascontiguousarray(rgb)).resize((GRID, GRID), CELL_RESAMPLE)
    cells = np.asarray(image, np.float32) / 255
    lightness, ab = np.split(lab.rgb_to_lab(cells).reshape(-1, 3), [1], axis=1)
    return bool(_other_hues(ab) > OTHER_HUES or _unevenness(lightness, ab) > UNEVENNESS)


def _other_hues(ab: Floats) -> float:
    """Return the share of colors (n, 2) beyond the hue that covers most of them."""
    hues = np.radians(np.arange(0, 360, 10))
    along = ab @ np.stack([np.cos(hues), np.sin(hues)])
    across = np.abs(ab @ np.stack([-np.sin(hues), np.cos(hues)]))
    outside = across * np.cos(HUE_RANGE) - along * np.sin(HUE_RANGE)
    distance = np.where(along > 0, outside, np.hypot(along, across))
    return float((distance > NOISE).mean(axis=0).min())


def _unevenness(lightness: Floats, ab: Floats) -> float:
    """Return how far most colors are from a smooth function of L and the position."""
    y, x = np.mgrid[-1 : 1 : GRID * 1j, -1 : 1 : GRID * 1j].reshape(2, -1, 1)
    level = lightness / 100
    smooth = [x**i * y**j for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i)]
    terms = np.hstack([*smooth, *(level * each for each in smooth), level**2, level**3])
    fit = terms @ np.linalg.lstsq(terms, ab, rcond=None)[0]
    return float(np.quantile(np.hypot(*(ab - fit).T), 0.9))
