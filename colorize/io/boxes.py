"""The boxes that JPEG 2000, JPEG XL, AVIF and HEIC files are made of.

Source: ISO/IEC 14496-12, section 4.2; ISO/IEC 15444-1, annex I.4, has the same.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

MAX_BOXES = 65_536
MAX_BOX_BYTES = 64 << 20  # of one box that is read
OF_PIXELS = (b"jp2c", b"mdat")  # never read: they are what is large
NEEDED = (*OF_PIXELS, b"jxlc", b"jxlp", b"meta", b"moov", b"jp2h")  # which may be cut off


class Box(NamedTuple):
    """A box: its type, and where its content is to lie in the file, which may be cut off."""

    type: bytes
    offset: int
    size: int

    @property
    def end(self) -> int:
        """Where the next box begins."""
        return self.offset + self.size


def walk_boxes(file: BinaryIO) -> Iterator[Box]:
    """Yield the boxes of a file, if it has boxes, up to the first that it does not hold in full.

    What is not a box ends them as well, by its type.
    """
    file_size = file.seek(0, os.SEEK_END)
    offset = 0
    for _ in range(MAX_BOXES):
        if offset + 8 > file_size:
            return
        file.seek(offset)
        length, type = struct.unpack(">I4s", file.read(8))
        header = 8
        if length == 1:
            header, length = 16, int.from_bytes(file.read(8), "big")
        length = length or file_size - offset  # 0: up to the end of the file
        if length < header or not all(0x20 <= character < 0x7F for character in type):
            return
        yield Box(type, offset + header, length - header)
        offset += length


def read_boxes(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and content of the whole boxes of a file but those of the pixels."""
    file_size = file.seek(0, os.SEEK_END)
    for box in walk_boxes(file):
        if box.end <= file_size and box.size < MAX_BOX_BYTES and box.type not in OF_PIXELS:
            file.seek(box.offset)
            yield box.type, file.read(box.size)


def boxes_end(file: BinaryIO) -> int:
    """Return where the boxes of a file end, but for what only looks like one behind them."""
    size, end = file.seek(0, os.SEEK_END), 0
    for box in walk_boxes(file):
        if box.end > size and box.type not in NEEDED:
            break
        end = min(box.end, size)
    return end


def needed_size(file: BinaryIO) -> int:
    """Return how many bytes a file would have if its last box were whole."""
    return max((box.end for box in walk_boxes(file)), default=0)


def pack_box(type: bytes, content: bytes) -> bytes:
    """Return a box as it is in a file."""
    return struct.pack(">I4s", 8 + len(content), type) + content
