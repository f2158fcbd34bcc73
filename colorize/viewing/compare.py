"""Before and after in one picture: side by side, or split in the middle.

>>> from colorize import Colorizer, read, write
>>> from colorize.viewing.compare import compare
>>> photo = read("photo.jpg")
>>> write(compare(photo, Colorizer.from_pretrained()(photo)), "comparison.jpg")
"""

from __future__ import annotations

import dataclasses

import numpy as np

from colorize.color.types import Array
from colorize.errors import ColorizeError
from colorize.io.exif import set_exif_dimensions
from colorize.io.photo import Photo

LAYOUTS = ("side-by-side", "split")
LINE_SHARE = 400  # of the width by the width of the dividing line


def compare(before: Photo, after: Photo, layout: str = "side-by-side") -> Photo:
    """Return `before` to the left and `after` to the right of a thin white line.

    Args:
        before: the photograph.
        after: the result, of the same size and bit depth; its metadata is kept.
        layout: "side-by-side" shows both in full; "split" shows the left half of `before` and the
            right half of `after`, at the photograph's size.

    Raises:
        ColorizeError: for another layout, and for different sizes or bit depths.
    """
    if layout not in LAYOUTS:
        raise ColorizeError(f"compare {layout!r}: give one of {', '.join(LAYOUTS)}")
    if before.size != after.size or before.pixels.dtype != after.pixels.dtype:
        first, second = (f"{photo.width}x{photo.height} {photo.pixels.dtype}"
                         for photo in (before, after))  # fmt: skip
        raise ColorizeError(f"compare: sizes or bit depths differ: {first} and {second}")
    combine = _side_by_side if layout == "side-by-side" else _split
    top = np.iinfo(after.pixels.dtype).max
    pixels = combine(_rgb(before.pixels), _rgb(after.pixels), top)
    alpha = after.alpha
    if alpha is not None:
        alpha_before = alpha if before.alpha is None else before.alpha
        alpha = combine(alpha_before, alpha, np.iinfo(alpha.dtype).max)
    exif = set_exif_dimensions(after.metadata.exif, pixels.shape[1], pixels.shape[0])
    return Photo(pixels, alpha, dataclasses.replace(after.metadata, exif=exif))


def _rgb(pixels: Array) -> Array:
    """Return (H, W, 3) of gray or RGB pixels, without a copy."""
    return pixels if pixels.ndim == 3 else np.broadcast_to(pixels[..., None], (*pixels.shape, 3))


def _line_width(width: int) -> int:
    """Return an even number of pixels: videos side by side need an even width."""
    return max(2, width // LINE_SHARE // 2 * 2)


def _side_by_side(before: Array, after: Array, line: int) -> Array:
    """Return both with a line between them, (H, 2 W + line, ...)."""
    height, width = before.shape[:2]
    bar = np.full((height, _line_width(width), *before.shape[2:]), line, before.dtype)
    return np.concatenate((before, bar, after), axis=1)


def _split(before: Array, after: Array, line: int) -> Array:
    """Return half of each with the line over the middle columns, (H, W, ...)."""
    width = before.shape[1]
    result = after.copy()
    result[:, : width // 2] = before[:, : width // 2]
    if width > 2 * _line_width(width):  # otherwise it would hide everything
        start = (width - _line_width(width)) // 2
        result[:, start : start + _line_width(width)] = line
    return result
