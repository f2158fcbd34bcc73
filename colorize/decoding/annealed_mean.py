"""From logits over the ab bins to probabilities and to ab.

Source: Zhang, Isola, Efros, *Colorful Image Colorization*, ECCV 2016, section 2.3.
"""

from __future__ import annotations

import numpy as np

from colorize.color.quantization import bin_centers
from colorize.color.types import Array, Floats

MIN_CHROMA = 1e-6  # ab units; grays have no hue to be certain of


def annealed_mean(
    logits: Array,
    temperature: float = 1.0,
    centers: Array | None = None,
    log_offset: Array | None = None,
    certain_color_boost: float = 0.0,
) -> Floats:
    """Return the annealed mean of the distributions, (b, 2, h, w) ab (ECCV16, eq. 5).

    The bin centers are averaged with the weights softmax((logits - log_offset) / temperature).
    The boost then multiplies each mean by 1 + boost·R². R is the length of the mean over the mean
    of the lengths: the mean resultant length of the hues (Mardia, Jupp, *Directional Statistics*,
    2000, section 2.3), weighted by chroma; 1 where all colors have one hue, 0 where they cancel.

    Args:
        logits: (b, Q, h, w).
        temperature: above 0; 1 gives the mean, toward 0 the mode.
        centers: (Q, 2) ab; the 313 `bin_centers` by default.
        log_offset: (Q,), see `rebalance_offset`.
        certain_color_boost: from 0.

    Raises:
        ValueError: for a temperature that is not positive.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, not {temperature}")
    b, q, h, w = logits.shape
    columns = bin_centers() if centers is None else centers
    # one matrix product gives the sums of p·a, p·b, p·chroma and p, whose quotients are the means
    chroma = np.linalg.norm(columns, axis=1)
    sums_of = np.stack((*columns.T, chroma, np.ones(q))).astype(np.float32)
    exponents = _exponents(logits, temperature, log_offset)
    sums = sums_of @ np.exp(exponents, out=exponents)
    ab: Floats = sums[:, :2] / sums[:, 3:]
    if certain_color_boost:
        mean_chroma = np.maximum(sums[:, 2:3] / sums[:, 3:], MIN_CHROMA)
        certainty = np.linalg.norm(ab, axis=1, keepdims=True) / mean_chroma
        ab *= 1 + np.float32(certain_color_boost) * np.square(certainty)
    return ab.reshape(b, 2, h, w)


def probabilities(
    logits: Array, temperature: float = 1.0, log_offset: Array | None = None
) -> Floats:
    """Return softmax((logits - log_offset) / temperature) over the bins, (b, Q, h, w)."""
    exponents = _exponents(logits, temperature, log_offset)
    result: Floats = np.exp(exponents, out=exponents)
    result /= result.sum(axis=1, keepdims=True)
    return result.reshape(logits.shape)


def _exponents(logits: Array, temperature: float, log_offset: Array | None) -> Floats:
    """Return (logits - log_offset) / temperature less its maximum over the bins, (b, Q, h·w)."""
    b, q, h, w = logits.shape
    offset = np.zeros(q) if log_offset is None else log_offset
    column = np.asarray(offset, np.float32)[:, None]
    exponents: Floats = np.subtract(logits.reshape(b, q, h * w), column, dtype=np.float32)
    if temperature != 1:
        exponents /= np.float32(temperature)
    exponents -= exponents.max(axis=1, keepdims=True)
    return exponents


def rebalance_offset(class_weights: Array, rebalance: float) -> Floats:
    """Return the log-offset (Q,) that undoes class rebalancing except for a share of it.

    Training with class weights w makes the network predict p·w (up to a factor); dividing by
    w^(1 - rebalance) leaves p·w^rebalance.

    class_weights: (Q,), positive; rebalance: 1 as trained, 0 the natural frequencies.
    """
    return np.asarray((1 - rebalance) * np.log(class_weights), np.float32)
