"""Samples of 8 and of 16 bits."""

from __future__ import annotations

import numpy as np


def to_uint8(samples: np.ndarray) -> np.ndarray:
    """Return uint16 samples as uint8, each rounded to the nearest of the 256 levels."""
    if samples.dtype == np.uint8:
        return samples
    levels = (np.arange(65536) + 128) // 257
    return np.take(levels.astype(np.uint8), samples)
