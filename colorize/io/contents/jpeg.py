"""The segments of JPEG files, and what lies behind the picture.

Sources: ITU-T T.81, annex B; XMP specification, part 3 (the extension); CIPA DC-007 (MPF).
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from colorize.io.contents.types import Contents
from colorize.io.exif import EXIF_PREFIX
from colorize.io.jpeg_markers import APP0, COM, EOI, SOI, next_marker
from colorize.io.xmp import Extension, merge_extension

XMP_PREFIX = b"http://ns.adobe.com/xap/1.0/\0"
EXTENSION_PREFIX = b"http://ns.adobe.com/xmp/extension/\0"
PHOTOSHOP_PREFIX = b"Photoshop 3.0\0"
TIFF_ORDERS = (b"II", b"MM")
MAX_SEGMENT_BYTES = 65533  # of the content of one segment
# Segments about the coding of the pixels, or a thumbnail; ICC profiles are converted.
_OF_PIXELS = {
    0xE0: (b"JFIF\0", b"JFXX\0"),
    0xE2: (b"ICC_PROFILE\0",),
    0xEE: (b"Adobe",),
}


class Segment(NamedTuple):
    """A marker, 0xC0 to 0xFE, and the content of its segment."""

    marker: int
    content: bytes


def read_segments(file: BinaryIO) -> tuple[list[Segment], bytes]:
    """Return the segments of a JPEG file, and what lies behind its end."""
    size = file.seek(0, os.SEEK_END)
    segments: list[Segment] = []
    position = 2
    while True:
        position, marker = next_marker(file, position, size)
        position += 2
        if marker == 0:
            return segments, b""
        file.seek(position)
        if marker == EOI:
            return segments, file.read()
        if marker in (0x01, SOI) or position + 2 > size:
            continue
        length = int.from_bytes(file.read(2), "big")
        segments.append(Segment(marker, file.read(max(length - 2, 0))))
        position += max(length, 2)


def read_contents(file: BinaryIO, contents: Contents) -> None:
    """Add what a JPEG file holds."""
    segments, trailer = read_segments(file)
    extension = Extension()
    contents.exif = contents.xmp = contents.dpi = None
    pictures = 0
    for segment in segments:
        marker, content = segment
        if marker == COM:
            contents.add_comment(content)
        elif marker == 0xE0 and content.startswith(b"JFIF\0"):
            contents.dpi = _density(content)
        elif not APP0 <= marker <= APP0 + 15 or content.startswith(_OF_PIXELS.get(marker, ())):
            continue
        elif marker == 0xE1 and content.startswith(EXIF_PREFIX):
            exif = content[len(EXIF_PREFIX) :]
            if contents.exif is None:
                contents.exif = content
            elif exif[:2] in TIFF_ORDERS:
                contents.leave_out("a second EXIF block")
            else:  # one that is longer than a segment
                contents.exif += exif
        elif marker == 0xE1 and content.startswith(XMP_PREFIX):
            if contents.xmp is not None:
                contents.leave_out("a second XMP packet")
            contents.xmp = contents.xmp or content[len(XMP_PREFIX) :]
        elif marker == 0xE1 and content.startswith(EXTENSION_PREFIX):
            extension.add(content[len(EXTENSION_PREFIX) :])
        elif marker == 0xED and content.startswith(PHOTOSHOP_PREFIX):
            contents.photoshop += content[len(PHOTOSHOP_PREFIX) :]
        elif marker == 0xE2 and content.startswith(b"MPF\0"):
            pictures += 1
        elif marker == 0xEB:
            contents.leave_out("content credentials, which are for its pixels")
        else:
            contents.native.append((_name(segment), pack_segment(marker, content)))
    contents.notes = list(dict.fromkeys(contents.notes))
    contents.xmp, lost = merge_extension(contents.xmp, extension)
    if lost:
        contents.leave_out("the extension of its XMP, which is not complete")
    contents.notes += _describe_trailer(trailer, bool(pictures))


def pack_segment(marker: int, content: bytes) -> bytes:
    """Return a segment as it is in a file."""
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def split_segments(marker: int, content: bytes, prefix: bytes) -> Iterator[bytes]:
    """Yield as many segments with a prefix as the content needs."""
    step = 65533 - len(prefix)
    for start in range(0, len(content), step):
        yield pack_segment(marker, prefix + content[start : start + step])


def _density(jfif: bytes) -> tuple[float, float] | None:
    if len(jfif) < 12:
        return None
    unit, x, y = struct.unpack_from(">BHH", jfif, 7)
    scale = {1: 1.0, 2: 2.54}.get(unit)
    return None if scale is None else (x * scale, y * scale)


def _name(segment: Segment) -> str:
    match = re.match(rb"[ -~]{2,40}", segment.content)
    what = f" {match[0].decode('ascii')}" if match else ""
    return f"APP{segment.marker - APP0} segment{what}"


def _describe_trailer(trailer: bytes, several_pictures: bool) -> list[str]:
    trailer = trailer.strip(b"\0\r\n \xff")
    if several_pictures or trailer.startswith(b"\xd8") or b"\xff\xd8\xff" in trailer[:4096]:
        return ["further pictures in it: left out"]
    if b"ftyp" in trailer[:4096]:
        return ["the video in it: left out"]
    return [f"{len(trailer)} bytes behind its pixels: left out"] if trailer else []
