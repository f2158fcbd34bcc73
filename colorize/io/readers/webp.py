"""What can be decoded of a damaged WebP file, by the libwebp inside Pillow.

Pillow decodes whole files only. libwebp's incremental decoder fills in rows as far as it comes.

Source: decode.h of libwebp.
"""

from __future__ import annotations

import ctypes
import os
import struct
from contextlib import suppress
from typing import BinaryIO

import numpy as np
from PIL import Image, _webp

from colorize.io.readers.limits import check_size
from colorize.io.segments import Part, SegmentFile

ABI_VERSION = 0x0209  # of decode.h
HEADER_BYTES = 12
RGBA = 1  # of WEBP_CSP_MODE
MAX_BYTES = 512 << 20  # of a file


class _Features(ctypes.Structure):
    """WebPBitstreamFeatures."""

    _fields_ = (
        ("width", ctypes.c_int), ("height", ctypes.c_int), ("has_alpha", ctypes.c_int),
        ("has_animation", ctypes.c_int), ("format", ctypes.c_int), ("pad", ctypes.c_uint32 * 5),
    )  # fmt: skip


def decode_partially(file: BinaryIO, max_pixels: int) -> Image.Image | None:
    """Return a still picture as far as it can be decoded, black behind that.

    Returns None where nothing can, and for animations. Raises ColorizeError where it is too large.
    """
    file.seek(0)
    content = file.read(MAX_BYTES)
    features = _Features()
    try:  # where libwebp is linked statically, as on Windows, its functions cannot be found
        library = ctypes.CDLL(_webp.__file__)
        size = ctypes.c_size_t(len(content))
        status = library.WebPGetFeaturesInternal(content, size, ctypes.byref(features), ABI_VERSION)
        make_decoder, append, delete = (
            library.WebPINewRGB, library.WebPIAppend, library.WebPIDelete,
        )  # fmt: skip
    except (AttributeError, OSError):
        return None
    if status != 0 or features.has_animation:
        return None
    check_size(features.width, features.height, max_pixels)
    pixels = np.zeros((features.height, features.width, 4), np.uint8)
    make_decoder.restype = ctypes.c_void_p
    target = pixels.ctypes.data_as(ctypes.c_void_p)
    decoder = make_decoder(RGBA, target, ctypes.c_size_t(pixels.nbytes), pixels.strides[0])
    append(ctypes.c_void_p(decoder), content, size)
    delete(ctypes.c_void_p(decoder))
    if not pixels.any():
        return None
    shown = pixels if features.has_alpha else np.ascontiguousarray(pixels[..., :3])
    image = Image.fromarray(shown)
    image.format = "WEBP"
    if (profile := _find_profile(content)) is not None:
        image.info["icc_profile"] = profile
    return image


def whole_frames(file: BinaryIO) -> SegmentFile | None:
    """Return a cut animation with its whole frames only; None where there are none."""
    size = file.seek(0, os.SEEK_END)
    end, frames = HEADER_BYTES, 0
    while True:
        file.seek(end)
        try:
            type, length = struct.unpack("<4sI", file.read(8))
        except struct.error:
            break
        if end + 8 + length > size:
            break
        frames += type == b"ANMF"
        end = min(end + 8 + length + length % 2, size)
    header = b"RIFF" + struct.pack("<I", end - 8) + b"WEBP"
    return SegmentFile(file, [header, Part(HEADER_BYTES, end - HEADER_BYTES)]) if frames else None


def _find_profile(content: bytes) -> bytes | None:
    position = HEADER_BYTES
    with suppress(struct.error):
        while True:
            type, length = struct.unpack_from("<4sI", content, position)
            if type == b"ICCP":
                return content[position + 8 : position + 8 + length]
            position += 8 + length + length % 2
    return None
