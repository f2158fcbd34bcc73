"""Propagation of hints: along surfaces, and small changes to whatever looks alike.

A hint changes the predicted ab at its own cells by d = hinted ab - predicted ab. A small change
may correct the light or the network's guess for the whole picture, so it goes to similar cells
anywhere; a large one is about the hinted thing and stays on it, see `diffuse`. The former is the
posterior mean of a Gaussian process (Rasmussen and Williams, *Gaussian Processes for Machine
Learning*, 2006, eq. 2.25) with noisy observations c, the `_cast` of d:

    change(x) = k(x, X) · (k(X, X) + NUGGET · I)⁻¹ · c

    k(x, y) = exp(-|Δposition| / s.distance - |ΔL| / s.lightness - (1 - BC) / s.distribution)

X are the hinted cells, s the `LengthScales`, and BC = Σ √(p·q) the Bhattacharyya coefficient of
the cells' color distributions. For a network without distributions, the last term is
|Δab| / s.color, with the predicted ab. docs/control.md describes what users can expect.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from colorize.color.downsampling import block_mean
from colorize.color.types import Array, Floats
from colorize.color.upsampling import upsample_bilinear
from colorize.hints.diffuse import diffuse, edge_weights
from colorize.hints.rasterize import AB_SCALE


class LengthScales(NamedTuple):
    """Differences between two cells at which their correlation falls to 1/e."""

    distance: float  # of the picture's sides
    lightness: float  # L
    distribution: float  # 1 - Bhattacharyya coefficient
    color: float  # ab, where there is no distribution


# Chosen by `evaluation.tasks.hints` and `recoloring`, like the constants of `diffuse`.
CAST_HINTS = LengthScales(math.inf, 60.0, 0.1, 80.0)
REACH = LengthScales(0.3, 60.0, 0.1, 20.0)  # of what diffuses along surfaces
# for networks that propagate hints themselves
NETWORK_HINTS = LengthScales(0.03, 60.0, 1.0, math.inf)
OBJECT_CAST = 13.0  # ab units, where a change fades from the cast; the largest is 8.5
MAX_CAST = 30.0  # ab units, of hints with the scope "cast"
NUGGET = 0.02  # observation noise: keeps close hints of different colors from amplifying each other
MAX_SOURCES = 1024  # hinted cells that are propagated; of more, a random choice
BLOCK = 4096  # cells that are interpolated at a time, to bound the memory


def propagate_hints(
    ab: Floats,
    lightness: Array,
    hints: Floats,
    probabilities: Array | None = None,
    is_cast: bool | Array = False,
    seen_by_network: bool = False,
) -> Floats:
    """Return ab with the hints met at their cells and propagated to similar ones.

    The cast of each change goes to similar cells anywhere, the rest diffuses along surfaces. Where
    the network has propagated the hints itself, all of it goes to similar cells close by.

    Args:
        ab: (2, H, W), the predicted colors in ab units.
        lightness: (H', W'), L in [0, 100].
        hints: (3, h, w), see `rasterize`; h and w are divisors of the sizes of the other two.
        probabilities: (Q, h, w), the color distribution of each cell; None for networks without.
        is_cast: Whether hints have the scope "cast", for all cells or for each, (h, w).
        seen_by_network: Whether the network got the hints as input.
    """
    mask = hints[2]
    if not mask.any():
        return ab
    sources = np.flatnonzero(mask)
    if len(sources) > MAX_SOURCES:
        sources = np.random.default_rng(0).choice(sources, MAX_SOURCES, replace=False)
    predicted = block_mean(ab, mask.shape)
    lightness = block_mean(lightness, mask.shape)
    features = _features(lightness, predicted, probabilities)
    wanted = AB_SCALE * hints[:2] - predicted
    if seen_by_network:
        known = wanted.reshape(2, -1)[:, sources].T
        change = _to_planes(_gp_interpolate(known, features, sources, NETWORK_HINTS), mask.shape)
    else:
        known = _cast(wanted, is_cast).reshape(2, -1)[:, sources].T
        change = _to_planes(_gp_interpolate(known, features, sources, CAST_HINTS), mask.shape)
        root = features.sqrt_probabilities
        edges = edge_weights(
            lightness, predicted, None if root is None else root.reshape(*mask.shape, -1)
        )
        likeness = _likeness(features, sources).reshape(mask.shape)
        change += diffuse(predicted + change, AB_SCALE * hints[:2], mask, edges, likeness)
    return ab + upsample_bilinear(change, (ab.shape[1], ab.shape[2]))


def _cast(change: Floats, is_cast: bool | Array) -> Floats:
    """Return the part of changes (2, h, w) that goes to similar cells anywhere.

    With the scope "object" it is a redescending function, as in robust statistics: a small change
    as a whole, of a large one nothing.
    """
    size = np.hypot(*change)
    limited = np.minimum(1, MAX_CAST / np.maximum(size, 1e-6))
    part: Floats = change * np.where(is_cast, limited, np.exp(-0.5 * (size / OBJECT_CAST) ** 4))
    return part


def _to_planes(values: Floats, grid: tuple[int, ...]) -> Floats:
    """Return (cells, 2) as (2, h, w)."""
    return np.ascontiguousarray(values.T).reshape(2, *grid)


class _CellFeatures(NamedTuple):
    """What the kernel compares cells by."""

    position: Floats  # (n, 2), of the picture's sides
    lightness: Floats  # (n, 1)
    ab: Floats  # (n, 2)
    sqrt_probabilities: Floats | None  # (n, Q)

    def at(self, cells: Array) -> _CellFeatures:
        root = None if self.sqrt_probabilities is None else self.sqrt_probabilities[cells]
        return _CellFeatures(self.position[cells], self.lightness[cells], self.ab[cells], root)


def _features(lightness: Floats, ab: Floats, probabilities: Array | None) -> _CellFeatures:
    """Return the features of all cells, row by row.

    Args:
        lightness: L (h, w).
        ab: (2, h, w).
        probabilities: (Q, h, w), or None.
    """
    h, w = lightness.shape
    position = np.stack(np.meshgrid(np.arange(h) / h, np.arange(w) / w, indexing="ij"), axis=-1)
    root = None
    if probabilities is not None:
        root = np.sqrt(probabilities.reshape(len(probabilities), -1).T, dtype=np.float32)
    positions = position.reshape(-1, 2).astype(np.float32)
    return _CellFeatures(positions, lightness.reshape(-1, 1), ab.reshape(2, -1).T, root)


def _gp_interpolate(
    values: Floats, features: _CellFeatures, sources: Array, scales: LengthScales
) -> Floats:
    """Return the values at all cells, (cells, 2), from those at the source cells, (n, 2)."""
    known = features.at(sources)
    covariance = _kernel(known, known, scales) + NUGGET * np.eye(len(sources))
    weights = np.linalg.solve(covariance, values).astype(np.float32)
    result = np.empty((len(features.position), 2), np.float32)
    for block in _blocks(len(result)):
        result[block] = _kernel(features.at(block), known, scales) @ weights
    return result


def _blocks(cells: int) -> Iterator[Array]:
    """Yield the numbers of the cells, BLOCK at a time."""
    for start in range(0, cells, BLOCK):
        yield np.arange(start, min(start + BLOCK, cells))


def _likeness(features: _CellFeatures, sources: Array) -> Floats:
    """Return how much each cell is like the source cell that it is most like, (cells,), 0 to 1."""
    known = features.at(sources)
    result = np.empty(len(features.position), np.float32)
    for block in _blocks(len(result)):
        result[block] = _kernel(features.at(block), known, REACH).max(axis=1)
    return result


def _kernel(a: _CellFeatures, b: _CellFeatures, scales: LengthScales) -> Floats:
    """Return the correlation of cells a (n) and cells b (m), (n, m); 1 for equal cells."""
    dy, dx = np.moveaxis(a.position[:, None] - b.position, -1, 0)
    exponent = np.hypot(dy, dx) / scales.distance
    exponent += np.abs(a.lightness - b.lightness.T) / scales.lightness
    if a.sqrt_probabilities is not None and b.sqrt_probabilities is not None:
        coefficient = a.sqrt_probabilities @ b.sqrt_probabilities.T
        exponent += (1 - coefficient) / scales.distribution
    elif scales.color < math.inf:
        exponent += np.hypot(*np.moveaxis(a.ab[:, None] - b.ab, -1, 0)) / scales.color
    correlation: Floats = np.exp(-exponent, dtype=np.float32)
    return correlation
