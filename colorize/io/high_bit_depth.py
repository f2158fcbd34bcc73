"""Samples of more than eight bits, which Pillow cannot hold in color: through libvips.

libvips is loaded with the first such file, never before.
"""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO, Literal

import numpy as np

from colorize.errors import ColorizeError
from colorize.io.icc import gray_curve, profile_space, srgb_converter
from colorize.io.png import Chunk, ChunkReplacer
from colorize.io.segments import SegmentFile

if TYPE_CHECKING:
    import pyvips

_DTYPES: dict[str, type[np.generic]] = {
    "uchar": np.uint8, "char": np.int8, "ushort": np.uint16, "short": np.int16,
    "uint": np.uint32, "int": np.int32, "float": np.float32, "double": np.float64,
}  # fmt: skip


class UnsupportedError(Exception):
    """A decoder cannot open a file, which another one may be able to."""


def decode_high_bit_depth(
    file: BinaryIO | SegmentFile,
    size: tuple[int, int],
    fail_on: Literal["none", "error", "warning"] = "error",
) -> np.ndarray:
    """Return the samples of a PNG or TIFF file, (H, W, bands), read-only.

    Args:
        file: an open file.
        size: width and height that the header gives.
        fail_on: "none" to take what can be decoded of damaged pixels; libtiff reports damaged
            tiles, unlike strips, as a "warning" only.

    Raises:
        ColorizeError: where the pixels are of another size, or libvips is not installed.
        UnsupportedError: where libvips does not know the format or its codec.
        pyvips.Error: for damaged pixels.
    """
    options = {"access": "sequential", "fail_on": fail_on}
    vips = _vips()
    vips.vips_lib.vips_error_clear()  # messages about earlier files, which would be repeated
    source = _source(file)  # held until the pixels are there: libvips calls its methods
    try:
        image = vips.Image.new_from_source(source, "", **options)
    except vips.Error as error:
        raise UnsupportedError(str(error)) from error
    if (image.width, image.height) != size:
        raise ColorizeError("damaged: its header and its pixels differ in size")
    shape = image.height, image.width, image.bands
    samples = np.frombuffer(image.write_to_memory(), _DTYPES[image.format]).reshape(shape)
    del source
    return samples


def convert_to_srgb(pixels: np.ndarray, icc: bytes | None) -> np.ndarray:
    """Return uint16 RGB (H, W, 3) or gray (H, W) converted from an ICC profile to sRGB.

    Raises OSError or ImageCms.PyCMSError for a profile that LittleCMS cannot use.
    """
    if icc is None or (pixels.ndim == 2 and gray_curve(icc) is None):
        return pixels
    if pixels.ndim == 2:
        ramp = np.arange(65536, dtype=np.uint16)[None, :, None]
        is_gray = profile_space(icc) == "GRAY"
        curve = _transform(ramp if is_gray else ramp.repeat(3, axis=2), icc)[0, :, 1]
        return np.take(curve, pixels)
    return pixels if srgb_converter(icc, "RGB") is None else _transform(pixels, icc)


def encode_png16(pixels: np.ndarray, file: BinaryIO, chunks: Iterable[Chunk]) -> None:
    """Write uint16 (H, W, 1 to 4) as PNG, with chunks between its header and its pixels.

    libvips would state a resolution where none is known, and writes EXIF in its own way.
    """
    target = ChunkReplacer(file, chunks)
    failures: list[OSError] = []

    def write(content: bytes) -> int:
        try:
            target.write(bytes(content))
        except OSError as error:  # no exception may pass through libvips' C code
            failures.append(error)
            return -1
        return len(content)

    vips_target = _vips().TargetCustom()
    vips_target.on_write(write)
    _vips_image(pixels).write_to_target(vips_target, ".png", compression=2, filter="sub", keep=0)
    if failures:
        raise failures[0]


def encode_tiff16(pixels: np.ndarray) -> io.BytesIO:
    """Return a TIFF file of one page of uint16 (H, W, 1 to 4), deflated, without metadata."""
    image = _vips_image(pixels)
    content = image.tiffsave_buffer(compression="deflate", predictor="horizontal", keep=0)
    return io.BytesIO(content)


@lru_cache(maxsize=1)
def _vips() -> ModuleType:
    """Return the pyvips module, quiet; raises ColorizeError where it is not installed."""
    try:
        import pyvips
    except (ImportError, OSError) as error:
        raise ColorizeError("16-bit color needs libvips: pip install 'pyvips[binary]'") from error
    logging.getLogger("pyvips").addHandler(logging.NullHandler())
    logging.getLogger("pyvips").propagate = False
    pyvips.cache_set_max(0)  # files change under their names, and memory is wanted for pixels
    module: ModuleType = pyvips
    return module


def _source(file: BinaryIO | SegmentFile) -> pyvips.Source:
    """Return a libvips source with its own file position, so that Pillow's stays."""
    source = _vips().Source
    if isinstance(file, SegmentFile):
        return _custom_source(file)
    if isinstance(file, io.BytesIO):
        return source.new_from_memory(file.getvalue())
    descriptor = _reopen(file)
    if descriptor is None:
        file.seek(0)
        return source.new_from_memory(file.read())
    try:
        return source.new_from_descriptor(descriptor)  # which keeps a duplicate
    finally:
        os.close(descriptor)


def _custom_source(file: SegmentFile) -> pyvips.SourceCustom:
    def read(size: int) -> bytes:
        try:
            return file.read(size)
        except (OSError, MemoryError, ValueError):  # no exception may pass through C code
            return b""

    source = _vips().SourceCustom()
    source.on_read(read)
    source.on_seek(file.seek)
    return source


def _reopen(file: BinaryIO) -> int | None:
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


def _vips_image(pixels: np.ndarray) -> pyvips.Image:
    height, width = pixels.shape[:2]
    bands = pixels.shape[2] if pixels.ndim == 3 else 1
    data = np.ascontiguousarray(pixels).data.cast("B")
    image = _vips().Image.new_from_memory(data, width, height, bands, "ushort")
    return image.copy(interpretation="grey16" if bands < 3 else "rgb16")


def _transform(pixels: np.ndarray, icc: bytes) -> np.ndarray:
    """Return uint16 samples, (H, W, 1 or 3), converted from a profile to sRGB, (H, W, 3)."""
    vips = _vips()
    image = _vips_image(pixels)
    image.set_type(vips.GValue.blob_type, "icc-profile-data", icc)
    options = {"embedded": True, "depth": 16, "intent": "relative"}
    after = image.icc_transform("srgb", black_point_compensation=True, **options)
    samples = np.frombuffer(after.write_to_memory(), np.uint16)
    return samples.reshape(*pixels.shape[:2], 3)


def decode_jpeg(file: SegmentFile) -> np.ndarray | None:
    """Return the samples of a JPEG file, (H, W, channels), None where libjpeg warns about its data.

    Raises ColorizeError where libvips is not installed.
    """
    vips = _vips()
    vips.vips_lib.vips_error_clear()
    file.seek(0)
    source = _source(file)  # held until the end: libvips calls its methods
    try:
        image = vips.Image.jpegload_source(source, access="sequential", fail_on="warning")
        shape = image.height, image.width, image.bands
        return np.frombuffer(image.write_to_memory(), np.uint8).reshape(shape)
    except vips.Error:
        return None
    finally:
        del source
