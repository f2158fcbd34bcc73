"""The comments of PNM files, and what lies behind the picture. Source: Netpbm's format pages."""

from __future__ import annotations

import re
from typing import BinaryIO

from colorize.io.contents.types import Contents

MAX_HEADER_BYTES = 1 << 16
_TOKEN = re.compile(rb"\s*(?:#([^\r\n]*)|(\d+))")
_CHANNELS = {b"P4": 1, b"P5": 1, b"P6": 3}  # of the formats that are not plain text


def read_contents(file: BinaryIO, contents: Contents) -> None:
    """Add what a PNM file holds."""
    file.seek(0)
    header = file.read(MAX_HEADER_BYTES)
    kind, position = header[:2], 2
    numbers: list[int] = []
    while len(numbers) < (2 if kind in (b"P1", b"P4") else 3):
        token = _TOKEN.match(header, position)
        if token is None:
            return
        position = token.end()
        if token[1] is None:
            numbers.append(int(token[2]))
        else:
            contents.add_comment(token[1].strip())
    if kind not in _CHANNELS:
        return
    width, height, *white = numbers
    bits = 1 if kind == b"P4" else 8 if white[0] < 256 else 16
    row_bytes = (width * _CHANNELS[kind] * bits + 7) // 8
    end = position + 1 + height * row_bytes
    file.seek(end)
    if re.match(rb"P[1-6]\s", file.read(3)):
        contents.leave_out("further pictures in it")
    else:
        contents.describe_trailer(file, end)
