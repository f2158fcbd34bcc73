"""The directories of a TIFF file: tags in, tags out, pixels left alone.

Pillow and libvips code the pixels of TIFF files but each keeps only some of the tags. Here the
tags are read and written as they are, for both. The layout is that of "TIFF Revision 6.0" (1992)
and of BigTIFF; an EXIF block is a TIFF file as well.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

SUBFILE_TYPE, WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
STRIP_OFFSETS, ORIENTATION, SAMPLES, STRIP_BYTES = 273, 274, 277, 279
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
TILE_OFFSETS, EXTRA_SAMPLES, SAMPLE_FORMAT, JPEG_TABLES = 324, 338, 339, 347
XMP, IPTC, PHOTOSHOP, ICC_PROFILE = 700, 33723, 34377, 34675
EXIF_DIRECTORY, GPS_DIRECTORY, INTEROP_DIRECTORY = 34665, 34853, 40965

SUB_DIRECTORIES = {EXIF_DIRECTORY, GPS_DIRECTORY, INTEROP_DIRECTORY}

# What says how the pixels are stored, or is kept elsewhere, and so is not carried over.
# The rest of the tags below 256 and up to 347 are TIFF's own; sub-images, tile sizes,
# old-style JPEG and color maps are meaningless away from their pixels.
STRUCTURE = (
    {255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 280, 281}
    | {284, 288, 289, 290, 291, 292, 293, 301, 317, 318, 319, 320, 321}
    | {322, 323, 324, 325, 326, 327, 328, 330, 332, 334, 336, 338, 339, 340, 341, 342, 347}
    | {512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, 559}
    | {XMP, IPTC, PHOTOSHOP, ICC_PROFILE, 37724, 50215, 50216, 50217, 50218}
)

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_BIG_SIZES = {**_SIZES, 16: 8, 17: 8, 18: 8}
_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_SWAPPED_AS = {3: 2, 4: 4, 5: 4, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}

MAX_TAG_BYTES = 64 << 20  # of one tag that is carried along; strip offsets of a huge scan fit


@dataclass(frozen=True)
class Tag:
    """The value of one tag: TIFF's number of its type, and the bytes in the file's byte order."""

    kind: int
    data: bytes


@dataclass
class Directory:
    """One directory: byte order "<" or ">", tags by number, sub-directories by their tag."""

    order: str
    tags: dict[int, Tag] = field(default_factory=dict)
    subs: dict[int, Directory] = field(default_factory=dict)
    position: int = 0

    def numbers(self, tag: int) -> tuple[int, ...]:
        """Return the whole numbers of a tag, none where it is missing or of another type."""
        value = self.tags.get(tag)
        if value is None or value.kind not in _NUMBERS:
            return ()
        count = len(value.data) // _BIG_SIZES[value.kind]
        return struct.unpack(f"{self.order}{count}{_NUMBERS[value.kind]}", value.data)

    def number(self, tag: int, default: int) -> int:
        """Return the first number of a tag."""
        return next(iter(self.numbers(tag)), default)

    def rational(self, tag: int) -> float:
        """Return the first fraction of a tag, 0 where there is none."""
        value = self.tags.get(tag)
        if value is None or value.kind != 5:
            return 0.0
        numerator, denominator = struct.unpack_from(self.order + "II", value.data)
        return numerator / denominator if denominator else 0.0

    def bytes(self, tag: int) -> bytes | None:
        """Return the bytes of a tag, None where it is missing or empty."""
        value = self.tags.get(tag)
        return value.data if value and value.data else None


def read_directories(file: BinaryIO) -> Iterator[Directory]:
    """Yield the directory of every page of a TIFF file or EXIF block.

    Raises ValueError where the file ends too early or its directories run in a circle.
    """
    reader = _Reader(file)
    seen: set[int] = set()
    position = reader.first
    while position:
        if position in seen:
            raise ValueError("its directories run in a circle")
        seen.add(position)
        directory, position = reader.directory(position)
        yield directory


def exif_block(directory: Directory) -> bytes | None:
    """Return a page's descriptive tags, EXIF and GPS as an EXIF block; None where it has none."""
    kept = {tag: value for tag, value in directory.tags.items() if tag not in STRUCTURE}
    kept.pop(SUBFILE_TYPE, None)
    if not kept and not directory.subs:
        return None
    block = Directory(directory.order, kept, directory.subs)
    header = (b"II*\0" if directory.order == "<" else b"MM\0*") + struct.pack(
        directory.order + "I", 8
    )
    return header + packed(block, 8)


def packed(directory: Directory, position: int, following: int = 0) -> bytes:
    """Return a directory's bytes for a place in the file: entries, values, sub-directories."""
    order = directory.order
    entries = sorted([*directory.tags, *directory.subs])
    place = position + 2 + 12 * len(entries) + 4
    head, body = struct.pack(order + "H", len(entries)), b""
    for tag in entries:
        place += place % 2
        kind, count, data = _entry(directory, tag, place)
        if tag in directory.subs:
            head += struct.pack(order + "HHII", tag, 4, 1, place)
        elif len(data) <= 4:
            head += struct.pack(order + "HHI", tag, kind, count) + data.ljust(4, b"\0")
            continue
        else:
            head += struct.pack(order + "HHII", tag, kind, count, place)
        body += b"\0" * (place - (position + 2 + 12 * len(entries) + 4) - len(body)) + data
        place += len(data)
    return head + struct.pack(order + "I", following) + body


def reordered(directory: Directory, order: str) -> Directory:
    """Return the directory with its values in another byte order."""
    if order == directory.order:
        return directory
    tags = {tag: Tag(value.kind, _swapped(value)) for tag, value in directory.tags.items()}
    subs = {tag: reordered(sub, order) for tag, sub in directory.subs.items()}
    return Directory(order, tags, subs)


class Writer:
    """Joins one-page TIFF files to one file, each page with tags of its own.

    Pages may thus differ in size, depth and encoder. One page is in memory at a time.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Write to an empty, seekable file."""
        self.file = file
        self.link = 4  # where the position of the next directory belongs
        file.write(b"II*\0\0\0\0\0")

    def add(self, page: io.BytesIO, tags: Directory) -> None:
        """Append a page, a little-endian TIFF file, and what its directory shall say besides.

        Raises ValueError where the file would exceed the 4 GiB that TIFF can address.
        """
        base = self._append(page.getbuffer())
        directory = next(read_directories(page))
        for tag in (STRIP_OFFSETS, TILE_OFFSETS):
            if tag in directory.tags:
                places = [base + place for place in directory.numbers(tag)]
                directory.tags[tag] = Tag(4, struct.pack(f"<{len(places)}I", *places))
        storage = {tag: value for tag, value in directory.tags.items() if tag in STRUCTURE}
        self._append_directory(Directory("<", {**storage, **tags.tags}, tags.subs))

    def _append_directory(self, directory: Directory) -> None:
        position = self._append(b"")
        self.file.write(packed(directory, position))
        self.file.seek(self.link)
        self.file.write(struct.pack("<I", position))
        self.link = position + 2 + 12 * (len(directory.tags) + len(directory.subs))

    def _append(self, content: bytes | memoryview) -> int:
        """Append to the file at an even position and return it."""
        position = self.file.seek(0, os.SEEK_END)
        if position + len(content) >= 4 << 30:
            raise ValueError("TIFF holds at most 4 GiB")
        self.file.write(b"\0" * (position % 2))
        self.file.write(content)
        return position + position % 2


def _entry(directory: Directory, tag: int, place: int) -> tuple[int, int, bytes]:
    if tag in directory.subs:
        return 4, 1, packed(directory.subs[tag], place)
    value = directory.tags[tag]
    return value.kind, len(value.data) // _SIZES[value.kind], value.data


def _swapped(value: Tag) -> bytes:
    width = _SWAPPED_AS.get(value.kind, 1)
    return np.frombuffer(value.data, f"u{width}").byteswap().tobytes()


class _Reader:
    """Reads directories of classic TIFF (4-byte offsets) and BigTIFF (8-byte offsets)."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.size = file.seek(0, os.SEEK_END)
        header = self.at(0, 8)
        self.order = {b"II": "<", b"MM": ">"}.get(header[:2], "")
        (version,) = struct.unpack((self.order or "<") + "H", header[2:4])
        if not self.order or version not in (42, 43):
            raise ValueError("not a TIFF file")
        self.big = version == 43
        self.sizes = _BIG_SIZES if self.big else _SIZES
        self.word = "Q" if self.big else "I"
        (self.first,) = struct.unpack(
            self.order + self.word, self.at(8, 8) if self.big else header[4:8]
        )

    def at(self, position: int, size: int) -> bytes:
        self.file.seek(position)
        data = self.file.read(size)
        if len(data) < size:
            raise ValueError("the file ends too early")
        return data

    def directory(self, position: int, depth: int = 0) -> tuple[Directory, int]:
        """Return the directory at a position, and the position of the next one."""
        head, entry_size = (8, 20) if self.big else (2, 12)
        (count,) = struct.unpack(self.order + "QH"[head == 2], self.at(position, head))
        size = struct.calcsize("=" + self.word)
        block = self.at(position + head, min(count, 65535) * entry_size + size)
        directory = Directory(self.order, position=position)
        for start in range(0, len(block) - size, entry_size):
            self.add(directory, block[start : start + entry_size], depth)
        return directory, struct.unpack(self.order + self.word, block[-size:])[0]

    def add(self, directory: Directory, entry: bytes, depth: int) -> None:
        """Add one entry to the directory; one whose value is not there is left out."""
        tag, kind, count = struct.unpack_from(self.order + "HH" + self.word, entry)
        size, inline = self.sizes.get(kind, 0) * count, entry[8 + 4 * self.big :]
        if not 0 < size <= min(self.size, MAX_TAG_BYTES):
            return
        try:
            (place,) = struct.unpack(self.order + self.word, inline)
            if tag in SUB_DIRECTORIES and kind in (4, 13, 16, 18) and depth < 2:
                directory.subs[tag], _ = self.directory(place, depth + 1)
            elif tag not in SUB_DIRECTORIES:
                data = inline[:size] if size <= len(inline) else self.at(place, size)
                directory.tags[tag] = Tag(kind, data)
        except ValueError:
            return
