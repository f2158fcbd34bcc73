"""Diffusion of hints along surfaces: a screened Poisson equation that stops at edges.

What hints say spreads as in *Colorization using Optimization* (Levin, Lischinski and Weiss,
2004), with a screening term, so that it fades with the distance instead of filling the picture.
For values d at the hinted cells (h = 1 there, else 0), and once more for d = 1:

    (A + SCREENING + HINT_WEIGHT · h) u = HINT_WEIGHT · h · d

A is the graph Laplacian of the cells with the `edge_weights`. Dividing a solution by that for 1,
m, gives a mean of the values of the hints around, which does not fade; m says how well a cell is
connected to hints. Cells follow whose m, times their likeness to a hint, is large enough for the
change: the larger it is, the better a cell must be connected, because more is lost where it
reaches beyond the thing.

The values are the hints' colors and their changes, color - prediction. A cell takes the change,
which keeps the differences that the network predicts within a thing, but not beyond the color: a
gray hint makes paler cells gray too, and not of the opposite hue.
"""

from __future__ import annotations

import numpy as np

from colorize.color.types import Array, Floats

# Chosen on 25 photographs of BSDS500 by `evaluation.tasks.hints` and `recoloring`.
EDGE_LIGHTNESS = 5.0  # L; differences of neighbors at which their connection falls to 1/e
EDGE_DISTRIBUTION = 0.05  # 1 - Bhattacharyya coefficient
EDGE_COLOR = 8.0  # ab units, where there is no distribution
MIN_WEIGHT = 1e-3  # of a connection
SCREENING = 1e-3  # of a cell, where GRID cells are a side
GRID = 64
HINT_WEIGHT = 100.0
# Connection per change, from which a cell begins to follow, and follows as a whole
CONNECTED = 6e-4, 4e-3  # in 1 / ab unit
MIN_CHANGE = 3.0  # ab units; smaller ones reach as far
MAX_CHANGE = 1.5  # of the change of the hints around, for cells that are farther from their color
TOLERANCE, MAX_STEPS = 1e-5, 600  # of the solver; 200 to 400 steps are usual

Edges = tuple[Floats, Floats]


def edge_weights(lightness: Floats, ab: Floats, sqrt_probabilities: Floats | None) -> Edges:
    """Return how well cells are connected to those below, and to those at their right.

    That is (h - 1, w) and (h, w - 1), up to about 1.

    Args:
        lightness: L, (h, w).
        ab: predicted colors, (2, h, w).
        sqrt_probabilities: roots of the color distributions, (h, w, Q); None without.
    """
    return _connections(lightness, ab, sqrt_probabilities, 0), _connections(
        lightness, ab, sqrt_probabilities, 1
    )


def _connections(lightness: Floats, ab: Floats, root: Floats | None, axis: int) -> Floats:
    exponent = np.abs(np.diff(lightness, axis=axis)) / EDGE_LIGHTNESS
    if root is None:
        exponent = exponent + np.hypot(*np.diff(ab, axis=axis + 1)) / EDGE_COLOR
    else:
        here, there = (root[1:], root[:-1]) if axis == 0 else (root[:, 1:], root[:, :-1])
        coefficient = np.einsum("ijq,ijq->ij", here, there)
        exponent = exponent + np.maximum(1 - coefficient, 0) / EDGE_DISTRIBUTION
    weights: Floats = np.exp(-exponent.astype(np.float64)) + MIN_WEIGHT
    return weights


def diffuse(
    predicted: Floats, colors: Floats, mask: Array, edges: Edges, likeness: Floats
) -> Floats:
    """Return the change of all cells, (2, h, w) in ab units.

    Args:
        predicted: ab without the hints, (2, h, w).
        colors: ab of the hints, (2, h, w); only that of hinted cells counts.
        mask: (h, w), which cells are hinted.
        edges: see `edge_weights`.
        likeness: (h, w), 1 for cells that look like a hinted one, toward 0 for others.
    """
    weight = HINT_WEIGHT * (mask > 0)
    screening = SCREENING * GRID**2 / mask.size
    values = np.concatenate([colors - predicted, colors, np.ones((1, *mask.shape))])
    solution = _solve(weight * values, weight + screening, edges)
    connection = np.maximum(solution[4], 1e-9)
    change, color = solution[:2] / connection, solution[2:4] / connection
    wanted = ((color - predicted) * change).sum(axis=0)  # of the change, by projection onto it
    wanted = np.clip(wanted / np.maximum((change**2).sum(axis=0), 1e-6), 0, MAX_CHANGE)
    reach = connection * likeness / np.maximum(np.hypot(*change), MIN_CHANGE)
    start, whole = np.log(CONNECTED)
    share = np.clip((np.log(np.maximum(reach, 1e-9)) - start) / (whole - start), 0, 1)
    share = share * share * (3 - 2 * share)  # smoothstep
    result: Floats = (change * wanted * share).astype(np.float32)
    return result


def _solve(sources: Array, diagonal: Array, edges: Edges) -> Array:
    """Return u of (A + diagonal) u = sources, (n, h, w), by preconditioned conjugate gradients."""
    down, right = edges
    degree = diagonal.copy()
    for part, weights in (
        (np.s_[1:], down), (np.s_[:-1], down), (np.s_[:, 1:], right), (np.s_[:, :-1], right),
    ):  # fmt: skip
        degree[part] += weights

    def apply(u: Array) -> Array:
        result: Array = degree * u
        result[:, 1:] -= down * u[:, :-1]
        result[:, :-1] -= down * u[:, 1:]
        result[:, :, 1:] -= right * u[:, :, :-1]
        result[:, :, :-1] -= right * u[:, :, 1:]
        return result

    def dot(x: Array, y: Array) -> Array:
        product: Array = np.einsum("nij,nij->n", x, y)[:, None, None]
        return product

    u = np.zeros_like(sources)
    residual = sources - apply(u)
    z = residual / degree
    direction, size = z, dot(residual, z)
    limit = TOLERANCE**2 * size
    for _ in range(MAX_STEPS):
        if (size <= limit).all():
            break
        ahead = apply(direction)
        step = size / np.maximum(dot(direction, ahead), 1e-300)
        u = u + step * direction
        residual = residual - step * ahead
        z = residual / degree
        previous, size = size, dot(residual, z)
        direction = z + size / np.maximum(previous, 1e-300) * direction
    return u
