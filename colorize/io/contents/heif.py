"""The boxes of AVIF and HEIC files; Pillow reads EXIF and XMP. Source: ISO/IEC 14496-12."""

from __future__ import annotations

from typing import BinaryIO

from colorize.io.boxes import boxes_end, walk_boxes
from colorize.io.contents.types import Contents

_OF_PIXELS = (b"ftyp", b"meta", b"mdat", b"moov", b"moof", b"mfra", b"styp", b"sidx", b"pdin")
_PADDING = (b"free", b"skip", b"wide")
_VIDEO = b"mpvd"  # of motion photos


def read_contents(file: BinaryIO, contents: Contents) -> None:
    """Add notes about what is not kept of an AVIF or HEIC file."""
    end = boxes_end(file)
    for box in walk_boxes(file):
        if box.type == _VIDEO:
            contents.leave_out("the video in it")
        elif box.offset < end and box.type not in _OF_PIXELS + _PADDING:
            contents.leave_out(f"its box {box.type.decode('ascii').strip()}")
    contents.describe_trailer(file, end)
