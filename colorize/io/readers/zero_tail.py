"""Zeros in the place of pixels at the end of a file, as a copy leaves that was interrupted.

The decoders of AVIF, HEIC and WebP take zeros for codes, and say nothing. At the end of sound AVIF
and HEIC files there are at most 2 zero bytes, measured on flat pictures; of WebP there may be as
many as encode half of the picture.

Sources: ISO/IEC 14496-12 (boxes iinf and iloc), RFC 9649 (WebP).
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, cast

from PIL import WebPImagePlugin

from colorize.io.boxes import read_boxes, walk_boxes
from colorize.io.segments import Part, SegmentFile, zeros_before

MAX_ZEROS = 64  # bytes at the end of any pixels
MAX_ITEMS = 65_536
SPARE = 32  # bytes, without which a sound WebP picture is not whole
FRAME_HEADER = 16  # bytes
CODED_ITEMS = (b"av01", b"hvc1", b"jpeg", b"avc1")


def count_zeros(file: BinaryIO | SegmentFile) -> int:
    """Return how many zero bytes at the end of an AVIF, HEIC or WebP file stand for pixels."""
    size = file.seek(0, os.SEEK_END)
    zeros = zeros_before(file, size)
    if zeros <= MAX_ZEROS:
        return 0
    file.seek(0)
    if file.read(4) == b"RIFF":
        return zeros if _webp_lacks_pixels(file, size, size - zeros) else 0
    for part in _coded_parts(cast(BinaryIO, file)):
        end = min(part.offset + part.size, size)
        if end - max(part.offset, size - zeros) > MAX_ZEROS:
            return zeros
    return 0


def _webp_lacks_pixels(file: BinaryIO | SegmentFile, size: int, start: int) -> bool:
    """Return whether zeros from an offset on stand for chunks of a WebP file, or their end.

    A picture that can be decoded without its last bytes has more data than its pixels need.
    """
    file.seek(4)
    end = min(8 + int.from_bytes(file.read(4), "little"), size)
    position, last = 12, None
    while position + 8 <= end:
        file.seek(position)
        type, length = struct.unpack("<4sI", file.read(8))
        if type == bytes(4):  # not a chunk
            return True
        if type in (b"VP8 ", b"VP8L"):
            last = type, Part(position + 8, length)
        if type == b"ANMF":  # whose chunks follow
            position += 8 + FRAME_HEADER
        else:
            position += 8 + length + length % 2
    if last is None:
        return False
    type, part = last
    if part.offset + part.size - max(part.offset, start) <= MAX_ZEROS:
        return False
    shorter = Part(part.offset, part.size - SPARE)
    padding = bytes(shorter.size % 2)
    whole = 12 + shorter.size + len(padding)
    header = struct.pack("<4sI4s4sI", b"RIFF", whole, b"WEBP", type, shorter.size)
    still = SegmentFile(cast(BinaryIO, file), [header, shorter, padding])
    try:
        WebPImagePlugin.WebPImageFile(still, "").load()  # type: ignore[arg-type]
    except Exception:  # it needs all of its data, or is damaged in another way
        return False
    return True


def _coded_parts(file: BinaryIO) -> Iterator[Part]:
    """Yield where coded pictures of an AVIF or HEIC file lie; of a sequence, all of its data."""
    boxes = list(walk_boxes(file))
    if any(box.type == b"moov" for box in boxes):
        yield from (Part(box.offset, box.size) for box in boxes if box.type == b"mdat")
        return
    meta = next((content for type, content in read_boxes(file) if type == b"meta"), b"")
    inner = dict(read_boxes(io.BytesIO(meta[4:])))
    coded = set(_coded_items(inner.get(b"iinf", b"")))
    for item, part in _item_parts(inner.get(b"iloc", b"")):
        if item in coded:
            yield part


def _coded_items(content: bytes) -> Iterator[int]:
    """Yield the numbers of the items in a box iinf that are coded pictures."""
    start = 4 + (2 if content[:1] == b"\0" else 4)
    for type, entry in read_boxes(io.BytesIO(content[start:])):
        wide = 4 if entry[:1] == b"\3" else 2
        if type == b"infe" and entry[4 + wide + 2 : 4 + wide + 6] in CODED_ITEMS:
            yield int.from_bytes(entry[4 : 4 + wide], "big")


def _item_parts(content: bytes) -> Iterator[tuple[int, Part]]:
    """Yield the items of a box iloc that lie in the file, and where."""
    box = io.BytesIO(content)

    def number(size: int) -> int:
        return int.from_bytes(box.read(size), "big")

    version, _, sizes = number(1), number(3), number(2)
    offset_size, length_size, base_size, index_size = (
        sizes >> shift & 15 for shift in (12, 8, 4, 0)
    )
    wide = 4 if version == 2 else 2
    for _ in range(min(number(wide), MAX_ITEMS)):
        item = number(wide)
        method = number(2) & 15 if version else 0
        number(2)  # of the file, which is this one
        base = number(base_size)
        for _ in range(min(number(2), MAX_ITEMS)):
            if version:
                number(index_size)
            offset, length = number(offset_size), number(length_size)
            if method == 0:
                yield item, Part(base + offset, length)
        if box.tell() >= len(content):
            return
