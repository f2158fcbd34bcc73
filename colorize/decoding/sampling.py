"""Other colors that a network holds possible: whole pictures drawn from its distributions.

Drawing each cell by itself would give noise. Here a smooth random field says at which quantile
of its distribution each cell's color lies (a Gaussian copula), along two perpendicular
directions of the ab plane. The field depends on the distributions alone: cells for which the
network holds the same colors possible get the same quantile, so that a dress or a sky changes
as a whole. What the network is sure of hardly changes, and no color is favored more than its
share: unlike with a tilt of the logits, the tails stay tails.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from colorize.errors import ColorizeError

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]

WIDTH = 0.25  # of the window of quantiles that is kept, as a standard deviation
REACH = 0.7  # Hellinger distance at which two distributions' draws have a correlation of 0.6
WAVES = 64  # random waves a field is made of; more make it closer to Gaussian
MOST = 1000  # samples of a photograph


def check(count: int, seed: int) -> None:
    """Raise ColorizeError for a number of samples or a seed that can't be."""
    if not 1 <= count <= MOST:
        raise ColorizeError(f"samples {count}: give a number from 1 to {MOST}")
    if seed < 0:
        raise ColorizeError(f"seed {seed}: give a whole number from 0 on")


def copula_log_weights(probabilities: Array, centers: Array, number: int, seed: int) -> Floats:
    """Return by what the log-probabilities change in a sample, (Q, h, w), at most 0.

    probabilities: (Q, h, w) over colors `centers`, (Q, 2) ab. number: which sample, from 1;
    it is the same however many others are drawn. Samples 1 and 2, 3 and 4, ... are opposites,
    which makes a few samples cover more of what is possible.
    """
    cells = probabilities.reshape(len(probabilities), -1)
    random = np.random.default_rng((seed, (number - 1) // 2))
    angle = random.uniform(0, np.pi)
    quantiles = _quantiles(cells, random)
    if number % 2 == 0:
        quantiles = 1 - quantiles
    result = np.zeros(cells.shape, np.float32)
    for turn, quantile in zip((0, np.pi / 2), quantiles, strict=True):
        direction = np.cos(angle + turn), np.sin(angle + turn)
        order = np.argsort(centers @ np.array(direction, np.float32))
        shares = cells[order]
        ranks = np.cumsum(shares, axis=0) - shares / 2  # in (0, 1), of each color in each cell
        result[order] -= np.square((ranks - quantile) / WIDTH) / 2
    return result.reshape(probabilities.shape)


def _quantiles(cells: Array, random: np.random.Generator) -> Floats:
    """Return two independent fields of quantiles in (0, 1), (2, n), for distributions (Q, n).

    A Gaussian field over the distributions, whose covariance falls with their Hellinger
    distance d as exp(-(d / REACH)² / 2), by random Fourier features (Rahimi and Recht, *Random
    features for large-scale kernel machines*, 2007), through the normal distribution function.
    """
    waves = random.standard_normal((2 * WAVES, len(cells)), np.float32)
    waves /= np.float32(np.sqrt(2) * REACH)  # |√p - √q| = √2 · Hellinger distance
    phases = random.uniform(0, 2 * np.pi, (2 * WAVES, 1)).astype(np.float32)
    field = np.cos(waves @ np.sqrt(cells) + phases).reshape(2, WAVES, -1).sum(axis=1)
    field *= np.sqrt(2 / WAVES)
    # the logistic function with this slope is the normal distribution function within 0.01
    quantiles: Floats = 1 / (1 + np.exp(-1.702 * field))
    return quantiles
