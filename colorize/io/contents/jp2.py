"""The boxes of JPEG 2000 files, of which Pillow reads and writes few.

Source: ISO/IEC 15444-1, annex I; the UUIDs of EXIF, XMP and IPTC are those that ExifTool uses.
"""

from __future__ import annotations

from typing import BinaryIO

from colorize.io.boxes import boxes_end, pack_box, read_boxes
from colorize.io.contents.types import Contents

XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
IPTC_UUID = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
EXIF_UUID = b"JpgTiffExif->JP2"
_PORTABLE = (b"xml ", b"uuid", b"uinf", b"jp2i")  # do not depend on the pixels
_OF_PIXELS = (b"jP  ", b"ftyp", b"rreq", b"jp2h", b"jp2c", b"jpch", b"jplh", b"free")


def read_contents(file: BinaryIO, contents: Contents) -> None:
    """Add what a JPEG 2000 file holds."""
    for type, content in read_boxes(file):
        if type == b"uuid" and content[:16] == EXIF_UUID:
            contents.exif = contents.exif or content[16:]
        elif type == b"uuid" and content[:16] == XMP_UUID:
            contents.xmp = contents.xmp or content[16:]
        elif type == b"uuid" and content[:16] == IPTC_UUID:
            contents.iptc = contents.iptc or content[16:]
        elif type in _PORTABLE:
            contents.native.append((f"box {_name(type)}", pack_box(type, content)))
        elif type not in _OF_PIXELS:
            contents.leave_out(f"its box {_name(type)}")
    if end := boxes_end(file):  # 0 of a codestream
        contents.describe_trailer(file, end)


def _name(type: bytes) -> str:
    name = type.decode("latin-1").strip()
    return name if name.isprintable() else ascii(name)
