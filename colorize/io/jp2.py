"""The boxes of JPEG 2000 files, which hold metadata that Pillow neither reads nor writes.

Source: ISO/IEC 15444-1, annex I; the UUIDs of EXIF, XMP and IPTC are those that ExifTool uses.
"""

from __future__ import annotations

import io
import os
import struct
from typing import BinaryIO

from colorize.errors import ColorizeError
from colorize.io.boxes import pack_box, read_boxes, walk_boxes
from colorize.io.contents.jp2 import EXIF_UUID, IPTC_UUID, XMP_UUID
from colorize.io.metadata import Metadata

INCH = 0.0254  # meters
CODESTREAM = b"\xff\x4f\xff\x51"  # its first two markers
SYCC = struct.pack(">I", 18)  # an enumerated color space


def read_jp2_profile(file: BinaryIO) -> bytes | None:
    """Return the ICC profile of a JPEG 2000 file, which Pillow does not look for."""
    for type, content in read_boxes(file):
        if type == b"jp2h":
            for inner, profile in read_boxes(io.BytesIO(content)):
                if inner == b"colr" and profile[:1] in (b"\2", b"\3"):  # an ICC profile follows
                    return profile[3:]
    return None


def find_codestream(file: BinaryIO) -> tuple[int, int]:
    """Return where the codestream of a JPEG 2000 file begins and ends.

    Raises ColorizeError where the file ends before it.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(4) == CODESTREAM:
        return 0, size
    for box in walk_boxes(file):
        if box.type == b"jp2c" and box.offset < size:
            return box.offset, min(box.end, size)
    raise ColorizeError("incomplete: its end is missing")


def is_sycc(file: BinaryIO) -> bool:
    """Return whether the pixels of a JPEG 2000 file are YCbCr."""
    for type, content in read_boxes(file):
        if type == b"jp2h":
            for inner, color in read_boxes(io.BytesIO(content)):
                if inner == b"colr" and color[:1] == b"\1" and color[3:7] == SYCC:
                    return True
    return False


def pack_jp2_boxes(metadata: Metadata) -> bytes:
    """Return the boxes that hold metadata at the end of a JPEG 2000 file."""
    contents = {EXIF_UUID: metadata.exif, XMP_UUID: metadata.xmp, IPTC_UUID: metadata.iptc}
    boxes = [pack_box(b"uuid", uuid + content) for uuid, content in contents.items() if content]
    if metadata.format == "JPEG2000":
        boxes += [box for _, box in metadata.native]
    return b"".join(boxes)


def with_resolution(content: bytes, dpi: tuple[float, float]) -> bytes:
    """Return a JPEG 2000 file whose header box states a resolution."""
    position = content.find(b"jp2h") - 4
    length = int.from_bytes(content[position : position + 4], "big")
    x, y = (_resolution(value / INCH) for value in dpi)
    capture = struct.pack(">4H2b", *y[:2], *x[:2], y[2], x[2])
    box = pack_box(b"res ", pack_box(b"resc", capture))
    end = position + length
    header = struct.pack(">I", length + len(box)) + content[position + 4 : end]
    return content[:position] + header + box + content[end:]


def _resolution(per_meter: float) -> tuple[int, int, int]:
    """Return numerator, denominator and exponent of ten of a resolution."""
    exponent = 0
    while per_meter > 6553:
        per_meter, exponent = per_meter / 10, exponent + 1
    return round(per_meter * 10), 10, exponent
