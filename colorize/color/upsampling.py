"""Upsampling of ab from the network's size to the photograph's, a block at a time.

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


class _Axis:
    """Positions along one side of a picture, and the two cells that each lies between.

    Pixel centers are at half-integers: bilinear with align_corners=False, as in the releases.
    """

    def __init__(self, size: int, cells: int, part: slice):
        """Look at a part of `size` positions over a number of cells."""
        position = (np.arange(part.start, part.stop) + 0.5) * cells / size - 0.5
        position = np.clip(position, 0, cells - 1)
        first = np.floor(position).astype(np.intp)
        second = np.minimum(first + 1, cells - 1)
        self.cells = slice(int(first[0]), int(second[-1]) + 1)  # that matter here
        self.first, self.second = first - self.cells.start, second - self.cells.start
        self.weight: Floats = (position - first).astype(np.float32)  # of the second


class BilinearUpsampler:
    """Bilinear upsampling of ab (2, h, w) to (2, H, W), any block of it at a time.

    Nothing of the size of the picture is kept, so memory depends on the block only.
    """

    def __init__(self, ab: Floats, size: tuple[int, int]):
        """Take ab, or any number of planes; `size` is (H, W)."""
        self._ab = ab
        self._size = size

    def block(self, rows: slice, columns: slice, lightness: Array | None = None) -> Floats:
        """Return a block of the upsampled ab, (2, rows, columns) float32.

        lightness: ignored; only `GuidedUpsampler` uses it.
        """
        down = _Axis(self._size[0], self._ab.shape[1], rows)
        across = _Axis(self._size[1], self._ab.shape[2], columns)
        cells = self._ab[:, down.cells, across.cells]
        # take, unlike [:, :, first], makes the pixels of a row adjacent in memory
        wide: Floats = cells.take(across.first, axis=2)
        wide *= 1 - across.weight
        wide += cells.take(across.second, axis=2) * across.weight
        result = np.empty((len(wide), len(down.first), wide.shape[2]), np.float32)
        changes = np.flatnonzero(np.diff(down.first)) + 1
        for start, stop in itertools.pairwise([0, *changes.tolist(), len(down.first)]):
            top, bottom = (wide[:, None, cell[start]] for cell in (down.first, down.second))
            part = result[:, start:stop]
            np.multiply(bottom - top, down.weight[start:stop, None], out=part)
            part += top
        return result


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

    def block(self, rows: slice, columns: slice, lightness: Array) -> Floats:
        """Return a block of the upsampled ab, (2, rows, columns) float32.

        lightness: L of the same block, (rows, columns) in [0, 100].
        """
        planes = self._planes.block(rows, columns)
        ab, offset, low, high = planes.reshape(4, 2, *lightness.shape)
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
    return BilinearUpsampler(ab, size).block(slice(0, size[0]), slice(0, size[1]))


def upsample_to_input(ab: Floats, stride: int) -> Floats:
    """Return ab (b, 2, h, w) upsampled bilinearly to the size of the network's input.

    stride: Pixels of the input per cell of ab, per side.
    """
    if stride == 1:
        return ab
    size = ab.shape[2] * stride, ab.shape[3] * stride
    return np.stack([upsample_bilinear(planes, size) for planes in ab])


def upsample_guided(ab: Floats, lightness: Floats, guide: Floats | None = None) -> Floats:
    """Return ab (2, h, w) upsampled to (2, H, W) float32 along the edges of L (H, W).

    guide: L of the cells of ab, (h, w); by default the means of `lightness` over them.
    """
    height, width = lightness.shape[:2]
    guide = area_downsample(lightness, ab.shape[1:]) if guide is None else guide
    upsampler = GuidedUpsampler(ab, (height, width), guide)
    return upsampler.block(slice(0, height), slice(0, width), lightness)
