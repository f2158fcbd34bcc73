"""Hue bias: whether skin, sky and foliage get the hues that they have in the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from colorize.color.types import Array

Mask = npt.NDArray[np.bool_]
Range = tuple[float, float]

MIN_CHROMA = 2.0  # ab units: below it, hue carries no meaning


@dataclass(frozen=True)
class Gate:
    """Inclusive ranges of Lab that stand for a material.

    A gate only looks at colors, so it also lets through whatever else has them: use the one for
    skin on portraits, the others on outdoor scenes.

    Attributes:
        upper_half: Whether only the upper half of a picture counts.
    """

    lightness: Range
    a: Range
    b: Range
    upper_half: bool = False

    def mask(self, truth: Array) -> Mask:
        """Return the pixels (h, w) of a Lab picture (h, w, 3) that are inside."""
        inside = np.ones(truth.shape[:2], np.bool_)
        for i, (low, high) in enumerate((self.lightness, self.a, self.b)):
            inside &= (truth[..., i] >= low) & (truth[..., i] <= high)
        if self.upper_half:
            inside[(truth.shape[0] + 1) // 2 :] = False
        return inside


GATES = {
    "skin": Gate((30, 90), (5, 30), (8, 40)),
    "sky": Gate((40, 95), (-15, 8), (-45, -8), upper_half=True),
    "foliage": Gate((15, 80), (-40, -6), (8, 55)),
}


@dataclass(frozen=True)
class HueBias:
    """Mean colors over the pixels of a gate, and hues in degrees, 0 to 360 from +a to +b.

    Attributes:
        pixels: How many there are.
        ab: Mean a and b of the result.
        true_ab: Mean a and b of the truth.
        hue: Hue of `ab`.
        true_hue: Hue of `true_ab`.
        hue_error: Mean absolute difference between the hues of single pixels, 0 to 180, over
            those of which the result has a chroma of at least `MIN_CHROMA`.
    """

    pixels: int
    ab: tuple[float, float]
    true_ab: tuple[float, float]
    hue: float
    true_hue: float
    hue_error: float


class HueAccumulator:
    """`HueBias` over the pixels of all pictures whose true color is inside a gate."""

    def __init__(self, gate: Gate) -> None:
        """Start without pictures."""
        self._gate = gate
        self._ab = np.zeros((2, 2))  # sums of a and b: of the result, of the truth
        self._pixels = 0
        self._error = 0.0  # degrees
        self._colored = 0

    def add(self, result: Array, truth: Array) -> None:
        """Count the pixels of a result and of the truth, Lab (h, w, 3) each."""
        mask = self._gate.mask(truth)
        found = np.stack([picture[mask, 1:].astype(np.float64) for picture in (result, truth)])
        self._ab += found.sum(axis=1)
        self._pixels += found.shape[1]
        of_result, of_truth = found[:, np.hypot(*found[0].T) >= MIN_CHROMA]
        difference = np.abs(_hue(of_result) - _hue(of_truth))
        self._error += float(np.minimum(difference, 360 - difference).sum())
        self._colored += len(difference)

    def bias(self) -> HueBias | None:
        """Return the means, None if no pixel is inside the gate."""
        if not self._pixels:
            return None
        ab, true_ab = self._ab / self._pixels
        error = self._error / self._colored if self._colored else float("nan")
        return HueBias(
            pixels=self._pixels,
            ab=(float(ab[0]), float(ab[1])),
            true_ab=(float(true_ab[0]), float(true_ab[1])),
            hue=float(_hue(ab)) if np.hypot(*ab) > 0 else float("nan"),
            true_hue=float(_hue(true_ab)),
            hue_error=error,
        )


def _hue(ab: Array) -> Array:
    """Return the hues of colors (..., 2) in degrees, 0 to 360."""
    result: Array = np.degrees(np.arctan2(ab[..., 1], ab[..., 0])) % 360
    return result
