"""Pixels deeper than eight bits a channel, which Pillow cannot hold in colour: through libvips.

libvips is loaded with the first such file, never before.
"""

from __future__ import annotations

import io
import logging
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from colorize.color_profile import grey_curve, srgb_converter, srgb_profile
from colorize.errors import ColorizeError

if TYPE_CHECKING:
    import pyvips

_FORMATS = {
    "uchar": np.uint8, "char": np.int8, "ushort": np.uint16, "short": np.int16,
    "uint": np.uint32, "int": np.int32, "float": np.float32, "double": np.float64,
}  # fmt: skip


@lru_cache(maxsize=1)
def _vips() -> Any:
    """Return the pyvips module, quiet; raises ColorizeError where it is not installed."""
    try:
        import pyvips
    except (ImportError, OSError) as error:
        raise ColorizeError(
            "16-bit colour needs libvips: pip install 'pyvips[binary]'"
        ) from error
    logging.getLogger("pyvips").addHandler(logging.NullHandler())
    logging.getLogger("pyvips").propagate = False
    pyvips.cache_set_max(0)  # files change under their names, and memory is wanted for pixels
    return pyvips


def decode_deep(file: BinaryIO, page: int | None = None) -> tuple[np.ndarray, str]:
    """Return the samples of a PNG or of one page of a TIFF, (H, W, bands), and libvips's name
    of their colour space.

    Raises pyvips.Error or ColorizeError for a damaged file.
    """
    options: dict[str, Any] = {"access": "sequential", "fail_on": "error"}
    if page is not None:
        options["page"] = page
    image = _vips().Image.new_from_source(_source(file), "", **options)
    shape = image.height, image.width, image.bands
    samples = np.frombuffer(image.write_to_memory(), _FORMATS[image.format]).reshape(shape)
    return samples, str(image.interpretation)


def deep_to_srgb(pixels: np.ndarray, icc: bytes | None) -> np.ndarray:
    """Return uint16 RGB (H, W, 3) or grey (H, W) converted from an ICC profile to sRGB."""
    if pixels.ndim == 2:
        if grey_curve(icc) is None:
            return pixels
        return _deep_grey_curve(icc or b"")[pixels]
    if srgb_converter(icc, "RGB") is None:
        return pixels
    return _converted(pixels, icc or b"", "rgb16")
