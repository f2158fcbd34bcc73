"""A boost of rare colors where the network considers them likely."""

from __future__ import annotations

import numpy as np

from colorize.color.types import Array, Floats
from colorize.decoding.annealed_mean import probabilities

MIN_PRIOR = 1e-5  # share of all pixels; rarer colors count as if they were this common


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
        prior: (Q,), each color's share of all pixels, in [0, 1].
        log_offset: (Q,), what turns the logits into natural ones (see `rebalance_offset`).
    """
    result = logits.astype(np.float32)
    gain = np.float32(boost) / np.maximum(prior, MIN_PRIOR).astype(np.float32)[:, None, None]
    for picture in result:
        factor = probabilities(picture[None], 1.0, log_offset)[0]
        np.sqrt(factor, out=factor)
        factor *= gain
        factor += 1
        picture += np.log(factor, out=factor)
    return result
