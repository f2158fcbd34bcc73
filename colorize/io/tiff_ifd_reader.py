"""Reading TIFF's image file directories (IFDs), of files that may be damaged or hostile."""

from __future__ import annotations

import os
import struct
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from colorize.io.tiff_ifd import EXIF_IFD, GPS_IFD, IFD, INTEROP_IFD, TYPE_SIZES, Tag, Type

SUB_IFDS = {EXIF_IFD, GPS_IFD, INTEROP_IFD}
MAX_SUB_IFD_DEPTH = 2
MAX_ENTRIES = 65535  # of one IFD; BigTIFF could count further
MAX_TAG_BYTES = 64 << 20  # of the values of an IFD; the strip offsets of a huge scan fit
MAX_TAG_BYTES_READ = 1 << 30  # of the values of a file's IFDs, which may share them
MAX_ENTRIES_READ = 1 << 22  # of the IFDs of a file, which may overlap; each is read three times

_BIG_TYPES = {Type.LONG8, Type.SLONG8, Type.IFD8}
_POINTER_TYPES = {Type.LONG, Type.IFD, Type.LONG8, Type.IFD8}


def read_ifds(file: BinaryIO) -> Iterator[IFD]:
    """Yield every IFD of a TIFF file or of an EXIF block.

    The last one is that whose link leads nowhere, wherever it may lead.

    Raises ValueError where the file is not TIFF, or ends before its first IFD.
    """
    reader = IFDReader(file)
    for offset in reader.ifd_offsets():
        yield reader.read_ifd(offset)


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


class IFDReader:
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
        return 0 if type in _BIG_TYPES and not self.big else TYPE_SIZES.get(type, 0)

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
