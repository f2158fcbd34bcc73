"""The chunks of PNG files, and the pixels in them.

Source: PNG, third edition (W3C).
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from colorize.errors import ColorizeError
from colorize.io.png import COLOR_TYPES, SIGNATURE
from colorize.io.segments import Part, SegmentFile

MAX_CHUNKS = 500_000  # each of which is read alone; 500 megapixels in chunks of 8 kB fit
READ_BYTES = 1 << 20  # of which a checksum is made at a time
RESCUE_BYTES = 1024  # decompressed at a time: of the piece with the damage, all is lost

_CHANNELS = {color_type: channels for channels, color_type in COLOR_TYPES.items()} | {3: 1}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
          (0, 1, 1, 2))  # fmt: skip


class Chunk(NamedTuple):
    """A chunk of a file: its type, where its content lies, and whether its checksum is right."""

    type: bytes
    offset: int
    size: int
    is_whole: bool
    is_valid: bool

    @property
    def part(self) -> Part:
        """All of it, with length, type and checksum."""
        return Part(self.offset - 8, self.size + 12)

    def read(self, file: BinaryIO | SegmentFile) -> bytes:
        """Return its content."""
        file.seek(self.offset)
        return file.read(self.size)


def read_chunks(file: BinaryIO | SegmentFile) -> Iterator[Chunk]:
    """Yield the chunks up to IEND or to the end of the file, of which the last may be cut off."""
    size = file.seek(0, os.SEEK_END)
    offset, count = len(SIGNATURE), 0
    while offset + 8 <= size:
        file.seek(offset)
        length, type = struct.unpack(">I4s", file.read(8))
        is_whole = offset + 12 + length <= size
        checksum, left = zlib.crc32(type), min(length, size - offset - 8)
        while left > 0 and (content := file.read(min(left, READ_BYTES))):
            checksum = zlib.crc32(content, checksum)
            left -= len(content)
        is_valid = is_whole and file.read(4) == struct.pack(">I", checksum)
        count += 1
        if count > MAX_CHUNKS:
            raise ColorizeError(f"has more than {MAX_CHUNKS} chunks: save it again")
        yield Chunk(type, offset + 8, length, is_whole, is_valid)
        if type == b"IEND":
            return
        offset += 12 + length


def pixel_stream(file: BinaryIO | SegmentFile, pixels: list[Chunk]) -> Iterator[bytes]:
    """Yield what the IDAT and fdAT chunks hold, piece by piece."""
    for chunk in (chunk for chunk in pixels if chunk.type in (b"IDAT", b"fdAT")):
        number = 4 if chunk.type == b"fdAT" else 0  # bytes, in front of the pixels
        file.seek(chunk.offset + number)
        left = chunk.size - number
        while left > 0 and (content := file.read(min(left, RESCUE_BYTES))):
            left -= len(content)
            yield content


def read_header(file: BinaryIO | SegmentFile) -> bytes:
    """Return the content of the chunk IHDR."""
    file.seek(16)
    return file.read(13)


def pixel_bytes(header: bytes) -> int:
    """Return how many bytes the pixels have, decompressed; 0 where the header is damaged."""
    if len(header) < 13 or header[8] not in (1, 2, 4, 8, 16):
        return 0
    return sum(count * length for count, length in passes(header))


def passes(header: bytes) -> Iterator[tuple[int, int]]:
    """Yield the number of rows of each pass, and the bytes of one with its filter's number."""
    width, height, bits, color_type, _, _, interlace = struct.unpack(">IIBBBBB", header)
    pixel_bits = bits * _CHANNELS.get(color_type, 4)
    for left, top, step_x, step_y in _ADAM7 if interlace else ((0, 0, 1, 1),):
        columns, rows = -(-max(width - left, 0) // step_x), -(-max(height - top, 0) // step_y)
        if columns and rows:
            yield rows, 1 + (columns * pixel_bits + 7) // 8
