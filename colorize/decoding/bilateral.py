"""Bilateral smoothing of color distributions, which reduces blotches.

The network predicts each cell independently, so one wall or coat can come out in patches of red
and green. Here the logits of each cell are mixed with a mean of the logits around it, weighted as
in a bilateral filter (Tomasi and Manduchi, *Bilateral Filtering for Gray and Color Images*, ICCV
1998) by distance and by difference of L. The mean of logits is the geometric mean of the
distributions: a color remains where all of them consider it possible.

The mean is taken over a coarse grid of averages rather than over all cells, for speed.
"""

from __future__ import annotations

import numpy as np

from colorize.color.downsampling import block_mean
from colorize.color.types import Array, Floats

SIGMA_SPACE = 0.3  # of the picture's height and width
SIGMA_LIGHTNESS = 8.0  # L units
SIGMA_COLOR = 4.0  # ab units
COARSE_GRID = 16  # cells per side of the grid of averages
CELLS = 512  # smoothed or decoded at a time


def smooth_logits(logits: Array, lightness: Array, colors: Array, strength: float) -> Floats:
    """Return logits (b, Q, h, w) mixed with their bilateral mean.

    Args:
        logits: (b, Q, h, w).
        lightness: (b, 1, H, W), L in [0, 100] that the logits were predicted from; H and W are
            multiples of h and w.
        colors: (b, 2, h, w), ab that the logits lead one to expect.
        strength: the weight of the bilateral mean, 0 (no change) to 1.
    """
    result = np.array(logits, np.float32)
    if strength == 0:
        return result
    for picture, light, ab in zip(result, lightness[:, 0], colors, strict=True):
        smoother = BilateralSmoother(picture, light, ab, strength)
        for rows in strips(*picture.shape[1:]):  # a row of the result needs only its own logits
            picture[:, rows] = smoother.rows(rows)
    return result


def strips(height: int, width: int) -> list[slice]:
    """Return rows of cells that are worked on together: their logits fit the processor's cache."""
    step = max(1, CELLS // width)
    return [slice(row, min(row + step, height)) for row in range(0, height, step)]


class BilateralSmoother:
    """Mixes the logits of one picture with their bilateral mean, any rows of it at a time."""

    def __init__(self, logits: Floats, lightness: Array, colors: Array, strength: float):
        """Average the logits (Q, h, w) over the coarse grid; see `smooth_logits`."""
        q, h, w = logits.shape
        down, across = _area_matrix(h), _area_matrix(w)
        self._logits = logits
        self._strength = np.float32(strength)
        self._coarse = (self._strength * (down @ logits @ across.T)).reshape(q, -1)
        guides = np.stack((block_mean(lightness, (h, w)) / SIGMA_LIGHTNESS, *colors / SIGMA_COLOR))
        self._factors = _weight_factors(guides, down, across)

    def rows(self, rows: slice) -> Floats:
        """Return some rows of the smoothed logits, (Q, rows, w)."""
        logits = self._logits[:, rows]
        q, height, w = logits.shape
        coarse, fine = self._factors
        weights = coarse @ fine[:, rows.start * w : rows.stop * w]
        np.exp(weights, out=weights)
        weights /= weights.sum(axis=0).clip(min=np.finfo(np.float32).tiny)
        smoothed: Floats = (self._coarse @ weights).reshape(q, height, w)
        smoothed += (1 - self._strength) * logits
        return smoothed


def _area_matrix(size: int) -> Floats:
    """Return the matrix (n, size) of an area average of `size` cells to n = COARSE_GRID at most."""
    count = min(size, COARSE_GRID)
    edges = np.linspace(0, size, count + 1)
    cells = np.arange(size)
    overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    return (overlap.clip(min=0) * count / size).astype(np.float32)


def _weight_factors(guides: Floats, down: Floats, across: Floats) -> tuple[Floats, Floats]:
    """Return matrices (coarse, n) and (n, h·w) whose product is the logarithm of all weights.

    The weights are those of each coarse cell in each cell, up to a factor for each cell. A coarse
    cell across an edge has a variance of the guides as well as a mean; it widens the Gaussian of
    the difference and lowers it. All exponents come from one matrix product, since
    (m - g)² = m² - 2mg + g², and likewise for the distances.

    Args:
        guides: (g, h, w), L and colors in units of their sigmas.
        down: See `_area_matrix`.
        across: Likewise.
    """
    mean = (down @ guides @ across.T).reshape(len(guides), -1)
    variance = (down @ guides**2 @ across.T).reshape(len(guides), -1) - mean**2
    width = 1 + variance.clip(min=0)
    y, x = _cell_centers(len(down), len(across))
    constant = -((mean**2 / width + np.log(width)).sum(axis=0) + y**2 + x**2) / 2
    coarse = np.stack((*(-0.5 / width), *(mean / width), y, x, constant, np.ones_like(y)), axis=1)
    flat = guides.reshape(len(guides), -1)
    y, x = _cell_centers(*guides.shape[1:])
    fine = np.stack((*flat**2, *flat, y, x, np.ones_like(y), -(y**2 + x**2) / 2))
    return coarse.astype(np.float32), fine.astype(np.float32)


def _cell_centers(height: int, width: int) -> tuple[Array, Array]:
    """Return y and x of the cells' centers, row by row, in units of SIGMA_SPACE."""
    y, x = ((np.arange(n) + 0.5) / (n * SIGMA_SPACE) for n in (height, width))
    return np.repeat(y, width), np.tile(x, height)
