"""Pixels deeper than eight bits a channel, which Pillow cannot hold in color: through libvips.

libvips is loaded with the first such file, never before.
"""

from __future__ import annotations

import io
import logging
import os
import struct
import zlib
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from typing import Any, BinaryIO

import numpy as np

from colorize.errors import ColorizeError
from colorize.io.icc import gray_curve, profile_space, srgb_converter

_FORMATS: dict[str, Any] = {
    "uchar": np.uint8, "char": np.int8, "ushort": np.uint16, "short": np.int16,
    "uint": np.uint32, "int": np.int32, "float": np.float32, "double": np.float64,
}  # fmt: skip


@lru_cache(maxsize=1)
def _vips() -> Any:
    """Return the pyvips module, quiet; raises ColorizeError where it is not installed."""
    try:
        import pyvips
    except (ImportError, OSError) as error:
        raise ColorizeError("16-bit color needs libvips: pip install 'pyvips[binary]'") from error
    logging.getLogger("pyvips").addHandler(logging.NullHandler())
    logging.getLogger("pyvips").propagate = False
    pyvips.cache_set_max(0)  # files change under their names, and memory is wanted for pixels
    return pyvips


def decode_deep(file: BinaryIO, page: int | None = None) -> np.ndarray:
    """Return the samples of a PNG or of one page of a TIFF, (H, W, bands), read-only.

    Raises pyvips.Error or ColorizeError for a damaged file.
    """
    options: dict[str, Any] = {"access": "sequential", "fail_on": "error"}
    if page is not None:
        options["page"] = page
    image = _vips().Image.new_from_source(_source(file), "", **options)
    shape = image.height, image.width, image.bands
    return np.frombuffer(image.write_to_memory(), _FORMATS[image.format]).reshape(shape)


def deep_to_srgb(pixels: np.ndarray, icc: bytes | None) -> np.ndarray:
    """Return uint16 RGB (H, W, 3) or gray (H, W) converted from an ICC profile to sRGB."""
    if pixels.ndim == 2:
        if gray_curve(icc) is None:
            return pixels
        return np.take(_deep_gray_curve(icc or b""), pixels)
    if srgb_converter(icc, "RGB") is None:
        return pixels
    return _converted(pixels, icc or b"")


def encode_deep_png(
    pixels: np.ndarray, file: BinaryIO, chunks: Iterable[tuple[bytes, bytes]]
) -> None:
    """Write uint16 (H, W, 1 to 4) as PNG, with `chunks` (name, content) after its header."""
    target = _HeaderedPng(file, b"".join(_chunk(*chunk) for chunk in chunks))
    vips_target = _vips().TargetCustom()
    vips_target.on_write(target.write)
    _vips_image(pixels).write_to_target(vips_target, ".png", compression=2, filter="sub", keep=0)
    target.raise_failure()


def encode_deep_tiff(pixels: np.ndarray) -> io.BytesIO:
    """Return a TIFF file of one page of uint16 (H, W, 1 to 4), deflated, without metadata."""
    image = _vips_image(pixels)
    content = image.tiffsave_buffer(compression="deflate", predictor="horizontal", keep=0)
    return io.BytesIO(content)


class _HeaderedPng:
    """Passes a PNG file on to another file, with other chunks between header and pixels.

    libvips would state a resolution where none is known, and writes EXIF in its own way.
    """

    header_bytes = 33  # signature and IHDR

    def __init__(self, file: BinaryIO, chunks: bytes) -> None:
        self.file, self.chunks, self.start = file, chunks, b""
        self.failure: OSError | None = None
        self.in_pixels = False

    def write(self, content: bytes) -> int:
        """Take the next bytes from libvips; no exception may leave through its C code."""
        try:
            self._write(bytes(content))
        except OSError as error:
            self.failure = error
            return -1
        return len(content)

    def _write(self, content: bytes) -> None:
        if self.in_pixels:
            self.file.write(content)
            return
        self.start += content
        pixels = self.start.find(b"IDAT") - 4  # the chunk begins with its length
        if pixels >= 0:
            self.in_pixels = True
            self.file.write(self.start[: self.header_bytes] + self.chunks + self.start[pixels:])

    def raise_failure(self) -> None:
        if self.failure:
            raise self.failure


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def _source(file: BinaryIO) -> Any:
    """Return a libvips source with a file position of its own, so that Pillow's stays."""
    source = _vips().Source
    if isinstance(file, io.BytesIO):
        return source.new_from_memory(file.getvalue())
    descriptor = _reopened(file)
    if descriptor is None:
        file.seek(0)
        return source.new_from_memory(file.read())
    try:
        return source.new_from_descriptor(descriptor)  # which keeps a duplicate
    finally:
        os.close(descriptor)


def _reopened(file: BinaryIO) -> int | None:
    """Return a second descriptor of an open file, None where its name leads elsewhere by now."""
    try:
        descriptor = os.open(file.name, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except (AttributeError, TypeError, OSError):
        return None
    with suppress(OSError):
        if os.path.samestat(os.fstat(descriptor), os.fstat(file.fileno())):
            return descriptor
    os.close(descriptor)
    return None


def _vips_image(pixels: np.ndarray) -> Any:
    height, width = pixels.shape[:2]
    bands = pixels.shape[2] if pixels.ndim == 3 else 1
    data = np.ascontiguousarray(pixels).data.cast("B")
    image = _vips().Image.new_from_memory(data, width, height, bands, "ushort")
    return image.copy(interpretation="grey16" if bands < 3 else "rgb16")


def _converted(pixels: np.ndarray, icc: bytes) -> np.ndarray:
    vips = _vips()
    image = _vips_image(pixels)
    image.set_type(vips.GValue.blob_type, "icc-profile-data", icc)
    options = {"embedded": True, "depth": 16, "intent": "relative"}
    after = image.icc_transform("srgb", black_point_compensation=True, **options)
    samples = np.frombuffer(after.write_to_memory(), np.uint16)
    return samples.reshape(*pixels.shape[:2], 3)


def _deep_gray_curve(icc: bytes) -> np.ndarray:
    """Return the 65536 sRGB levels of a gray (or RGB) profile's grays."""
    ramp = np.arange(65536, dtype=np.uint16)[None, :, None]
    is_gray = profile_space(icc) == "GRAY"
    return _converted(ramp if is_gray else ramp.repeat(3, axis=2), icc)[0, :, 1]
