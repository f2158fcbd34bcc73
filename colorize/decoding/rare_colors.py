"""A boost of rare colors where the network considers them likely.

Rarity is that of a color's chroma, hardly that of its hue: the prior is smoothed over hue first.
Reds are rarer than the oranges next to them, so a boost by the rarity of single bins turns hues
toward red, and skin becomes pink (docs/training-log.md).
"""

from __future__ import annotations

import numpy as np

from colorize.color.types import Array, Floats
from colorize.decoding.annealed_mean import probabilities

MIN_PRIOR = 1e-5  # share of all pixels; rarer colors count as if they were this common
SIGMA_CHROMA = 10.0  # ab units, the distance between neighboring bins
SIGMA_HUE = 90.0  # degrees; wider makes skies gray, since blues count as common as browns


def smooth_prior(prior: Array, centers: Array) -> Floats:
    """Return the prior (Q,) smoothed over hue, for `boost_rare_colors`.

    Each value is the mean of the prior over all bins, weighted by a Gaussian of the difference
    of chroma (SIGMA_CHROMA) times one of the difference of hue (SIGMA_HUE). Gray has no hue: it
    differs from no other bin by hue. Bins of equal chroma and neighboring hues get nearly equal
    values, so the boost changes the chroma of a mean of such bins and keeps its hue.

    prior: (Q,), each color's share of all pixels; centers: (Q, 2) ab of the bins.
    """
    a, b = np.asarray(centers, np.float64).T
    chroma, hue = np.hypot(a, b), np.degrees(np.arctan2(b, a))
    turn = np.abs(hue[:, None] - hue)
    turn = np.minimum(turn, 360 - turn)
    turn[chroma == 0] = turn[:, chroma == 0] = 0
    distance = np.square((chroma[:, None] - chroma) / SIGMA_CHROMA) + np.square(turn / SIGMA_HUE)
    weights = np.exp(-distance / 2)
    smooth: Floats = (weights @ prior / weights.sum(axis=1)).astype(np.float32)
    return smooth


def boost_rare_colors(
    logits: Array, boost: float, prior: Array, log_offset: Array | None = None
) -> Floats:
    """Return logits (b, Q, h, w) in which each probability is multiplied by 1 + boost·√q / prior.

    q is the natural probability of the color. A factor of 1 + boost / prior would minimize errors
    weighted by 1 / prior if the network were right about every q. It overrates rare colors where
    the network is unsure, hence the root of q: docs/training-log.md compares both.

    Args:
        logits: (b, Q, h, w).
        boost: 0 (off) to 1.
        prior: (Q,), each color's share of all pixels, in [0, 1], see `smooth_prior`.
        log_offset: (Q,), what turns the logits into natural ones (see `rebalance_offset`).
    """
    gain = np.float32(boost) / np.maximum(prior, MIN_PRIOR).astype(np.float32)[:, None, None]
    factor = probabilities(logits, 1.0, log_offset)
    np.sqrt(factor, out=factor)
    factor *= gain
    factor += 1
    boosted: Floats = np.log(factor, out=factor)
    boosted += logits
    return boosted
