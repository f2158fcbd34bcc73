"""What guides a network beyond L: hints and the colors of references, at the network's size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from colorize.color.quantization import NUM_BINS
from colorize.decoding.reference import color_histogram
from colorize.hints.rasterize import HintedPixels, rasterize
from colorize.io.photo import Photo

Floats = npt.NDArray[np.float32]


class Condition(NamedTuple):
    """Guidance of a batch; what is None guides no picture of it.

    hints: (b, 3, h, w), ab / 110 and a mask of 0 or 1; all 0 for a picture without. histograms:
    (b, 313), shares of the ab bins in a reference; all 0 for a picture without.
    """

    hints: Floats | None = None
    histograms: Floats | None = None

    @classmethod
    def of(
        cls,
        hinted: Sequence[HintedPixels | None],
        references: Sequence[Photo | Floats | None],
        grid: tuple[int, int],
    ) -> Condition:
        """Return the guidance of photographs by their hints, on a grid (h, w), and references.

        References are photographs or their histograms.
        """
        hints = [None if pixels is None else rasterize(pixels, grid) for pixels in hinted]
        histograms = [
            color_histogram(one.pixels) if isinstance(one, Photo) else one for one in references
        ]
        return cls(_stacked(hints, (3, *grid)), _stacked(histograms, (NUM_BINS,)))


def _stacked(arrays: Sequence[Any], shape: tuple[int, ...]) -> Floats | None:
    """Return the arrays as one, zeros for those that are None; None where all are."""
    if all(array is None for array in arrays):
        return None
    zeros = np.zeros(shape, np.float32)
    return np.stack([zeros if array is None else array for array in arrays])
