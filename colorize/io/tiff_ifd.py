"""TIFF's image file directories (IFDs): tags in, tags out; pixels are not touched.

Pillow and libvips code the pixels of TIFF files, but each keeps only some of the tags. Here tags
are read and written as they are. An EXIF block is a TIFF file as well. Sources: TIFF Revision 6.0
(Adobe, 1992) and the BigTIFF design (libtiff).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from typing import BinaryIO

import numpy as np

SUBFILE_TYPE, OLD_SUBFILE_TYPE = 254, 255
IMAGE_WIDTH, IMAGE_LENGTH, BITS_PER_SAMPLE, COMPRESSION = 256, 257, 258, 259
MAKE, MODEL, SOFTWARE = 271, 272, 305
PHOTOMETRIC, FILL_ORDER, STRIP_OFFSETS, ORIENTATION, SAMPLES_PER_PIXEL = 262, 266, 273, 274, 277
ROWS_PER_STRIP, STRIP_BYTE_COUNTS = 278, 279
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, PREDICTOR = 282, 283, 296, 317
PLANAR_CONFIGURATION, T4_OPTIONS, T6_OPTIONS, COLOR_MAP = 284, 292, 293, 320
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_BYTE_COUNTS = 322, 323, 324, 325
SUB_IMAGES, INK_SET, EXTRA_SAMPLES, SAMPLE_FORMAT, JPEG_TABLES = 330, 332, 338, 339, 347
JPEG_OFFSET, JPEG_BYTE_COUNT = 513, 514
YCBCR_COEFFICIENTS, YCBCR_SUBSAMPLING, REFERENCE_BLACK_WHITE = 529, 530, 532
XMP, IPTC, PHOTOSHOP, ICC_PROFILE = 700, 33723, 34377, 34675
EXIF_IFD, GPS_IFD, INTEROP_IFD = 34665, 34853, 40965
PHOTOSHOP_LAYERS, DNG_VERSION = 37724, 50706

SUB_IFDS = {EXIF_IFD, GPS_IFD, INTEROP_IFD}
MAX_SUB_IFD_DEPTH = 2

# Tags that say how the pixels are stored, or that are kept elsewhere, and so are not copied.
# The rest of the tags below 256 and up to 347 are TIFF's own; sub-images, tile sizes,
# old-style JPEG and color maps are meaningless without their pixels.
STRUCTURAL_TAGS = (
    {255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 280, 281}
    | {284, 288, 289, 290, 291, 292, 293, 301, 317, 318, 319, 320, 321}
    | {322, 323, 324, 325, 326, 327, 328, 330, 332, 334, 336, 338, 339, 340, 341, 342, 347}
    | {512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, 559}
    | {XMP, IPTC, PHOTOSHOP, ICC_PROFILE, 37724, 50215, 50216, 50217, 50218}
)

MAX_ENTRIES = 65535  # of one IFD; BigTIFF could count further
MAX_TAG_BYTES = 64 << 20  # of the values of an IFD; the strip offsets of a huge scan fit
MAX_TAG_BYTES_READ = 1 << 30  # of the values of a file's IFDs, which may share them
MAX_ENTRIES_READ = 1 << 22  # of the IFDs of a file, which may overlap; each is read three times


class Type(IntEnum):
    """TIFF's numbers for the types of values; the last three are BigTIFF's."""

    BYTE = 1
    ASCII = 2
    SHORT = 3
    LONG = 4
    RATIONAL = 5
    SBYTE = 6
    UNDEFINED = 7
    SSHORT = 8
    SLONG = 9
    SRATIONAL = 10
    FLOAT = 11
    DOUBLE = 12
    IFD = 13
    LONG8 = 16
    SLONG8 = 17
    IFD8 = 18


_BIG_TYPES = {Type.LONG8, Type.SLONG8, Type.IFD8}
_POINTER_TYPES = {Type.LONG, Type.IFD, Type.LONG8, Type.IFD8}
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
          16: 8, 17: 8, 18: 8}  # fmt: skip
_WORD_SIZES = {**_SIZES, Type.RATIONAL: 4, Type.SRATIONAL: 4}  # of what is swapped as a whole
_INTEGERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}


@dataclass(frozen=True)
class Tag:
    """The value of one tag: TIFF's number for its type, and its bytes in the IFD's byte order."""

    type: int
    data: bytes


@dataclass
class IFD:
    """One directory: byte order "<" or ">", tags by number, sub-IFDs by the tag that points there.

    A page of a TIFF file is described by one of these.

    Attributes:
        omitted: how many tags were not read because they are too large together.
    """

    byte_order: str
    tags: dict[int, Tag] = field(default_factory=dict)
    sub_ifds: dict[int, IFD] = field(default_factory=dict)
    omitted: int = 0

    def integers(self, tag: int) -> tuple[int, ...]:
        """Return the integers of a tag, empty where it is missing or of another type."""
        value = self.tags.get(tag)
        if value is None or value.type not in _INTEGERS:
            return ()
        count = len(value.data) // _SIZES[value.type]
        return struct.unpack(f"{self.byte_order}{count}{_INTEGERS[value.type]}", value.data)

    def integer(self, tag: int, default: int) -> int:
        """Return the first integer of a tag."""
        return next(iter(self.integers(tag)), default)

    def rational(self, tag: int) -> float:
        """Return the first fraction of a tag, 0 where there is none."""
        return next(iter(self.rationals(tag)), 0.0)

    def rationals(self, tag: int) -> tuple[float, ...]:
        """Return the fractions of a tag, empty where it is missing or of another type."""
        value = self.tags.get(tag)
        if value is None or value.type != Type.RATIONAL:
            return ()
        pairs = struct.iter_unpack(self.byte_order + "II", value.data)
        return tuple(top / bottom if bottom else 0.0 for top, bottom in pairs)

    def bytes(self, tag: int) -> bytes | None:
        """Return the bytes of a tag, None where it is missing or empty."""
        value = self.tags.get(tag)
        return value.data if value and value.data else None


def read_ifds(file: BinaryIO) -> Iterator[IFD]:
    """Yield every IFD of a TIFF file or of an EXIF block.

    The last one is that whose link leads nowhere, wherever it may lead.

    Raises ValueError where the file is not TIFF, or ends before its first IFD.
    """
    reader = Reader(file)
    for offset in reader.ifd_offsets():
        yield reader.read_ifd(offset)


def pack(ifd: IFD, offset: int, next_ifd_offset: int = 0) -> bytes:
    """Return an IFD's bytes, for writing at an even offset: entries, values, sub-IFDs."""
    order = ifd.byte_order
    numbers = sorted([*ifd.tags, *ifd.sub_ifds])
    values_offset = offset + 2 + 12 * len(numbers) + 4
    entries, values = bytearray(struct.pack(order + "H", len(numbers))), bytearray()
    for number in numbers:
        values += b"\0" * ((values_offset + len(values)) % 2)
        value_offset = values_offset + len(values)
        if number in ifd.sub_ifds:
            entries += struct.pack(order + "HHII", number, Type.LONG, 1, value_offset)
            values += pack(ifd.sub_ifds[number], value_offset)
            continue
        tag = ifd.tags[number]
        entries += struct.pack(order + "HHI", number, tag.type, len(tag.data) // _SIZES[tag.type])
        if len(tag.data) <= 4:
            entries += tag.data.ljust(4, b"\0")
        else:
            entries += struct.pack(order + "I", value_offset)
            values += tag.data
    return bytes(entries + struct.pack(order + "I", next_ifd_offset) + values)


def pack_file(ifd: IFD) -> bytes:
    """Return a TIFF file, or EXIF block, that consists of one IFD."""
    header = b"II*\0" if ifd.byte_order == "<" else b"MM\0*"
    return header + struct.pack(ifd.byte_order + "I", 8) + pack(ifd, 8)


def to_byte_order(ifd: IFD, byte_order: str) -> IFD:
    """Return the IFD with its values in another byte order."""
    if byte_order == ifd.byte_order:
        return ifd
    tags = {
        number: Tag(
            tag.type,
            np.frombuffer(tag.data, f"u{_WORD_SIZES.get(tag.type, 1)}").byteswap().tobytes(),
        )
        for number, tag in ifd.tags.items()
    }
    sub_ifds = {number: to_byte_order(sub, byte_order) for number, sub in ifd.sub_ifds.items()}
    return IFD(byte_order, tags, sub_ifds)


@dataclass(frozen=True)
class Entry:
    """One entry of an IFD as it is in the file.

    Attributes:
        offset: where the entry begins.
        number: of the tag.
        type: of the value; see `Type`.
        count: of values.
        inline: the value where it fits here, else the offset where it begins.
    """

    offset: int
    number: int
    type: int
    count: int
    inline: bytes


class Reader:
    """Walks the IFDs of classic TIFF (4-byte offsets) and BigTIFF (8-byte offsets)."""

    def __init__(self, file: BinaryIO, *, any_version: bool = False) -> None:
        """Read the header.

        Args:
            file: an open file.
            any_version: take a file of an unknown version as classic TIFF, which EXIF blocks are.

        Raises:
            ValueError: where the header is not that of a TIFF file.
        """
        self.file = file
        self.size = file.seek(0, os.SEEK_END)
        header = self._read_at(0, 8)
        self.byte_order = {b"II": "<", b"MM": ">"}.get(header[:2], "")
        (version,) = struct.unpack((self.byte_order or "<") + "H", header[2:4])
        if not self.byte_order or (version not in (42, 43) and not any_version):
            raise ValueError("not a TIFF file")
        self.big = version == 43 and not any_version
        self._count_format, self._offset_format = ("Q", "Q") if self.big else ("H", "I")
        self._offset_size = 8 if self.big else 4
        self._count_size = struct.calcsize("=" + self._count_format)
        self.broken_link = False
        self._entries_left = min(MAX_ENTRIES_READ, MAX_ENTRIES + self.size // 4)
        self._tag_bytes_left = MAX_TAG_BYTES_READ
        self.first_ifd_offset = self.offset_in(self._read_at(8, 8) if self.big else header[4:])

    def ifd_offsets(self) -> list[int]:
        """Return the offsets of the IFDs that follow each other from the first one on.

        Sets `broken_link` where the last of them points to something that is not an IFD.
        """
        offsets: list[int] = []
        seen: set[int] = set()
        offset: int | None = self.first_ifd_offset
        while offset:
            count = self._entry_count(offset)
            if offset in seen or not count:
                break
            seen.add(offset)
            offsets.append(offset)
            offset = self._next_ifd_offset(offset)
        self.broken_link = offset != 0
        return offsets

    def entries(self, ifd_offset: int) -> Iterator[Entry]:
        """Yield the entries of the IFD at an offset, as many as the file holds.

        Raises ValueError where this file's IFDs have had too many entries altogether.
        """
        entry_size = 4 + 2 * self._offset_size
        start = ifd_offset + self._count_size
        self.file.seek(start)
        block = self.file.read((self._entry_count(ifd_offset) or 0) * entry_size)
        self._entries_left -= len(block) // entry_size
        if self._entries_left < 0:
            raise ValueError("its directories overlap, or have too many entries")
        for position in range(0, len(block) - entry_size + 1, entry_size):
            entry = block[position : position + entry_size]
            number, type, values = self._unpack("HH" + self._offset_format, entry, exact=False)
            inline = entry[-self._offset_size :]
            yield Entry(start + position, number, type, values, inline)

    def is_whole(self, ifd_offset: int) -> bool:
        """Return whether the file holds all entries of the IFD at an offset."""
        return self._entry_count(ifd_offset) is not None and (
            self.next_ifd_offset_at(ifd_offset) <= self.size
        )

    def next_ifd_offset_at(self, ifd_offset: int) -> int:
        """Return where the IFD at an offset says where the next one begins."""
        entries_size = (self._entry_count(ifd_offset) or 0) * (4 + 2 * self._offset_size)
        return ifd_offset + self._count_size + entries_size

    def read_ifd(self, offset: int, numbers: Collection[int] | None = None, depth: int = 0) -> IFD:
        """Return the IFD at an offset.

        A tag whose value is not in the file, or is too large, is left out.

        Args:
            offset: where it begins.
            numbers: of the tags to read; None for all.
            depth: of the IFD below that of the page.
        """
        ifd = IFD(self.byte_order)
        left = min(self.size * 4, MAX_TAG_BYTES, self._tag_bytes_left)  # tags may share bytes
        for entry in self.entries(offset):
            if numbers is not None and entry.number not in numbers:
                continue
            size = entry.count * self._size_of(entry.type)
            if not 0 < size <= min(self.size, left):
                ifd.omitted += left < size <= self.size
                continue
            left -= size
            self._tag_bytes_left -= size
            with suppress(ValueError):
                if entry.number not in SUB_IFDS:
                    ifd.tags.setdefault(entry.number, Tag(entry.type, self._value(entry, size)))
                elif (
                    entry.number not in ifd.sub_ifds
                    and entry.type in _POINTER_TYPES
                    and depth < MAX_SUB_IFD_DEPTH
                ):
                    sub_ifd = self.read_ifd(self.offset_in(entry.inline), depth=depth + 1)
                    ifd.sub_ifds[entry.number] = sub_ifd
        return ifd

    def offset_in(self, data: bytes) -> int:
        """Return the offset that bytes of the file mean."""
        return int(self._unpack(self._offset_format, data)[0])

    def _entry_count(self, ifd_offset: int) -> int | None:
        """Return how many entries the IFD at an offset has, None where there is not an IFD."""
        try:
            (count,) = self._unpack(self._count_format, self._read_at(ifd_offset, self._count_size))
        except ValueError:
            return None
        return min(count, MAX_ENTRIES)

    def _next_ifd_offset(self, ifd_offset: int) -> int | None:
        """Return the offset of the IFD behind that at an offset, 0 for none, None if cut off."""
        try:
            at = self.next_ifd_offset_at(ifd_offset)
            return self.offset_in(self._read_at(at, self._offset_size))
        except ValueError:
            return None

    def _value(self, entry: Entry, size: int) -> bytes:
        if size <= len(entry.inline):
            return entry.inline[:size]
        return self._read_at(self.offset_in(entry.inline), size)

    def _size_of(self, type: int) -> int:
        return 0 if type in _BIG_TYPES and not self.big else _SIZES.get(type, 0)

    def _unpack(self, format: str, data: bytes, exact: bool = True) -> tuple[int, ...]:
        unpack = struct.unpack if exact else struct.unpack_from
        return unpack(self.byte_order + format, data)

    def _read_at(self, offset: int, size: int) -> bytes:
        if offset > self.size:
            raise ValueError("the file ends too early")
        self.file.seek(offset)
        data = self.file.read(size)
        if len(data) < size:
            raise ValueError("the file ends too early")
        return data
