"""EXIF: the orientation of a photograph, and its block once the pixels are upright.

`apply_orientation` rotates and flips the pixels; the rest finds the orientation and updates the
metadata accordingly. Source: Exif 2.32 (CIPA DC-008); an EXIF block is a TIFF file.
"""

from __future__ import annotations

import io
import re
import struct
from contextlib import suppress

import numpy as np

from colorize.io import tiff_ifd as tiff
from colorize.io.tiff_ifd import IFD, Type
from colorize.io.tiff_ifd_reader import IFDReader

EXIF_PREFIX = b"Exif\0\0"  # before the block in JPEG, AVIF and HEIC files
PIXEL_X_DIMENSION, PIXEL_Y_DIMENSION = 0xA002, 0xA003
_RESOLUTIONS = (tiff.X_RESOLUTION, tiff.Y_RESOLUTION)

INVERSE_ORIENTATION = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}

_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)([1-8])")


def apply_orientation(array: np.ndarray, orientation: int) -> np.ndarray:
    """Return a view of an array as stored, (H, W, ...), that shows it upright.

    Args:
        array: rows and columns first.
        orientation: EXIF's number, 1 to 8: the corner and edge where the first row is stored.
    """
    if orientation >= 5:
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):  # the first row of the upright picture is the last here
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return array


def read_orientation(exif: bytes | None, xmp: bytes | None = None) -> int:
    """Return the orientation, 1 to 8, that EXIF (or else XMP) gives; 1 where neither does."""
    with suppress(ValueError):
        reader, _ = _open_block(exif)
        for entry in reader.entries(reader.first_ifd_offset):
            if entry.number == tiff.ORIENTATION and entry.type == Type.SHORT:
                (number,) = struct.unpack_from(reader.byte_order + "H", entry.inline)
                return number if 1 <= number <= 8 else 1
    match = _XMP_ORIENTATION.search(xmp or b"")
    return int(match[2]) if match else 1


def page_orientation(ifd: IFD) -> int:
    """Return the orientation of a TIFF page, 1 to 8, from its tag or else its XMP."""
    orientation = ifd.integer(tiff.ORIENTATION, 0)
    if orientation == 0:
        return read_orientation(None, ifd.bytes(tiff.XMP))
    return orientation if 1 <= orientation <= 8 else 1


def upright_exif(exif: bytes | None, orientation: int) -> bytes | None:
    r"""Return the EXIF block of the upright picture, changed in place byte by byte.

    Orientation becomes 1, the pixel dimensions are swapped where the turn swaps them, and the
    thumbnail (gray and not turned) is unlinked. Nothing moves, so maker notes stay readable.

    Args:
        exif: the block, with or without "Exif\0\0".
        orientation: that of the picture as stored.

    Returns:
        The block without "Exif\0\0", changed as far as it can be read; None where there is none.
    """
    try:
        reader, block = _open_block(exif)
    except ValueError:
        return None
    order = reader.byte_order
    struct.pack_into(order + "H", block, 2, 42)  # of classic TIFF, which other programs require
    for entry in reader.entries(reader.first_ifd_offset):
        if entry.number == tiff.ORIENTATION and entry.type == Type.SHORT:
            struct.pack_into(order + "H", block, entry.offset + 8, 1)
        if entry.number == tiff.EXIF_IFD and orientation >= 5:
            exif_ifd_offset = reader.offset_in(entry.inline)
            _swap(block, reader, exif_ifd_offset, PIXEL_X_DIMENSION, PIXEL_Y_DIMENSION)
    if orientation >= 5:
        for pair in ((tiff.IMAGE_WIDTH, tiff.IMAGE_LENGTH), _RESOLUTIONS):
            _swap(block, reader, reader.first_ifd_offset, *pair)
    thumbnail_at = reader.next_ifd_offset_at(reader.first_ifd_offset)
    if thumbnail_at + 4 <= len(block):
        struct.pack_into(order + "I", block, thumbnail_at, 0)
    return bytes(block)


def exif_dpi(exif: bytes | None) -> tuple[float, float] | None:
    """Return the resolution that an EXIF block states, None where it states none."""
    try:
        reader, _ = _open_block(exif)
        ifd = reader.read_ifd(reader.first_ifd_offset)
    except ValueError:
        return None
    inches = {2: 1.0, 3: 2.54}.get(ifd.integer(tiff.RESOLUTION_UNIT, 2), 0.0)
    return ifd.rational(tiff.X_RESOLUTION) * inches, ifd.rational(tiff.Y_RESOLUTION) * inches


def set_exif_dimensions(exif: bytes | None, width: int, height: int) -> bytes | None:
    """Return the EXIF block with other pixel dimensions, where it states any."""
    if not exif:
        return None
    try:
        reader, block = _open_block(exif)
    except ValueError:
        return exif  # too damaged to change
    sizes = {PIXEL_X_DIMENSION: width, PIXEL_Y_DIMENSION: height}
    for pointer in reader.entries(reader.first_ifd_offset):
        if pointer.number != tiff.EXIF_IFD:
            continue
        for entry in reader.entries(reader.offset_in(pointer.inline)):
            if entry.number in sizes and entry.type in (Type.SHORT, Type.LONG):
                # as LONG: twice the width may exceed a SHORT
                value = Type.LONG, 1, sizes[entry.number]
                struct.pack_into(reader.byte_order + "HII", block, entry.offset + 2, *value)
    return bytes(block)


def with_software(exif: bytes | None, software: str) -> bytes:
    """Return the EXIF block with the name of the program that wrote the file.

    Its first directory is written again at the end of the block, so that nothing else moves and
    maker notes stay readable. A block that cannot be read is returned as it is.
    """
    text = software.encode("ascii") + b"\0"
    if not exif:
        return tiff.pack_file(IFD("<", {tiff.SOFTWARE: tiff.Tag(Type.ASCII, text)}))
    try:
        reader, block = _open_block(exif)
    except ValueError:
        return exif
    start, order = reader.first_ifd_offset, reader.byte_order
    if not reader.is_whole(start):
        return exif
    kept = {entry.number: bytes(block[entry.offset : entry.offset + 12])
            for entry in reader.entries(start)}  # fmt: skip
    (next_ifd,) = struct.unpack_from(order + "I", block, reader.next_ifd_offset_at(start))
    block += b"\0" * (len(block) % 2)
    offset = len(block)
    count = len(kept.keys() | {tiff.SOFTWARE})
    value = offset + 2 + 12 * count + 4
    kept[tiff.SOFTWARE] = struct.pack(order + "HHII", tiff.SOFTWARE, Type.ASCII, len(text), value)
    block += struct.pack(order + "H", count) + b"".join(kept[number] for number in sorted(kept))
    block += struct.pack(order + "I", next_ifd) + text
    struct.pack_into(order + "I", block, 4, offset)
    return bytes(block)


def exif_from_page(ifd: IFD) -> bytes | None:
    """Return the descriptive tags, EXIF and GPS of a TIFF page as an EXIF block, None if none."""
    tags = {number: tag for number, tag in ifd.tags.items() if number not in tiff.STRUCTURAL_TAGS}
    tags.pop(tiff.SUBFILE_TYPE, None)
    if not tags and not ifd.sub_ifds:
        return None
    return tiff.pack_file(IFD(ifd.byte_order, tags, ifd.sub_ifds))


def page_from_exif(exif: bytes | None) -> IFD:
    """Return an EXIF block's tags for a little-endian TIFF page, none for a damaged block."""
    try:
        reader, _ = _open_block(exif)
        ifd = reader.read_ifd(reader.first_ifd_offset)
    except ValueError:
        return IFD("<")
    tags = {number: tag for number, tag in ifd.tags.items() if number not in tiff.STRUCTURAL_TAGS}
    return tiff.to_byte_order(IFD(ifd.byte_order, tags, ifd.sub_ifds), "<")


def _open_block(exif: bytes | None) -> tuple[IFDReader, bytearray]:
    """Return a reader of an EXIF block and a copy to change. Raises ValueError if it is none."""
    block = bytearray((exif or b"").removeprefix(EXIF_PREFIX))
    return IFDReader(io.BytesIO(block), any_version=True), block


def _swap(block: bytearray, reader: IFDReader, ifd_offset: int, first: int, second: int) -> None:
    """Swap the values of two tags, whose types may differ, if both are there."""
    offsets = {entry.number: entry.offset + 2 for entry in reader.entries(ifd_offset)}
    if first in offsets and second in offsets:
        x, y = offsets[first], offsets[second]
        block[x : x + 10], block[y : y + 10] = block[y : y + 10], block[x : x + 10]
