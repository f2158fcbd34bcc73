"""Color hints: places whose color the user names, and how the rest of the picture follows.

A hint gives a color's ab alone; the photograph's L stays. `read_hints` takes a text file or a
transparent picture painted over the photograph, `HintedPixels` are its places in the photograph,
`hint_map` the same at the network's size, and `spread` carries what the hints say beyond the
hinted places. docs/control.md tells users what to expect.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from colorize.color import lab
from colorize.color.bit_depth import to_uint8
from colorize.color.upsampling import upsample_bilinear
from colorize.errors import ColorizeError, display_name
from colorize.io import readers
from colorize.io.formats import has_image_suffix
from colorize.io.photo import Photo

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]

AB_SCALE = 110  # hints go to networks as ab / 110
RADIUS = 0.01  # of the photograph's longer side, where a hint has no radius of its own
OPAQUE = 128  # alpha of 0 to 255 from which on a painted pixel is a hint
MAX_TEXT = 1 << 20  # characters of a text file of hints


class Reach(NamedTuple):
    """How far from each other places may be and still go together (see `spread`)."""

    distance: float  # of the picture's sides
    lightness: float  # L
    distribution: float  # 1 - Bhattacharyya coefficient


# Chosen on a part of the ImageNet sample by `evaluation.hints`: the wide reach for all
# that a hint says gains most in PSNR, but paints a whole picture by one strong hint; so only a
# change as small as a cast of the light goes that far.
WIDE, NARROW = Reach(1.0, 60.0, 0.2), Reach(0.2, 20.0, 0.1)
NATIVE = Reach(0.03, 60.0, 1.0)  # for networks that follow hints by themselves
CAST = 30.0  # ab
NUGGET = 0.02  # how little a single cell is trusted: keeps close hints from fighting
MAX_SOURCES = 1024  # hinted cells that are spread; of more, a random choice
BLOCK = 4096  # cells at a time, for memory


@dataclass(frozen=True)
class Hint:
    """A place and its color.

    x, y: column and row in the upright photograph, from 0 at the top left; radius: of the disc
    that is hinted, in pixels (0 is one pixel; None: 1 % of the longer side, 1 at least).
    color: "#rrggbb", sRGB. where: what messages call it.

    Raises ColorizeError for what is no color, place or radius.
    """

    x: float
    y: float
    color: str
    radius: float | None = None
    where: str = field(default="hint", compare=False)

    def __post_init__(self) -> None:
        """Refuse what can be in no photograph."""
        if not re.fullmatch("#[0-9a-fA-F]{6}", self.color):
            raise ColorizeError(f"{self.where}: {self.color!r} is no color; write #rrggbb")
        for name, value in (("x", self.x), ("y", self.y), ("radius", self.radius or 0)):
            if not (math.isfinite(value) and value >= 0):
                raise ColorizeError(f"{self.where}: {name} is {value}; give a number from 0 on")

    @property
    def ab(self) -> Floats:
        """The color's a and b, (2,)."""
        levels = [int(self.color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        return lab.rgb_to_lab(np.array(levels))[1:].astype(np.float32)


Hints = Sequence[Hint] | Photo
"""Discs, or a picture painted over the photograph: its opaque pixels are the hints."""


def read_hints(path: str | os.PathLike[str]) -> Hints:
    """Return the hints in a file: a picture with transparency, by its suffix, or else text.

    In text each line is `x,y,#rrggbb` or `x,y,#rrggbb,radius` (see `Hint`). Empty lines and
    comments are passed over: a line that begins with #, or what follows a value, a space and a #.

    Raises ColorizeError, with the number of the line, for what is neither.
    """
    if has_image_suffix(path):
        painting = readers.read(path)
        _check_painting(painting, display_name(path))
        return painting
    hints = [
        _hint(text, f"{display_name(path)}, line {number}")
        for number, line in enumerate(_text(path).splitlines(), 1)
        if (text := _without_comment(line))
    ]
    if not hints:
        raise ColorizeError(f"{display_name(path)}: no hints in it; write lines of x,y,#rrggbb")
    return hints


def _text(path: str | os.PathLike[str]) -> str:
    name = display_name(path)
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            text = file.read(MAX_TEXT + 1)
    except OSError as error:
        raise ColorizeError(f"{name}: cannot read: {(error.strerror or '').lower()}") from error
    except UnicodeDecodeError:
        text = "\0"
    if len(text) > MAX_TEXT or "\0" in text:
        raise ColorizeError(
            f"{name}: no text file of hints; a painted picture needs a suffix such as .png"
        )
    return text


def _without_comment(line: str) -> str:
    line = line.strip()
    # what follows a comma and a space is the color
    return "" if line.startswith("#") else re.split(r"(?<=[^,\s])\s+#", line, maxsplit=1)[0]


def _hint(text: str, where: str) -> Hint:
    """Return the hint of a line. Raises ColorizeError."""
    fields = [field.strip() for field in text.split(",")]
    if len(fields) not in (3, 4):
        raise ColorizeError(f"{where}: {text!r} has {len(fields)} fields; write x,y,#rrggbb,radius")
    names = ("x", "y", "radius")
    numbers = [
        _number(value, name, where)
        for name, value in zip(names, fields[:2] + fields[3:], strict=False)
    ]
    return Hint(numbers[0], numbers[1], fields[2], numbers[2] if numbers[2:] else None, where)


def _number(text: str, name: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ColorizeError(f"{where}: {name} is {text!r}, which is no number") from None


def _check_painting(painting: Photo, name: str) -> None:
    """Refuse a painting without opaque pixels, and one that is opaque all over."""
    if painting.alpha is None:
        raise ColorizeError(
            f"{name}: not transparent anywhere; hints are painted on a transparent layer"
        )
    if not _opaque(painting).any():
        raise ColorizeError(f"{name}: transparent all over, so that it holds no hint")


def _opaque(painting: Photo) -> npt.NDArray[np.bool_]:
    assert painting.alpha is not None
    opaque: npt.NDArray[np.bool_] = to_uint8(painting.alpha) >= OPAQUE
    return opaque


class HintedPixels(NamedTuple):
    """The hinted pixels of a photograph, from its top row to its bottom row."""

    rows: npt.NDArray[np.int32]  # (n,), ascending
    columns: npt.NDArray[np.int32]  # (n,)
    ab: Floats  # (n, 2)
    size: tuple[int, int]  # (H, W) of the photograph

    @classmethod
    def of(cls, hints: Hints, size: tuple[int, int]) -> HintedPixels:
        """Return the pixels of hints in an upright photograph of the size (H, W).

        Where discs overlap, the later one counts. A painting of another size is scaled. Raises
        ColorizeError for a hint outside of it and for a painting of another shape.
        """
        if isinstance(hints, Photo):
            return _painted(hints, size)
        discs = [_disc(hint, size) for hint in hints]
        places = np.concatenate([np.zeros(0, np.int64), *discs])
        ab = np.repeat([hint.ab for hint in hints] or np.zeros((0, 2)), [*map(len, discs)], axis=0)
        # the first of equal places in the reversed order is the last one written
        unique, last = np.unique(places[::-1], return_index=True)
        return cls._at(unique, ab[::-1][last], size)

    @classmethod
    def _at(cls, places: Array, ab: Array, size: tuple[int, int]) -> HintedPixels:
        """Return pixels at ascending positions in the flattened photograph."""
        rows, columns = np.divmod(places, size[1])
        return cls(rows.astype(np.int32), columns.astype(np.int32), ab.astype(np.float32), size)

    def paint(self, ab: Floats, start: int) -> None:
        """Set the hinted pixels in the photograph's ab from row `start` on, (2, rows, W)."""
        part = slice(*np.searchsorted(self.rows, (start, start + ab.shape[1])))
        ab[:, self.rows[part] - start, self.columns[part]] = self.ab[part].T


def _disc(hint: Hint, size: tuple[int, int]) -> Array:
    """Return the positions of a disc's pixels in the flattened photograph of the size (H, W)."""
    height, width = size
    row, column = round(hint.y), round(hint.x)
    if row >= height or column >= width:
        where = f"{hint.where}: {hint.x:g},{hint.y:g}"
        raise ColorizeError(f"{where} is outside of the photograph of {width}×{height} pixels")
    radius = max(1.0, RADIUS * max(size)) if hint.radius is None else hint.radius
    reach = int(min(radius, max(size)))
    rows = np.arange(max(0, row - reach), min(height, row + reach + 1), dtype=np.int64)[:, None]
    columns = np.arange(max(0, column - reach), min(width, column + reach + 1), dtype=np.int64)
    inside = (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
    positions: Array = (rows * width + columns)[inside]
    return positions


def _painted(painting: Photo, size: tuple[int, int]) -> HintedPixels:
    """Return the opaque pixels of a painting, scaled to the photograph's size (H, W)."""
    _check_painting(painting, "hints")
    _check_shape(painting, size)
    # of each pixel of the photograph, the nearest row and column of the painting
    rows, columns = (
        (2 * np.arange(side) + 1) * own // (2 * side)
        for side, own in zip(size, painting.size, strict=True)
    )
    places = np.flatnonzero(_opaque(painting)[np.ix_(rows, columns)])
    row, column = np.divmod(places, size[1])
    pixels = to_uint8(painting.pixels)[rows[row], columns[column]].reshape(len(places), -1)
    rgb = np.broadcast_to(pixels, (len(places), 3)).astype(np.float32) / 255
    return HintedPixels._at(places, lab.rgb_to_lab(rgb)[:, 1:], size)


def _check_shape(painting: Photo, size: tuple[int, int]) -> None:
    """Refuse a painting of another aspect, up to a rounding of its sides."""
    height, width = size
    wide = painting.height * width / height  # of a painting of this height
    high = painting.width * height / width
    if abs(painting.width - wide) > 1 and abs(painting.height - high) > 1:
        raise ColorizeError(
            f"the hints are painted on {painting.width}×{painting.height} pixels, which is not "
            f"the shape of the photograph of {width}×{height}; paint over a copy of it"
        )


def hint_map(pixels: HintedPixels, grid: tuple[int, int]) -> Floats:
    """Return hints at the network's size: (3, h, w), the mean ab / 110 of each cell and a mask.

    grid: (h, w). A cell is hinted (mask 1, else all 0) if it holds at least half as many hinted
    pixels as the fullest of its neighbors, so that a small place fills a cell and the rim of a
    large one none beyond.
    """
    (h, w), (height, width) = grid, pixels.size
    row = (2 * pixels.rows.astype(np.int64) + 1) * h // (2 * height)
    column = (2 * pixels.columns.astype(np.int64) + 1) * w // (2 * width)
    cell = row * w + column
    counts = np.bincount(cell, minlength=h * w).reshape(h, w)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(counts, 1), (3, 3)).max(axis=(2, 3))
    mask = (counts > 0) & (2 * counts >= around)
    sums = np.stack([np.bincount(cell, plane, h * w).reshape(h, w) for plane in pixels.ab.T])
    mean = np.where(mask, sums / np.maximum(counts, 1), 0) / AB_SCALE
    return np.concatenate((mean, mask[None])).astype(np.float32)


def spread(
    ab: Floats, lightness: Array, hints: Floats, probabilities: Array | None = None
) -> Floats:
    """Return ab with what the hints differ from it carried to all places like theirs.

    ab: (2, H, W); lightness: L; hints: (3, h, w) as of `hint_map`, the sizes of the other two
    being multiples of h and w. probabilities: (Q, h, w), the network's distribution of colors
    in each cell; None for networks that follow hints by themselves, where only what is close
    follows here.

    What a hint differs by is met at its place (up to `NUGGET`). Up to `CAST` of it is carried
    far, as if the light were to blame, and the rest only to places nearby and much alike. Each
    is interpolated as by a Gaussian process (Rasmussen and Williams, *Gaussian Processes for
    Machine Learning*, 2006, eq. 2.25) in which two places correlate by
    exp(-distance / r.distance - |ΔL| / r.lightness - (1 - BC) / r.distribution), with r a
    `Reach` and BC = Σ √(p·q) the Bhattacharyya coefficient of their distributions.
    """
    mask = hints[2]
    if not mask.any():
        return ab
    sources = np.flatnonzero(mask)
    if len(sources) > MAX_SOURCES:
        sources = np.random.default_rng(0).choice(sources, MAX_SOURCES, replace=False)
    places = _places(_shrunk(lightness[None], mask.shape)[0], probabilities)
    missing = (AB_SCALE * hints[:2] - _shrunk(ab, mask.shape)).reshape(2, -1)[:, sources].T
    if probabilities is None:
        change = _interpolated(missing, places, sources, NATIVE)
    else:
        cast = missing * np.minimum(1, CAST / np.maximum(np.hypot(*missing.T), 1e-6))[:, None]
        change = _interpolated(cast, places, sources, WIDE)
        change += _interpolated(missing - change[sources], places, sources, NARROW)
    planes = np.ascontiguousarray(change.T).reshape(2, *mask.shape)
    return ab + upsample_bilinear(planes, (ab.shape[1], ab.shape[2]))


def _interpolated(values: Floats, places: _Places, sources: Array, reach: Reach) -> Floats:
    """Return values everywhere, (cells, 2), of those at some cells, the sources, (n, 2)."""
    known = places.at(sources)
    covariance = _correlation(known, known, reach) + NUGGET * np.eye(len(sources))
    weights = np.linalg.solve(covariance, values).astype(np.float32)
    result = np.empty((len(places.position), 2), np.float32)
    for start in range(0, len(result), BLOCK):
        block = np.arange(start, min(start + BLOCK, len(result)))
        result[block] = _correlation(places.at(block), known, reach) @ weights
    return result


class _Places(NamedTuple):
    """What cells are compared by."""

    position: Floats  # (n, 2), of the picture's sides
    lightness: Floats  # (n, 1)
    root: Floats | None  # (n, Q), square roots of the probabilities

    def at(self, cells: Array) -> _Places:
        root = None if self.root is None else self.root[cells]
        return _Places(self.position[cells], self.lightness[cells], root)


def _places(lightness: Floats, probabilities: Array | None) -> _Places:
    """Return all cells, in rows, of L (h, w) and probabilities (Q, h, w)."""
    h, w = lightness.shape
    position = np.stack(np.meshgrid(np.arange(h) / h, np.arange(w) / w, indexing="ij"), axis=-1)
    root = None
    if probabilities is not None:
        root = np.sqrt(probabilities.reshape(len(probabilities), -1).T, dtype=np.float32)
    return _Places(position.reshape(-1, 2).astype(np.float32), lightness.reshape(-1, 1), root)


def _correlation(some: _Places, others: _Places, reach: Reach) -> Floats:
    """Return how alike places (n) and others (m) are: (n, m), 1 for the same place."""
    y, x = np.moveaxis(some.position[:, None] - others.position, -1, 0)
    exponent = np.hypot(y, x) / reach.distance
    exponent += np.abs(some.lightness - others.lightness.T) / reach.lightness
    if some.root is not None and others.root is not None:
        exponent += (1 - some.root @ others.root.T) / reach.distribution
    correlation: Floats = np.exp(-exponent, dtype=np.float32)
    return correlation


def _shrunk(planes: Array, grid: tuple[int, ...]) -> Floats:
    """Return means over the cells of a grid (h, w) of planes (c, H, W), multiples of it."""
    h, w = grid
    blocks = planes.reshape(len(planes), h, planes.shape[1] // h, w, planes.shape[2] // w)
    result: Floats = blocks.mean(axis=(2, 4), dtype=np.float32)
    return result
