"""Writing PNG files: rows filtered by NumPy, compressed by ISA-L's deflate.

Pillow's PNG takes longer than everything else that a large photograph needs: zlib at level 2 takes
ten times as long as ISA-L, whose files are a tenth smaller where there is grain and a tenth
larger where there is none. Where ISA-L has no wheel, zlib is used instead. Format: PNG, third
edition (W3C).
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from colorize.io.deflate import isal_zlib

Bytes = npt.NDArray[np.uint8]
Chunk = tuple[bytes, bytes]  # type and content

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # by channels: gray, gray and alpha, RGB, RGBA
AVERAGE = 3  # the filter: what differs from the mean of left and above; grain suits it best
ISAL_LEVEL = 2  # of 0 to 3
ZLIB_LEVEL = 2  # of 0 to 9
STRIP_BYTES = 1 << 20  # filtered at a time


def encode_png(pixels: Bytes, file: BinaryIO, chunks: Iterable[Chunk] = ()) -> None:
    """Write a PNG file.

    Args:
        pixels: (H, W) or (H, W, 1 to 4).
        file: written to from its position on.
        chunks: put between the header and the pixels.
    """
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    header = struct.pack(">IIBBBBB", width, height, 8, COLOR_TYPES[channels], 0, 0, 0)
    file.write(SIGNATURE + pack_chunk(b"IHDR", header))
    for chunk in chunks:
        file.write(pack_chunk(*chunk))
    for content in _compressed(_filtered(pixels.reshape(height, width * channels), channels)):
        file.write(pack_chunk(b"IDAT", content))
    file.write(pack_chunk(b"IEND", b""))


def pack_chunk(type: bytes, content: bytes) -> bytes:
    """Return a chunk: length, type, content, checksum."""
    crc32 = zlib.crc32 if isal_zlib is None else isal_zlib.crc32
    checksum = crc32(content, crc32(type))
    return struct.pack(">I", len(content)) + type + content + struct.pack(">I", checksum)


class ChunkReplacer:
    """Passes another encoder's PNG file on, with other chunks between the header and the pixels."""

    HEADER_BYTES = 33  # signature and IHDR

    def __init__(self, file: BinaryIO, chunks: Iterable[Chunk]) -> None:
        """Write to a file."""
        self._file = file
        self._chunks = b"".join(pack_chunk(*chunk) for chunk in chunks)
        self._start: bytes | None = b""  # what came before the pixels; None once they have begun

    def write(self, content: bytes) -> None:
        """Take the next bytes of the encoder."""
        if self._start is None:
            self._file.write(content)
            return
        self._start += content
        pixels = self._start.find(b"IDAT") - 4  # the chunk begins with its length
        if pixels >= 0:
            header = self._start[: self.HEADER_BYTES]
            self._file.write(header + self._chunks + self._start[pixels:])
            self._start = None


def _compressed(parts: Iterable[Bytes]) -> Iterator[bytes]:
    """Yield the zlib stream of all parts, piece by piece."""
    if isal_zlib is None:
        compressor = zlib.compressobj(ZLIB_LEVEL)
    else:
        compressor = isal_zlib.compressobj(ISAL_LEVEL)
    for part in parts:
        if content := compressor.compress(part.data):
            yield content
    yield compressor.flush()


def _filtered(rows: Bytes, bytes_per_pixel: int) -> Iterator[Bytes]:
    """Yield strips of rows, (H, 1 + bytes): the filter's number, then the filtered row.

    A row longer than a strip comes in several pieces.
    """
    height, length = rows.shape
    step = max(1, STRIP_BYTES // length)
    for top, start in itertools.product(range(0, height, step), range(0, length, STRIP_BYTES)):
        columns = slice(start, start + STRIP_BYTES)
        strip = rows[top : top + step, columns]
        above = np.zeros_like(strip)
        above[top == 0 :] = rows[max(top - 1, 0) : top + len(strip) - 1, columns]
        left = np.zeros_like(strip)
        left[:, bytes_per_pixel:] = strip[:, :-bytes_per_pixel]
        if start:
            left[:, :bytes_per_pixel] = rows[top : top + step, start - bytes_per_pixel : start]
        number_bytes = int(start == 0)
        result = np.empty((len(strip), number_bytes + strip.shape[1]), np.uint8)
        result[:, :number_bytes] = AVERAGE
        np.subtract(strip, _mean_in_place(left, above), out=result[:, number_bytes:])
        yield result


def _mean_in_place(a: Bytes, b: Bytes) -> Bytes:
    """Return the mean of two arrays, rounded down; `a` is overwritten."""
    mean = a ^ b  # a + b would need a ninth bit
    mean >>= 1
    a &= b
    mean += a
    return mean
