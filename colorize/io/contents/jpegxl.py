"""The boxes and the header of JPEG XL files. Source: ISO/IEC 18181-1, annex D, and 18181-2."""

from __future__ import annotations

from typing import BinaryIO

from colorize.io.boxes import boxes_end, read_boxes
from colorize.io.contents.types import Contents

CODESTREAM = b"\xff\x0a"
CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
_OF_PIXELS = (b"JXL ", b"ftyp", b"jxll", b"jxlc", b"jxlp", b"jxli", b"jbrd")
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}


def read_contents(file: BinaryIO, contents: Contents) -> None:
    """Add what a JPEG XL file holds."""
    file.seek(0)
    if file.read(2) == CODESTREAM:
        return
    for type, content in read_boxes(file):
        if type == b"Exif":
            offset = int.from_bytes(content[:4], "big")
            contents.exif = contents.exif or content[4 + offset :]
        elif type == b"xml ":
            contents.xmp = contents.xmp or content
        elif type == b"brob":
            contents.leave_out(f"its compressed {content[:4].decode('latin-1').strip()}")
        elif type not in _OF_PIXELS:
            contents.leave_out(f"its box {type.decode('latin-1').strip()}")
    contents.describe_trailer(file, boxes_end(file))


def read_size(file: BinaryIO) -> tuple[int, int]:
    """Return width and height of a JPEG XL file, (0, 0) where its header is missing."""
    file.seek(0)
    header = file.read(16)
    if not header.startswith(CODESTREAM):
        header = b""
        for type, content in read_boxes(file):
            if type in (b"jxlc", b"jxlp"):
                header = content[4 * (type == b"jxlp") :][:16]
                break
    if not header.startswith(CODESTREAM):
        return 0, 0
    bits = int.from_bytes(header[2:], "little")

    def take(count: int) -> int:
        nonlocal bits
        value, bits = bits & ((1 << count) - 1), bits >> count
        return value

    def side(small: int) -> int:
        return 8 * (take(5) + 1) if small else take((9, 13, 18, 30)[take(2)]) + 1

    small = take(1)
    height = side(small)
    ratio = _RATIOS.get(take(3))
    return (height * ratio[0] // ratio[1] if ratio else side(small)), height
