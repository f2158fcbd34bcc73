"""The 313 ab bins of ECCV16, and from distributions over them to colors. Without torch.

Source: Zhang, Isola, Efros, *Colorful Image Colorization*, ECCV 2016, sections 2.1 and 2.3.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]

GRID = 10  # distance between neighboring bin centers, in ab units

# For each a, the first and the last b of the bins inside the sRGB gamut.
_B_RANGE_OF_A = {
    -90: (50, 90), -80: (20, 90), -70: (0, 90), -60: (-20, 90), -50: (-30, 100),
    -40: (-40, 100), -30: (-50, 100), -20: (-50, 100), -10: (-60, 100), 0: (-70, 100),
    10: (-80, 90), 20: (-80, 90), 30: (-90, 90), 40: (-100, 90), 50: (-100, 80),
    60: (-110, 80), 70: (-110, 80), 80: (-110, 70), 90: (-110, 70), 100: (-90, 0),
}  # fmt: skip

MIN_PRIOR = 1e-5  # share of all pixels; rarer colors count as if they were this common

Q = sum((last - first) // GRID + 1 for first, last in _B_RANGE_OF_A.values())  # 313


@functools.cache
def centers() -> Floats:
    """Return the centers of the bins, (313, 2) ab, sorted by a, then by b."""
    pairs = [
        (a, b) for a, (first, last) in _B_RANGE_OF_A.items() for b in range(first, last + 1, GRID)
    ]
    return np.array(pairs, np.float32)


def decode(
    logits: Array,
    temperature: float = 1.0,
    bin_centers: Array | None = None,
    log_offset: Array | None = None,
) -> Floats:
    """Return the annealed mean of the distribution, (b, 2, h, w) ab (ECCV16, eq. 5).

    logits: (b, Q, h, w). The softmax of logits / temperature is averaged over `bin_centers`
    ((Q, 2), the 313 by default): temperature 1 is the mean, toward 0 the mode. `log_offset`
    (Q,) is subtracted from the logits first (see `rebalance_offset`).

    Raises ValueError for a temperature that is not positive.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, not {temperature}")
    b, q, h, w = logits.shape
    columns = centers() if bin_centers is None else bin_centers
    # one product gives the sums of p·a, p·b and p, whose quotients are the means
    sums_of = np.concatenate((columns.T, np.ones((1, q))), dtype=np.float32)
    ab = np.empty((b, 2, h * w), np.float32)
    for one, mean in zip(logits.reshape(b, q, h * w), ab, strict=True):
        exponents = one.astype(np.float32)
        if log_offset is not None:
            exponents -= np.asarray(log_offset, np.float32)[:, None]
        exponents /= np.float32(temperature)
        exponents -= exponents.max(axis=0)
        sums = sums_of @ np.exp(exponents, out=exponents)
        np.divide(sums[:2], sums[2], out=mean)
    return ab.reshape(b, 2, h, w)


def probabilities(
    logits: Array, temperature: float = 1.0, log_offset: Array | None = None
) -> Floats:
    """Return the softmax of (logits - log_offset) / temperature over the bins, (b, Q, h, w)."""
    exponents = logits.astype(np.float32)
    if log_offset is not None:
        exponents -= np.asarray(log_offset, np.float32)[:, None, None]
    exponents /= np.float32(temperature)
    exponents -= exponents.max(axis=1, keepdims=True)
    result: Floats = np.exp(exponents, out=exponents)
    result /= result.sum(axis=1, keepdims=True)
    return result


def boost_rare_colors(
    logits: Array, rarity: float, prior: Array, log_offset: Array | None = None
) -> Floats:
    """Return logits (b, Q, h, w) with rare colors favored where they are held likely.

    Each color counts 1 + rarity · √q / prior times: q is its probability (of logits -
    `log_offset`, which should make them natural ones), prior (Q,) its share of all pixels. A
    weight of 1 + rarity / prior would be best for errors weighted by 1 / prior, if the network
    were right about every q; it overrates rare colors where it is unsure, so that they count by
    the root of q: docs/training-log.md has the comparison.
    """
    result = logits.astype(np.float32)
    gain = np.float32(rarity) / np.maximum(prior, MIN_PRIOR).astype(np.float32)[:, None, None]
    for one in result:
        q = probabilities(one[None], 1.0, log_offset)[0]
        np.sqrt(q, out=q)
        q *= gain
        q += 1
        one += np.log(q, out=q)
    return result


def rebalance_offset(class_weights: Array, rebalance: float) -> Floats:
    """Return what to subtract from the logits so that only a share of the rebalancing stays.

    Training with class weights w makes the network predict p·w (up to a factor); dividing by
    w^(1 - rebalance) leaves p·w^rebalance. 1: as trained, 0: the colors' natural frequencies.
    """
    return np.asarray((1 - rebalance) * np.log(class_weights), np.float32)
