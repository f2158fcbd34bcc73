"""Confidence of the network in its colors, from the entropy of its distributions."""

from __future__ import annotations

import numpy as np

from colorize.color.types import Array, Floats


def confidence(probabilities: Array) -> Floats:
    """Return 1 - entropy / log Q of distributions (Q, h, w): (h, w) in [0, 1].

    0: all Q colors are equally probable; 1: one color is certain.
    """
    safe = np.maximum(probabilities, np.finfo(np.float32).tiny)
    entropy = -(probabilities * np.log(safe)).sum(axis=0)
    result: Floats = np.clip(1 - entropy / np.log(len(probabilities)), 0, 1)
    return result.astype(np.float32)
