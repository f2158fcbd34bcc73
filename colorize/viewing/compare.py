"""Before and after in one picture, to look at: side by side, or one half of each.

>>> from colorize import Colorizer, read, write
>>> from colorize.viewing.compare import compare
>>> photo = read("photo.jpg")
>>> write(compare(photo, Colorizer.from_pretrained()(photo)), "comparison.jpg")
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from colorize.errors import ColorizeError
from colorize.io.exif import set_exif_dimensions
from colorize.io.photo import Photo

Array = npt.NDArray[Any]

LAYOUTS = ("side", "split")
LINE_SHARE = 400  # the line between the halves is this part of the width, at least 2 pixels


def compare(before: Photo, after: Photo, layout: str = "side") -> Photo:
    """Return before on the left and after on the right of a thin white line.

    layout: "side" shows both whole, so that the picture is twice as wide and a line more;
    "split" shows the left half of before and the right half of after, at the photograph's size.
    Both have the same size and depth; depth, alpha and metadata are those of after.

    Raises ColorizeError for another layout or photographs of different size or depth.
    """
    if layout not in LAYOUTS:
        raise ColorizeError(f"compare {layout!r}: give one of {', '.join(LAYOUTS)}")
    _check_alike(before, after)
    combine = _side if layout == "side" else _split
    top = np.iinfo(after.pixels.dtype).max
    pixels = combine(_rgb(before.pixels), _rgb(after.pixels), top)
    alpha = after.alpha
    if alpha is not None:
        own = alpha if before.alpha is None else before.alpha
        alpha = combine(own, alpha, np.iinfo(alpha.dtype).max)
    exif = set_exif_dimensions(after.metadata.exif, pixels.shape[1], pixels.shape[0])
    return Photo(pixels, alpha, dataclasses.replace(after.metadata, exif=exif))


def _check_alike(before: Photo, after: Photo) -> None:
    if before.size != after.size or before.pixels.dtype != after.pixels.dtype:
        kinds = [f"{photo.width}x{photo.height} {photo.pixels.dtype}" for photo in (before, after)]
        raise ColorizeError(f"compare: two pictures of one size and depth, not {kinds[0]} and "
                            f"{kinds[1]}")  # fmt: skip


def _rgb(pixels: Array) -> Array:
    """Return (H, W, 3) of gray or RGB pixels, without a copy."""
    return pixels if pixels.ndim == 3 else np.broadcast_to(pixels[..., None], (*pixels.shape, 3))


def _line_width(width: int) -> int:
    return max(2, width // LINE_SHARE)


def _side(before: Array, after: Array, line: int) -> Array:
    """Return both and a line between: (H, 2 W + line, ...)."""
    height, width = before.shape[:2]
    bar = np.full((height, _line_width(width), *before.shape[2:]), line, before.dtype)
    return np.concatenate((before, bar, after), axis=1)


def _split(before: Array, after: Array, line: int) -> Array:
    """Return half of each, the line over the middle columns: (H, W, ...)."""
    width = before.shape[1]
    result = after.copy()
    result[:, : width // 2] = before[:, : width // 2]
    if width > 2 * _line_width(width):  # else nothing else would be seen
        start = (width - _line_width(width)) // 2
        result[:, start : start + _line_width(width)] = line
    return result
