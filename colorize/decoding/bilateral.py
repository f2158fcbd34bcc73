"""One surface, one color: distributions agree with those of places near and about as light.

A network that predicts a distribution at each place decides each for itself, and one wall or
coat comes out in patches of red and green. Here each place's logits are moved toward the mean
of the logits around it, weighted like a bilateral filter (Tomasi and Manduchi, *Bilateral
Filtering for Gray and Color Images*, ICCV 1998): by distance and by difference of L. The mean of
logits is the geometric mean of the distributions: a color stays where all hold it possible.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]

REACH = 0.2  # of the picture's height and width, standard deviation of the distance
TOLERANCE = 5.0  # L units, standard deviation of the difference
NEIGHBORS = 16  # the picture is averaged to 16×16 neighbors


def smooth_logits(logits: Array, lightness: Array, share: float) -> Floats:
    """Return logits (b, Q, h, w) of which a share, 0 to 1, is the mean of those around.

    lightness: (b, 1, H, W), L in [0, 100], what the logits were predicted from; H and W are
    multiples of h and w. A share of 0 changes nothing.
    """
    result = np.array(logits, np.float32)
    if share == 0:
        return result
    q, h, w = result.shape[1:]
    rows, columns = _averaging(h), _averaging(w)
    for one, gray in zip(result, lightness[:, 0], strict=True):
        weights = _weights(_at_cells(gray, h, w), rows, columns)  # (neighbors, places)
        neighbors = np.float32(share) * (rows @ one @ columns.T)
        one *= np.float32(1 - share)
        one += (neighbors.reshape(q, -1) @ weights).reshape(q, h, w)
    return result


def _at_cells(lightness: Array, h: int, w: int) -> Floats:
    """Return the mean L of each of h×w cells."""
    blocks = lightness.reshape(h, lightness.shape[0] // h, w, lightness.shape[1] // w)
    mean: Floats = blocks.mean(axis=(1, 3), dtype=np.float32)
    return mean


def _averaging(size: int) -> Floats:
    """Return the matrix (n, size) that averages a row of cells to n neighbors, n at most 16."""
    count = min(size, NEIGHBORS)
    edges = np.linspace(0, size, count + 1)
    cells = np.arange(size)
    overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    return (overlap.clip(min=0) * count / size).astype(np.float32)


def _weights(lightness: Floats, rows: Floats, columns: Floats) -> Floats:
    """Return what each neighbor counts at each place, (neighbors, h·w), columns sum to 1.

    A neighbor has a mean L and, where it lies across an edge, a variance, which widens the
    Gaussian of the difference and lowers it: of such a neighbor only a part is alike. All
    exponents come from one product, since (m - L)² = m² - 2mL + L², and so for the distances.
    """
    mean = (rows @ lightness @ columns.T).reshape(-1)
    variance = (rows @ lightness**2 @ columns.T).reshape(-1) - mean**2
    width = TOLERANCE**2 + variance.clip(min=0)
    y, x = _positions(len(rows), len(columns))
    constant = -(mean**2 / width + np.log(width) + y**2 + x**2) / 2
    ones = np.ones_like(mean)
    neighbors = np.stack((-0.5 / width, mean / width, y, x, constant, ones), axis=1)
    gray = lightness.reshape(-1)
    y, x = _positions(*lightness.shape)
    places = np.stack((gray**2, gray, y, x, np.ones_like(gray), -(y**2 + x**2) / 2))
    weights: Floats = neighbors.astype(np.float32) @ places.astype(np.float32)
    np.exp(weights, out=weights)
    weights /= weights.sum(axis=0).clip(min=np.finfo(np.float32).tiny)
    return weights


def _positions(height: int, width: int) -> tuple[Array, Array]:
    """Return where the cells' centers are, row by row, in deviations of the distance."""
    down, right = ((np.arange(n) + 0.5) / (n * REACH) for n in (height, width))
    return np.repeat(down, width), np.tile(right, height)
