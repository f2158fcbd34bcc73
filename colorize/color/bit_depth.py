"""Conversion between 16 and 8 bits per sample."""

from __future__ import annotations

import numpy as np


def to_uint8(samples: np.ndarray) -> np.ndarray:
    """Return uint8 or uint16 samples as uint8, rounded to the nearest of the 256 levels."""
    if samples.dtype == np.uint8:
        return samples
    levels = (np.arange(65536) + 128) // 257
    return np.take(levels.astype(np.uint8), samples)
