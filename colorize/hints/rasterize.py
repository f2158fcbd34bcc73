"""Hints as pixels of a photograph, and as cells of the network's grid."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from colorize.color import lab
from colorize.color.bit_depth import to_uint8
from colorize.color.types import Array, Floats
from colorize.errors import ColorizeError
from colorize.hints.format import Hint, Hints, check_painting, opaque_pixels
from colorize.io.photo import Photo

AB_SCALE = 110  # networks take hints as ab / 110
DEFAULT_RADIUS = 0.01  # of the photograph's longer side


class HintedPixels(NamedTuple):
    """The hinted pixels of a photograph, sorted by row and column."""

    rows: npt.NDArray[np.int32]  # (n,), ascending
    columns: npt.NDArray[np.int32]  # (n,)
    ab: Floats  # (n, 2)
    size: tuple[int, int]  # (H, W) of the photograph

    @classmethod
    def from_hints(cls, hints: Hints, size: tuple[int, int]) -> HintedPixels:
        """Return the pixels of hints in an upright photograph of the size (H, W).

        Where discs overlap, the later one counts. A painting of another size is scaled.

        Raises ColorizeError for a hint outside the photograph, and for a painting of another
        aspect ratio or without hints.
        """
        if isinstance(hints, Photo):
            return _painted_pixels(hints, size)
        discs = [_disc(hint, size) for hint in hints]
        positions = np.concatenate([np.zeros(0, np.int64), *discs])
        ab = np.repeat([hint.ab for hint in hints] or np.zeros((0, 2)), [*map(len, discs)], axis=0)
        # unique keeps the first of equal positions: in reversed order, that of the last hint
        unique, last = np.unique(positions[::-1], return_index=True)
        return cls._from_positions(unique, ab[::-1][last], size)

    @classmethod
    def _from_positions(cls, positions: Array, ab: Array, size: tuple[int, int]) -> HintedPixels:
        """Return the pixels at ascending positions in the flattened photograph."""
        rows, columns = np.divmod(positions, size[1])
        return cls(rows.astype(np.int32), columns.astype(np.int32), ab.astype(np.float32), size)

    def apply_to(self, ab: Floats, rows: slice, columns: slice) -> None:
        """Set the hinted pixels in place in the ab, (2, rows, columns), of a block."""
        ends = np.searchsorted(self.rows, np.arange(rows.start, rows.stop + 1))
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


def _disc(hint: Hint, size: tuple[int, int]) -> Array:
    """Return the positions of a disc's pixels in the flattened photograph of the size (H, W)."""
    height, width = size
    row, column = round(hint.y), round(hint.x)
    if row >= height or column >= width:
        position = f"{hint.source}: {hint.x:g},{hint.y:g}"
        raise ColorizeError(f"{position} is outside the photograph of {width}×{height} pixels")
    radius = max(1.0, DEFAULT_RADIUS * max(size)) if hint.radius is None else hint.radius
    radius = min(radius, height + width)  # as good as any larger one
    reach = int(radius)
    rows = np.arange(max(0, row - reach), min(height, row + reach + 1), dtype=np.int64)[:, None]
    columns = np.arange(max(0, column - reach), min(width, column + reach + 1), dtype=np.int64)
    inside = (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
    positions: Array = (rows * width + columns)[inside]
    return positions


def _painted_pixels(painting: Photo, size: tuple[int, int]) -> HintedPixels:
    """Return the opaque pixels of a painting, scaled to the photograph's size (H, W)."""
    check_painting(painting, "hints")
    _check_aspect_ratio(painting, size)
    # of each pixel of the photograph, the nearest row and column of the painting
    rows, columns = (
        (2 * np.arange(side) + 1) * painted // (2 * side)
        for side, painted in zip(size, painting.size, strict=True)
    )
    positions = np.flatnonzero(opaque_pixels(painting)[np.ix_(rows, columns)])
    row, column = np.divmod(positions, size[1])
    pixels = to_uint8(painting.pixels)[rows[row], columns[column]].reshape(len(positions), -1)
    rgb = np.broadcast_to(pixels, (len(positions), 3)).astype(np.float32) / 255
    return HintedPixels._from_positions(positions, lab.rgb_to_lab(rgb)[:, 1:], size)


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
    (h, w), (height, width) = grid, pixels.size
    row = (2 * pixels.rows.astype(np.int64) + 1) * h // (2 * height)
    column = (2 * pixels.columns.astype(np.int64) + 1) * w // (2 * width)
    cell = row * w + column
    counts = np.bincount(cell, minlength=h * w).reshape(h, w)
    fullest = np.lib.stride_tricks.sliding_window_view(np.pad(counts, 1), (3, 3)).max(axis=(2, 3))
    mask = (counts > 0) & (2 * counts >= fullest)
    sums = np.stack([np.bincount(cell, plane, h * w).reshape(h, w) for plane in pixels.ab.T])
    mean = np.where(mask, sums / np.maximum(counts, 1), 0) / AB_SCALE
    return np.concatenate((mean, mask[None])).astype(np.float32)
