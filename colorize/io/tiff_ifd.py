"""TIFF's image file directories (IFDs): their tags, and how they are written.

Pillow and libvips code the pixels of TIFF files, but each keeps only some of the tags. Here, and
in `tiff_ifd_reader`, tags are read and written as they are; pixels are not touched. An EXIF block
is a TIFF file as well. Sources: TIFF Revision 6.0 (Adobe, 1992) and the BigTIFF design (libtiff).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

SUBFILE_TYPE, OLD_SUBFILE_TYPE = 254, 255
IMAGE_WIDTH, IMAGE_LENGTH, BITS_PER_SAMPLE, COMPRESSION = 256, 257, 258, 259
IMAGE_DESCRIPTION, MAKE, MODEL, SOFTWARE = 270, 271, 272, 305
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
PHOTOSHOP_LAYERS, DNG_VERSION, IMAGE_DEPTH = 37724, 50706, 32997

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


TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
              16: 8, 17: 8, 18: 8}  # fmt: skip
_WORD_SIZES = {**TYPE_SIZES, Type.RATIONAL: 4, Type.SRATIONAL: 4}  # of what is swapped as a whole
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
        count = len(value.data) // TYPE_SIZES[value.type]
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
        entries += struct.pack(
            order + "HHI", number, tag.type, len(tag.data) // TYPE_SIZES[tag.type]
        )
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
