"""Propagation of hints to similar cells, by Gaussian-process interpolation.

A hint changes the predicted ab at its own cells by d = hinted ab - predicted ab. The change
elsewhere is the posterior mean of a Gaussian process (Rasmussen and Williams, *Gaussian Processes
for Machine Learning*, 2006, eq. 2.25) with these changes as its noisy observations:

    change(x) = k(x, X) · (k(X, X) + NUGGET · I)⁻¹ · d

    k(x, y) = exp(-|Δposition| / s.distance - |ΔL| / s.lightness - (1 - BC) / s.distribution)

X are the hinted cells, s the `LengthScales`, and BC = Σ √(p·q) the Bhattacharyya coefficient of
the cells' color distributions. For a network without distributions, the last term is
|Δab| / s.color, with the predicted ab. docs/control.md describes what users can expect.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from colorize.color.downsampling import block_mean
from colorize.color.types import Array, Floats
from colorize.color.upsampling import upsample_bilinear
from colorize.hints.rasterize import AB_SCALE


class LengthScales(NamedTuple):
    """Differences between two cells at which their correlation falls to 1/e."""

    distance: float  # of the picture's sides
    lightness: float  # L
    distribution: float  # 1 - Bhattacharyya coefficient
    color: float  # ab, where there is no distribution


# Chosen on a part of the ImageNet sample by `evaluation.tasks.hints`. GLOBAL for the whole change
# gains most in PSNR, but lets one strong hint color a whole picture; so only a change as small as a
# color cast, MAX_CAST, is propagated that far.
GLOBAL_HINTS = LengthScales(1.0, 60.0, 0.2, 80.0)
LOCAL_HINTS = LengthScales(0.2, 20.0, 0.1, 40.0)
# for networks that propagate hints themselves
NETWORK_HINTS = LengthScales(0.03, 60.0, 1.0, math.inf)
MAX_CAST = 30.0  # ab units
NUGGET = 0.02  # observation noise: keeps close hints of different colors from amplifying each other
MAX_SOURCES = 1024  # hinted cells that are propagated; of more, a random choice
BLOCK = 4096  # cells that are interpolated at a time, to bound the memory


def propagate_hints(
    ab: Floats,
    lightness: Array,
    hints: Floats,
    probabilities: Array | None = None,
    max_cast: float | Floats = MAX_CAST,
    seen_by_network: bool = False,
) -> Floats:
    """Return ab with the hints met at their cells and propagated to similar ones.

    Up to max_cast of each change is propagated with GLOBAL_HINTS, as if it were a color cast, and
    the rest with LOCAL_HINTS. Where the network has propagated the hints itself, all of it is
    with NETWORK_HINTS.

    Args:
        ab: (2, H, W), the predicted colors in ab units.
        lightness: (H', W'), L in [0, 100].
        hints: (3, h, w), see `rasterize`; h and w are divisors of the sizes of the other two.
        probabilities: (Q, h, w), the color distribution of each cell; None for networks without.
        max_cast: In ab units, for all cells or for each, (h, w); 0 leaves the color cast of the
            whole picture alone.
        seen_by_network: Whether the network got the hints as input.
    """
    mask = hints[2]
    if not mask.any():
        return ab
    sources = np.flatnonzero(mask)
    if len(sources) > MAX_SOURCES:
        sources = np.random.default_rng(0).choice(sources, MAX_SOURCES, replace=False)
    predicted = block_mean(ab, mask.shape)
    features = _features(block_mean(lightness, mask.shape), predicted, probabilities)
    wanted = (AB_SCALE * hints[:2] - predicted).reshape(2, -1)[:, sources].T  # (n, 2)
    if seen_by_network:
        change = _gp_interpolate(wanted, features, sources, NETWORK_HINTS)
    else:
        limit = np.broadcast_to(max_cast, mask.shape).reshape(-1)[sources]
        norm = np.maximum(np.hypot(*wanted.T), 1e-6)
        cast = wanted * np.minimum(1, limit / norm)[:, None]
        far = limit > 0
        change = _gp_interpolate(cast[far], features, sources[far], GLOBAL_HINTS)
        change += _gp_interpolate(wanted - change[sources], features, sources, LOCAL_HINTS)
    planes = np.ascontiguousarray(change.T).reshape(2, *mask.shape)
    return ab + upsample_bilinear(planes, (ab.shape[1], ab.shape[2]))


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
    for start in range(0, len(result), BLOCK):
        block = np.arange(start, min(start + BLOCK, len(result)))
        result[block] = _kernel(features.at(block), known, scales) @ weights
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
