"""The pixels of PGM and PPM files in binary, whose white may be any level from 1 to 65535.

Pillow reads those whose white is not 255 byte by byte, with 8 bits in color, and takes levels above
white for white. Source: Netpbm's format pages.
"""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
from PIL import Image

from colorize.errors import ColorizeError
from colorize.io.readers.limits import DAMAGED, TAKE_DAMAGED


def decode(
    file: BinaryIO, image: Image.Image, allow_damaged: bool
) -> tuple[np.ndarray | None, list[str]]:
    """Return samples, (H, W, 1 or 3) of uint8 or uint16, and notes; no samples of other PNM files.

    Args:
        file: the PNM file.
        image: the same as Pillow opened it, not loaded.
        allow_damaged: take missing pixels as black, and levels above white as white.

    Raises:
        ColorizeError: for such pixels, where this is not allowed.
    """
    decoder, _, offset, args = image.tile[0]  # type: ignore[attr-defined]
    if decoder not in ("raw", "ppm") or image.mode not in ("L", "I", "RGB"):
        return None, []
    white = args[1] if isinstance(args, tuple) else 65535 if args == "I;16B" else 255
    shape = image.height, image.width, 3 if image.mode == "RGB" else 1
    dtype = np.dtype(np.uint8 if white < 256 else ">u2")
    size = int(np.prod(shape)) * dtype.itemsize
    file.seek(offset)
    content = file.read(size)
    is_damaged = len(content) < size
    if is_damaged and not allow_damaged:
        raise ColorizeError("incomplete, some of its pixels are missing", TAKE_DAMAGED)
    levels = np.frombuffer(content.ljust(size, b"\0"), dtype).reshape(shape)
    if white not in (255, 65535):
        high = int(levels.max())
        if high > white and not allow_damaged:
            raise ColorizeError(
                f"its pixels are damaged: levels up to {high} where white is {white}", TAKE_DAMAGED
            )
        is_damaged = is_damaged or high > white
        full = 255 if white < 256 else 65535
        scaled = (np.minimum(levels, white).astype(np.uint32) * full + white // 2) // white
        levels = scaled.astype(np.uint8 if white < 256 else np.uint16)
    return levels.astype(levels.dtype.newbyteorder("="), copy=False), [DAMAGED] * is_damaged
