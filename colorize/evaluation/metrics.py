"""The measures of the colorization papers, of sRGB pictures in [0, 1] and of ab planes."""

from __future__ import annotations

import numpy as np
from skimage.color import deltaE_ciede2000

from colorize.color.quantization import NUM_BINS, soft_encode_table
from colorize.color.types import Array

AUC_LIMIT = 150  # ab units, the largest threshold of ECCV16's curve


def psnr(result: Array, truth: Array) -> float:
    """Return the peak signal-to-noise ratio in dB, over the RGB values of one picture."""
    error = float(np.mean(np.square(result.astype(np.float64) - truth)))
    return float("inf") if error == 0 else -10 * float(np.log10(error))


def mean_delta_e(result: Array, truth: Array) -> float:
    """Return the mean CIEDE2000 color difference of two Lab pictures, (h, w, 3)."""
    return float(deltaE_ciede2000(truth, result).mean())  # type: ignore[no-untyped-call]


def colorfulness(rgb: Array) -> float:
    """Return Hasler and Süsstrunk's colorfulness (2003), signed differences, of [0, 1] RGB.

    sqrt(var(rg) + var(yb)) + 0.3 · sqrt(mean(rg)² + mean(yb)²) with rg = R - G,
    yb = (R + G) / 2 - B on the 0..255 scale. (DDColor's variant takes absolute differences.)
    """
    r, g, b = np.moveaxis(255 * rgb.astype(np.float64), -1, 0)
    rg, yb = r - g, (r + g) / 2 - b
    deviation = np.hypot(rg.std(), yb.std())
    return float(deviation + 0.3 * np.hypot(rg.mean(), yb.mean()))


class ErrorHistogram:
    """Pixels counted by ab error and by the bin of their true color, for AuC.

    AuC (ECCV16, section 3.1): the share of pixels whose ab error (Euclidean) is within a
    threshold, averaged over the thresholds 0, 1, …, 150. Rebalanced: each pixel weighs
    1 / p(bin of its true color), p from the truths themselves, soft-encoded.
    """

    def __init__(self) -> None:
        """Start without pixels."""
        # By bin of the true color and by the ceiling of the error; the last is beyond the limit.
        self._errors = np.zeros((NUM_BINS, AUC_LIMIT + 2), np.int64)
        self._soft = np.zeros(NUM_BINS)

    def add(self, ab: Array, truth: Array) -> None:
        """Count the pixels of ab and the true ab, (2, h, w) each."""
        whole = np.rint(truth).clip(-128, 127).astype(np.int64)
        index = ((whole[0] + 128) * 256 + whole[1] + 128).ravel()
        bins, weights = (table[index] for table in soft_encode_table())
        self._soft += np.bincount(bins.ravel(), weights.ravel(), NUM_BINS)
        # An error of exactly t is within t: the first threshold that holds it is its ceiling.
        error = np.ceil(np.hypot(*(ab - truth))).clip(0, AUC_LIMIT + 1).astype(np.int64).ravel()
        cell = bins[:, 0] * (AUC_LIMIT + 2) + error
        counts = np.bincount(cell, minlength=self._errors.size)
        self._errors += counts.reshape(self._errors.shape)

    def auc(self, rebalanced: bool = False) -> float:
        """Return the area under the curve in per cent, raw or rebalanced."""
        prior = self._soft / self._soft.sum()
        weight = 1 / prior.clip(min=1e-12) if rebalanced else np.ones(NUM_BINS)
        within = np.cumsum(weight @ self._errors)
        return 100 * float(np.mean(within[:-1] / within[-1]))
