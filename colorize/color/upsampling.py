"""Enlarging ab from the network's size to the photograph's, a strip of rows at a time.

Two ways: bilinear, as the releases do it, and guided by the full-size lightness, so that colors
end where the photograph's edges are. docs/upsampling.md says how well each does.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]
Upsampling = Literal["bilinear", "guided"]

UPSAMPLINGS: tuple[Upsampling, ...] = ("bilinear", "guided")

# Chosen by measuring, see docs/upsampling.md; twice or half changes little.
EPS_LIGHTNESS = 10.0  # variance of L in a window that tells nothing of edges
COLOR_NOISE = 20.0  # the same of ab
MARGIN = 1.0  # in ab units beyond the colors of the neighboring cells


def _taps(size: int, small: int) -> tuple[Array, Array, Floats]:
    """Return the two neighbors of each of `size` positions among `small`, the second's share.

    Pixel centers are at half-integers: bilinear with align_corners=False, as in the releases.
    """
    position = np.clip((np.arange(size) + 0.5) * small / size - 0.5, 0, small - 1)
    first = np.floor(position).astype(np.intp)
    return first, np.minimum(first + 1, small - 1), (position - first).astype(np.float32)


class BilinearUpsampler:
    """Bilinear enlargement of ab (2, h, w) to (2, H, W), any rows of it at a time."""

    def __init__(self, ab: Floats, size: tuple[int, int]):
        """Widen ab, or any number of planes, to W columns; `size` is (H, W)."""
        height, width = size
        left, right, share = _taps(width, ab.shape[2])
        # take, unlike [:, :, left], puts the pixels of a row beside each other in memory
        self._wide = ab.take(left, axis=2) * (1 - share)  # (2, h, W)
        self._wide += ab.take(right, axis=2) * share
        self._top, self._bottom, self._share = _taps(height, ab.shape[1])

    def rows(self, start: int, stop: int, lightness: Array | None = None) -> Floats:
        """Return rows start..stop of the enlarged ab, (2, stop - start, W) float32.

        The lightness is for `GuidedUpsampler` alone, which can stand in for this.
        """
        result = np.empty((len(self._wide), stop - start, self._wide.shape[2]), np.float32)
        for first, last in self._runs(start, stop):
            top, bottom = (self._wide[:, None, n[first]] for n in (self._top, self._bottom))
            part = result[:, first - start : last - start]
            np.multiply(bottom - top, self._share[first:last, None], out=part)
            part += top
        return result

    def _runs(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Return the first row and the one after the last of rows between the same neighbors."""
        changes = np.flatnonzero(np.diff(self._top[start:stop])) + start + 1
        ends = [start, *changes.tolist(), stop]
        return list(itertools.pairwise(ends))


class GuidedUpsampler:
    """Enlargement of ab (2, h, w) to (2, H, W) that follows the edges of the full-size L.

    Each cell of ab has its own line ab = slope · L + offset through its L and ab. The slope is
    the regression over its neighbors, 3×3 with binomial weights, as in the fast guided filter
    (He and Sun, *Fast Guided Filter*, 2015), times the share of the colors' variance that it
    explains: texture of no color stays without. Slopes and offsets are enlarged bilinearly and
    meet the full-size L; what comes out stays within MARGIN of the neighbors' ab.
    """

    def __init__(self, ab: Floats, size: tuple[int, int], guide: Floats):
        """Fit the lines; `size` is (H, W), `guide` (h, w) the mean L of each cell."""
        lightness = guide[None].astype(np.float64)
        slope = _slopes(ab.astype(np.float64), lightness)
        planes = (
            slope,
            ab - slope * lightness,
            _over_neighbors(ab, _least) - MARGIN,
            _over_neighbors(ab, _most) + MARGIN,
        )
        self._planes = BilinearUpsampler(np.concatenate(planes).astype(np.float32), size)

    def rows(self, start: int, stop: int, lightness: Array) -> Floats:
        """Return rows start..stop of the enlarged ab, (2, stop - start, W) float32.

        lightness: L of the same rows, (stop - start, W) in [0, 100].
        """
        ab, offset, low, high = self._planes.rows(start, stop).reshape(4, 2, *lightness.shape)
        ab *= lightness
        ab += offset
        np.maximum(ab, low, out=ab)
        result: Floats = np.minimum(ab, high, out=ab)
        return result


def _slopes(ab: Array, lightness: Array) -> Array:
    """Return how much ab grows with L around each cell, (2, h, w); lightness (1, h, w)."""
    mean_l, mean_ab = (_over_neighbors(plane, _mean) for plane in (lightness, ab))
    variance = _over_neighbors(lightness**2, _mean) - mean_l**2
    together = _over_neighbors(lightness * ab, _mean) - mean_l * mean_ab
    spread = (_over_neighbors(ab**2, _mean) - mean_ab**2).sum(0)
    variance += EPS_LIGHTNESS
    explained = (together**2).sum(0) / (variance * (spread + COLOR_NOISE))
    slopes: Array = explained * together / variance
    return slopes


def _over_neighbors(planes: Array, combine: Callable[[Array, Array, Array], Array]) -> Array:
    """Return planes (n, h, w) combined over 3×3 cells; those at the border count twice."""
    tall = np.pad(planes, ((0, 0), (1, 1), (0, 0)), mode="edge")
    tall = combine(tall[:, :-2], tall[:, 1:-1], tall[:, 2:])
    wide = np.pad(tall, ((0, 0), (0, 0), (1, 1)), mode="edge")
    return combine(wide[..., :-2], wide[..., 1:-1], wide[..., 2:])


def _mean(before: Array, here: Array, after: Array) -> Array:
    mean: Array = (before + 2 * here + after) / 4
    return mean


def _least(before: Array, here: Array, after: Array) -> Array:
    return np.minimum(np.minimum(before, here), after)


def _most(before: Array, here: Array, after: Array) -> Array:
    return np.maximum(np.maximum(before, here), after)


def area_downsample(lightness: Floats, shape: tuple[int, ...]) -> Floats:
    """Return the mean of L (H, W) over each of h×w cells, (h, w) float32; `shape` is (h, w)."""
    image = Image.fromarray(np.asarray(lightness, np.float32))
    return np.asarray(image.resize((shape[1], shape[0]), Image.Resampling.BOX))


def enlarge(ab: Floats, size: tuple[int, int]) -> Floats:
    """Return ab (2, h, w) enlarged bilinearly to (2, H, W) float32; `size` is (H, W)."""
    return BilinearUpsampler(ab, size).rows(0, size[0])


def upsample_guided(ab: Floats, lightness: Floats, guide: Floats | None = None) -> Floats:
    """Return ab (2, h, w) enlarged to (2, H, W) float32 along the edges of L (H, W).

    guide: L of the cells of ab, (h, w); None takes their means of L.
    """
    size = lightness.shape[:2]
    guide = area_downsample(lightness, ab.shape[1:]) if guide is None else guide
    return GuidedUpsampler(ab, (size[0], size[1]), guide).rows(0, size[0], lightness)
