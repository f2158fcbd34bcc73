"""Enlarging ab from the network's size to the photograph's, a strip of rows at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def _taps(size: int, small: int) -> tuple[Array, Array, npt.NDArray[np.float32]]:
    """Return the two neighbours of each of `size` positions among `small`, the second's share.

    Pixel centres are at half-integers: bilinear with align_corners=False, as in the releases.
    """
    position = np.clip((np.arange(size) + 0.5) * small / size - 0.5, 0, small - 1)
    first = np.floor(position).astype(np.intp)
    return first, np.minimum(first + 1, small - 1), (position - first).astype(np.float32)


class Enlarger:
    """Bilinear enlargement of ab (2, h, w) to (2, H, W), any rows of it at a time."""

    def __init__(self, ab: npt.NDArray[np.float32], size: tuple[int, int]):
        """Widen ab to W columns; `size` is (H, W)."""
        height, width = size
        left, right, share = _taps(width, ab.shape[2])
        self._wide = ab[:, :, left] * (1 - share) + ab[:, :, right] * share  # (2, h, W)
        self._rows = _taps(height, ab.shape[1])

    def rows(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Return rows start..stop of the enlarged ab, (2, stop - start, W) float32."""
        top, bottom, share = (taps[start:stop] for taps in self._rows)
        share = share[:, None]
        result: npt.NDArray[np.float32] = self._wide[:, top] * (1 - share)
        result += self._wide[:, bottom] * share
        return result


def enlarge(ab: npt.NDArray[np.float32], size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Return ab (2, h, w) enlarged to (2, H, W) float32; `size` is (H, W)."""
    return Enlarger(ab, size).rows(0, size[0])
