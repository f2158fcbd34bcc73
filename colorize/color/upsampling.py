"""Upsampling of ab from the network's size to the photograph's, a strip of rows at a time.

Either bilinear, as in the published releases, or guided by the full-size lightness, so that color
edges coincide with the photograph's edges. docs/upsampling.md compares them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from colorize.color.downsampling import area_downsample
from colorize.color.types import Array, Floats

# Chosen on photographs, see docs/upsampling.md; twice or half of each changes little.
EPS_LIGHTNESS = 10.0  # regularizes the regression: variance of L that counts as noise
EPS_COLOR = 20.0  # variance of ab that counts as noise
MARGIN = 1.0  # ab units by which a result may exceed the range of the neighboring cells


def _linear_weights(size: int, small: int) -> tuple[Array, Array, Floats]:
    """Return the two neighbors among `small` of each of `size` positions, the second's weight.

    Pixel centers are at half-integers: bilinear with align_corners=False, as in the releases.
    """
    position = np.clip((np.arange(size) + 0.5) * small / size - 0.5, 0, small - 1)
    first = np.floor(position).astype(np.intp)
    return first, np.minimum(first + 1, small - 1), (position - first).astype(np.float32)


class BilinearUpsampler:
    """Bilinear upsampling of ab (2, h, w) to (2, H, W), any rows of it at a time."""

    def __init__(self, ab: Floats, size: tuple[int, int]):
        """Prepare for ab, or any number of planes (n, h, w); `size` is (H, W)."""
        height, width = size
        self._ab = ab
        self._columns = _linear_weights(width, ab.shape[2])
        self._top, self._bottom, self._weight = _linear_weights(height, ab.shape[1])

    def rows(self, start: int, stop: int, lightness: Array | None = None) -> Floats:
        """Return rows start..stop of the upsampled ab, (2, stop - start, W) float32.

        lightness: ignored; only `GuidedUpsampler` uses it.
        """
        first_cell = self._top[start]
        wide = self._widened(first_cell, self._bottom[stop - 1] + 1)
        result = np.empty((len(wide), stop - start, wide.shape[2]), np.float32)
        for first, last in self._runs(start, stop):
            top, bottom = (wide[:, None, n[first] - first_cell] for n in (self._top, self._bottom))
            part = result[:, first - start : last - start]
            np.multiply(bottom - top, self._weight[first:last, None], out=part)
            part += top
        return result

    def _widened(self, start: int, stop: int) -> Floats:
        """Return rows start..stop of the cells with upsampled columns, (2, stop - start, W).

        Only as many as a strip needs: all of them take more memory than a large photograph.
        """
        left, right, weight = self._columns
        cells = self._ab[:, start:stop]
        # take, unlike [:, :, left], makes the pixels of a row adjacent in memory
        wide: Floats = cells.take(left, axis=2)
        wide *= 1 - weight
        wide += cells.take(right, axis=2) * weight
        return wide

    def _runs(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Return (first, last + 1) of each run of rows that lie between the same two neighbors."""
        changes = np.flatnonzero(np.diff(self._top[start:stop])) + start + 1
        ends = [start, *changes.tolist(), stop]
        return list(itertools.pairwise(ends))


class GuidedUpsampler:
    """Upsampling of ab (2, h, w) to (2, H, W) that follows the edges of the full-size L.

    Each cell has a line ab = slope · L + offset through its own L and ab. The slope is that of a
    regression over 3×3 cells with binomial weights, as in the fast guided filter (He and Sun,
    *Fast Guided Filter*, 2015), times the share of the variance of ab that it explains (r²), so
    that gray texture stays gray. Slopes and offsets are upsampled bilinearly and applied to the
    full-size L. The result exceeds the range of the neighboring cells by at most MARGIN.
    """

    def __init__(self, ab: Floats, size: tuple[int, int], guide: Floats):
        """Fit the lines; `size` is (H, W), `guide` (h, w) the L of each cell."""
        lightness = guide[None].astype(np.float64)
        slope = _slopes(ab.astype(np.float64), lightness)
        planes = (
            slope,
            ab - slope * lightness,
            _filter3x3(ab, _min3) - MARGIN,
            _filter3x3(ab, _max3) + MARGIN,
        )
        self._planes = BilinearUpsampler(np.concatenate(planes).astype(np.float32), size)

    def rows(self, start: int, stop: int, lightness: Array) -> Floats:
        """Return rows start..stop of the upsampled ab, (2, stop - start, W) float32.

        lightness: L of the same rows, (stop - start, W) in [0, 100].
        """
        ab, offset, low, high = self._planes.rows(start, stop).reshape(4, 2, *lightness.shape)
        ab *= lightness
        ab += offset
        np.maximum(ab, low, out=ab)
        result: Floats = np.minimum(ab, high, out=ab)
        return result


def _slopes(ab: Array, lightness: Array) -> Array:
    """Return the damped slopes of ab over L around each cell, (2, h, w); lightness: (1, h, w)."""
    mean_l, mean_ab = (_filter3x3(plane, _mean3) for plane in (lightness, ab))
    variance = _filter3x3(lightness**2, _mean3) - mean_l**2
    covariance = _filter3x3(lightness * ab, _mean3) - mean_l * mean_ab
    variance_ab = (_filter3x3(ab**2, _mean3) - mean_ab**2).sum(0)
    variance += EPS_LIGHTNESS
    explained = (covariance**2).sum(0) / (variance * (variance_ab + EPS_COLOR))  # r²
    slopes: Array = explained * covariance / variance
    return slopes


def _filter3x3(planes: Array, combine: Callable[[Array, Array, Array], Array]) -> Array:
    """Return planes (n, h, w) combined over 3×3 cells, the border repeated."""
    tall = np.pad(planes, ((0, 0), (1, 1), (0, 0)), mode="edge")
    tall = combine(tall[:, :-2], tall[:, 1:-1], tall[:, 2:])
    wide = np.pad(tall, ((0, 0), (0, 0), (1, 1)), mode="edge")
    return combine(wide[..., :-2], wide[..., 1:-1], wide[..., 2:])


def _mean3(before: Array, here: Array, after: Array) -> Array:
    mean: Array = (before + 2 * here + after) / 4
    return mean


def _min3(before: Array, here: Array, after: Array) -> Array:
    return np.minimum(np.minimum(before, here), after)


def _max3(before: Array, here: Array, after: Array) -> Array:
    return np.maximum(np.maximum(before, here), after)


def upsample_bilinear(ab: Floats, size: tuple[int, int]) -> Floats:
    """Return ab (2, h, w) upsampled bilinearly to (2, H, W) float32; `size` is (H, W)."""
    return BilinearUpsampler(ab, size).rows(0, size[0])


def upsample_guided(ab: Floats, lightness: Floats, guide: Floats | None = None) -> Floats:
    """Return ab (2, h, w) upsampled to (2, H, W) float32 along the edges of L (H, W).

    guide: L of the cells of ab, (h, w); by default the means of `lightness` over them.
    """
    size = lightness.shape[:2]
    guide = area_downsample(lightness, ab.shape[1:]) if guide is None else guide
    return GuidedUpsampler(ab, (size[0], size[1]), guide).rows(0, size[0], lightness)
