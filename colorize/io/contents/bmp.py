"""What lies behind the picture in a BMP file. Source: Windows' BITMAPV5HEADER."""

from __future__ import annotations

import struct
from typing import BinaryIO

from colorize.io.contents.types import Contents

_OLD_HEADER, _V5_HEADER = 12, 124  # bytes
_UNCOMPRESSED = (0, 3, 6)  # also those with masks for the channels
_FILE_HEADER = 14  # bytes


def read_contents(file: BinaryIO, contents: Contents) -> None:
    """Add a note about bytes behind the end of a BMP file."""
    file.seek(0)
    header = file.read(_FILE_HEADER + _V5_HEADER).ljust(_FILE_HEADER + _V5_HEADER, b"\0")
    offset, size = struct.unpack_from("<II", header, 10)
    compression, stored = 0, 0
    if size == _OLD_HEADER:
        width, height, _, bits = struct.unpack_from("<4H", header, 18)
    else:
        width, height, _, bits, compression, stored = struct.unpack_from("<iiHHII", header, 18)
    if compression in _UNCOMPRESSED:
        stored = (width * bits + 31) // 32 * 4 * abs(height)
    if not stored or width <= 0:
        return
    end = offset + stored
    if size == _V5_HEADER:
        at, length = struct.unpack_from("<II", header, _FILE_HEADER + 112)
        end = max(end, _FILE_HEADER + at + length)
    contents.describe_trailer(file, end)
