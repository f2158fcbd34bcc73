"""Alternative colorizations: whole pictures sampled from the network's distributions.

Sampling each cell independently would give noise. Here a smooth random field says at which
quantile of its distribution each cell's color lies (a Gaussian copula), along two perpendicular
directions of the ab plane. The field depends only on the distributions: cells with the same
distribution get the same quantile, so that a dress or a sky changes as a whole. Colors that the
network is sure of hardly change, and no color is chosen more often than its probability: unlike
with a shift of the logits, unlikely colors stay unlikely.
"""

from __future__ import annotations

import numpy as np

from colorize.color.types import Array, Floats

WINDOW = 0.25  # standard deviation, in quantiles, of the window of colors that is kept
LENGTH_SCALE = 0.7  # Hellinger distance at which two cells' fields have a correlation of 0.6
FOURIER_FEATURES = 64  # random waves per field; more make it closer to Gaussian
PROBIT_SLOPE = 1.702  # the logistic function with it is the normal CDF within 0.01


def sample_logits(
    logits: Array, probabilities: Array, centers: Array, number: int, seed: int, temperature: float
) -> Floats:
    """Return logits (b, Q, h, w) whose annealed mean is a sample of the distributions.

    Args:
        logits: (b, Q, h, w), the network's.
        probabilities: (b, Q, h, w), what the logits are decoded as.
        centers: (Q, 2) ab of the bins.
        number: which sample, from 1.
        seed: from 0; other seeds give other samples.
        temperature: that the logits are decoded at.
    """
    changes = [copula_log_weights(picture, centers, number, seed) for picture in probabilities]
    sampled: Floats = logits + np.float32(temperature) * np.stack(changes)
    return sampled


def copula_log_weights(probabilities: Array, centers: Array, number: int, seed: int) -> Floats:
    """Return what a sample adds to the log-probabilities of a picture, (Q, h, w), at most 0.

    A sample does not depend on how many others are drawn. Samples 1 and 2, 3 and 4, ... take
    opposite quantiles, so that a few samples cover more of the possible colors.

    Args:
        probabilities: (Q, h, w).
        centers: (Q, 2) ab of the bins.
        number: which sample, from 1.
        seed: from 0.
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
        ordered = cells[order]
        cdf = np.cumsum(ordered, axis=0) - ordered / 2  # at the middle of each bin, in (0, 1)
        result[order] -= np.square((cdf - quantile) / WINDOW) / 2
    return result.reshape(probabilities.shape)


def _quantiles(cells: Array, random: np.random.Generator) -> Floats:
    """Return two independent fields of quantiles in (0, 1), (2, n), for distributions (Q, n).

    Each is a Gaussian field over the distributions with the covariance exp(-(d / s)² / 2), d the
    Hellinger distance and s LENGTH_SCALE, by random Fourier features (Rahimi and Recht, *Random
    Features for Large-Scale Kernel Machines*, 2007), mapped by the normal CDF.
    """
    waves = random.standard_normal((2 * FOURIER_FEATURES, len(cells)), np.float32)
    waves /= np.float32(np.sqrt(2) * LENGTH_SCALE)  # |√p - √q| = √2 · Hellinger distance
    phases = random.uniform(0, 2 * np.pi, (2 * FOURIER_FEATURES, 1)).astype(np.float32)
    field = np.cos(waves @ np.sqrt(cells) + phases).reshape(2, FOURIER_FEATURES, -1).sum(axis=1)
    field *= np.sqrt(2 / FOURIER_FEATURES)
    quantiles: Floats = 1 / (1 + np.exp(-PROBIT_SLOPE * field))
    return quantiles
