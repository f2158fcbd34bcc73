"""Hints as pixels of a photograph, and as cells of the network's grid."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from colorize.color import lab
from colorize.color.bit_depth import to_uint8
from colorize.color.types import Array, Floats
from colorize.errors import ColorizeError
from colorize.hints.format import Hint, Hints, Scope, check_painting, opaque_pixels
from colorize.io.photo import Photo

AB_SCALE = 110  # networks take hints as ab / 110
DEFAULT_RADIUS = 0.01  # of the photograph's longer side
SCOPES: tuple[Scope | None, ...] = (None, "object", "cast")
CHUNK = 1 << 20  # pixels that are worked on at a time


class HintedPixels(NamedTuple):
    """The hinted pixels of a photograph, sorted by row and column."""

    rows: npt.NDArray[np.int32]  # (n,), ascending
    columns: npt.NDArray[np.int32]  # (n,)
    ab: Floats  # (n, 2)
    size: tuple[int, int]  # (H, W) of the photograph

    scopes: npt.NDArray[np.uint8] | None = None  # (n,), indices of SCOPES; None if all are 0

    @classmethod
    def from_hints(cls, hints: Hints, size: tuple[int, int]) -> HintedPixels:
        """Return the pixels of hints in an upright photograph of the size (H, W).

        Where hints overlap, the later one counts. A painting of another size is scaled.

        Raises ColorizeError for a hint outside the photograph, and for a painting of another
        aspect ratio or without hints.
        """
        if isinstance(hints, Photo):
            return _painted_pixels(hints, size)
        covering = np.zeros(size, np.min_scalar_type(len(hints)))  # number of a hint, from 1
        for number, hint in enumerate(hints, 1):
            _draw(covering, hint, number)
        colors = np.array([(0, 0), *(hint.ab for hint in hints)], np.float32)
        hinted = cls._from_mask(covering, lambda rows, columns: colors[covering[rows, columns]])
        if all(hint.scope is None for hint in hints):
            return hinted
        scopes = np.array([0, *(SCOPES.index(hint.scope) for hint in hints)], np.uint8)
        return hinted._replace(scopes=scopes[covering[hinted.rows, hinted.columns]])

    @classmethod
    def _from_mask(cls, mask: Array, ab_at: Callable[[Array, Array], Array]) -> HintedPixels:
        """Return the pixels where a mask (H, W) is not 0; `ab_at` gets some rows and columns.

        Works on some pixels at a time, to need little memory beyond the result.
        """
        width = mask.shape[1]
        flat = mask.reshape(-1)
        number = np.count_nonzero(flat)
        rows, columns = np.empty(number, np.int32), np.empty(number, np.int32)
        ab = np.empty((number, 2), np.float32)
        end = 0
        for start in range(0, len(flat), CHUNK):
            positions = np.flatnonzero(flat[start : start + CHUNK]) + start
            part = slice(end, end := end + len(positions))
            rows[part], columns[part] = np.divmod(positions, width)
            ab[part] = ab_at(rows[part], columns[part])
        return cls(rows, columns, ab, mask.shape)

    def crop(self, rows: slice, columns: slice) -> HintedPixels:
        """Return the pixels as those of some rows and columns, in which all of them lie."""
        size = rows.stop - rows.start, columns.stop - columns.start
        if size == self.size:
            return self
        return self._replace(
            rows=self.rows - np.int32(rows.start),
            columns=self.columns - np.int32(columns.start),
            size=size,
        )

    def are_within(self, rows: slice, columns: slice) -> bool:
        """Return whether all of them lie in some rows and columns."""
        return all(
            positions.size == 0 or (side.start <= positions.min() and positions.max() < side.stop)
            for positions, side in ((self.rows, rows), (self.columns, columns))
        )

    def apply_to(self, ab: Floats, rows: slice, columns: slice) -> None:
        """Set the hinted pixels in place in the ab, (2, rows, columns), of a block."""
        # of the same type: else all rows would be converted for each block
        wanted = np.arange(rows.start, rows.stop + 1, dtype=self.rows.dtype)
        ends = np.searchsorted(self.rows, wanted)
        if columns.stop - columns.start == self.size[1]:
            parts = [slice(ends[0], ends[-1])]
        else:
            parts = [self._in_columns(*each, columns) for each in itertools.pairwise(ends)]
        for part in parts:
            inside = self.rows[part] - rows.start, self.columns[part] - columns.start
            ab[:, *inside] = self.ab[part].T

    def _in_columns(self, start: int, stop: int, columns: slice) -> slice:
        """Return which of the pixels `start` to `stop` of a row lie in some columns."""
        ends = np.searchsorted(self.columns[start:stop], (columns.start, columns.stop))
        return slice(start + ends[0], start + ends[1])


def _draw(covering: Array, hint: Hint, number: int) -> None:
    """Set the pixels of a hint, in place in (H, W), to its number."""
    height, width = covering.shape
    points = [(round(x), round(y)) for x, y in hint.points]
    for x, y in points:
        if x >= width or y >= height:
            position = f"{hint.source}: {x:g},{y:g}"
            raise ColorizeError(f"{position} is outside the photograph of {width}×{height} pixels")
    radius = max(1.0, DEFAULT_RADIUS * max(height, width)) if hint.radius is None else hint.radius
    radius = min(radius, height + width)  # as good as any larger one
    for start, end in itertools.pairwise(points) if hint.stroke else [(points[0], points[0])]:
        first_row = max(0, min(start[1], end[1]) - int(radius))
        last_row = min(height - 1, max(start[1], end[1]) + int(radius))
        rows = np.arange(first_row, last_row + 1)
        left, right = _capsule(rows, start, end, radius)
        left = np.maximum(left, 0).astype(int)
        right = np.minimum(right, width - 1).astype(int)
        for row, first, last in zip(rows, left, right, strict=True):
            covering[row, first : last + 1] = number


def _capsule(
    rows: Array, start: tuple[int, int], end: tuple[int, int], radius: float
) -> tuple[Array, Array]:
    """Return the first and last column of a disc drawn along a line, for each of its rows.

    Its outline has two arcs, around the ends, and between them two lines parallel to the axis.
    """
    left, right = np.full(len(rows), np.inf), np.full(len(rows), -np.inf)
    for x, y in (start, end):
        half = np.sqrt(np.maximum(radius**2 - (rows - y) ** 2.0, 0))
        inside = np.abs(rows - y) <= radius
        left[inside] = np.minimum(left, np.ceil(x - half))[inside]
        right[inside] = np.maximum(right, np.floor(x + half))[inside]
    across, down = end[0] - start[0], end[1] - start[1]
    if down != 0:
        length = np.hypot(across, down)
        for side in (-radius, radius):
            offset_x, offset_y = -down / length * side, across / length * side
            along = (rows - start[1] - offset_y) / down
            x_at = start[0] + offset_x + along * across
            between = (along >= 0) & (along <= 1)
            left[between] = np.minimum(left, np.ceil(x_at))[between]
            right[between] = np.maximum(right, np.floor(x_at))[between]
    return left, right


def _painted_pixels(painting: Photo, size: tuple[int, int]) -> HintedPixels:
    """Return the opaque pixels of a painting, scaled to the photograph's size (H, W)."""
    check_painting(painting, "hints")
    _check_aspect_ratio(painting, size)
    # of each pixel of the photograph, the nearest row and column of the painting
    rows, columns = (
        (2 * np.arange(side) + 1) * painted // (2 * side)
        for side, painted in zip(size, painting.size, strict=True)
    )
    pixels = to_uint8(painting.pixels)

    def ab_at(row: Array, column: Array) -> Array:
        levels = pixels[rows[row], columns[column]].reshape(len(row), -1)
        rgb = np.broadcast_to(levels, (len(row), 3)).astype(np.float32) / 255
        return lab.rgb_to_lab(rgb)[:, 1:]

    return HintedPixels._from_mask(opaque_pixels(painting)[np.ix_(rows, columns)], ab_at)


def _check_aspect_ratio(painting: Photo, size: tuple[int, int]) -> None:
    """Raise ColorizeError for another aspect ratio, apart from the rounding of a side."""
    height, width = size
    expected_width = painting.height * width / height
    expected_height = painting.width * height / width
    if abs(painting.width - expected_width) > 1 and abs(painting.height - expected_height) > 1:
        raise ColorizeError(
            f"the hints are painted on {painting.width}×{painting.height} pixels, which is not "
            f"the shape of the photograph of {width}×{height}; paint over a copy of it"
        )


def rasterize(pixels: HintedPixels, grid: tuple[int, int]) -> Floats:
    """Return hints on the network's grid: (3, h, w), the mean ab / 110 of each cell and a mask.

    A cell is hinted (mask 1, otherwise all 0) if it contains at least half as many hinted pixels
    as the fullest of its 3×3 neighborhood. So a single pixel fills a cell, and the rim of a large
    disc does not widen it.

    grid: (h, w).
    """
    counts, sums = _sums_in_cells(pixels, grid, pixels.ab)
    fullest = np.lib.stride_tricks.sliding_window_view(np.pad(counts, 1), (3, 3)).max(axis=(2, 3))
    mask = (counts > 0) & (2 * counts >= fullest)
    mean = np.where(mask, sums / np.maximum(counts, 1), 0) / AB_SCALE
    return np.concatenate((mean, mask[None])).astype(np.float32)


def cast_cells(
    pixels: HintedPixels, grid: tuple[int, int], default: Scope
) -> npt.NDArray[np.bool_]:
    """Return whether the hints of each cell have the scope "cast", (h, w).

    Args:
        pixels: The hints.
        grid: (h, w).
        default: The scope of hints that have none.
    """
    if pixels.scopes is None:
        return np.full(grid, default == "cast")
    is_cast = np.array([(scope or default) == "cast" for scope in SCOPES])[pixels.scopes]
    counts, (cast,) = _sums_in_cells(pixels, grid, is_cast[:, None])
    mostly: npt.NDArray[np.bool_] = 2 * cast > counts
    return mostly


def _sums_in_cells(
    pixels: HintedPixels, grid: tuple[int, int], values: Array
) -> tuple[Array, Array]:
    """Return the number of hinted pixels in each cell, (h, w), and the sums of values (n, m).

    The sums are (m, h, w).
    """
    (h, w), (height, width) = grid, pixels.size
    counts, sums = np.zeros(h * w, np.int64), np.zeros((values.shape[1], h * w))
    for start in range(0, len(values), CHUNK):
        part = slice(start, start + CHUNK)
        row = (2 * pixels.rows[part].astype(np.int64) + 1) * h // (2 * height)
        column = (2 * pixels.columns[part].astype(np.int64) + 1) * w // (2 * width)
        cell = row * w + column
        counts += np.bincount(cell, minlength=h * w)
        for total, plane in zip(sums, values[part].T, strict=True):
            total += np.bincount(cell, plane, h * w)
    return counts.reshape(grid), sums.reshape(-1, *grid)
