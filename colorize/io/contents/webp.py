"""The chunks of WebP files. Source: RFC 9649."""

from __future__ import annotations

import struct
from typing import BinaryIO

from colorize.io.contents.types import Contents

_KNOWN = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP "}


def read_contents(file: BinaryIO, contents: Contents) -> None:
    """Add notes about what is not kept of a WebP file."""
    file.seek(4)
    position, end = 12, 8 + int.from_bytes(file.read(4), "little")
    contents.describe_trailer(file, end + end % 2)
    while position + 8 <= end:
        file.seek(position)
        header = file.read(8)
        if len(header) < 8:
            return
        type, length = struct.unpack("<4sI", header)
        if not type.isascii() or not type.decode("ascii").isprintable():
            return  # not a chunk
        if type not in _KNOWN:
            contents.leave_out(f"its chunk {type.decode('ascii').strip()}")
        position += 8 + length + length % 2
