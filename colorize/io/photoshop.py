"""Photoshop's image resources, which JPEG, TIFF and PNG files hold.

Source: Adobe Photoshop File Formats Specification, "Image Resources Section".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

IPTC = 0x0404
# Of the pixels as they were, or kept elsewhere: thumbnails, profile, EXIF, XMP, IPTC.
_REPLACED = {0x0409, 0x040C, 0x040F, 0x0422, 0x0423, 0x0424, IPTC}
_GUIDES, _CLIPPING_PATH_NAME = 0x0408, 0x0BB7
_PATHS = range(0x07D0, 0x0BB7)


class Resource(NamedTuple):
    """One resource: its number, its content, and its bytes with the header."""

    number: int
    content: bytes
    block: bytes


def read_resources(data: bytes) -> Iterator[Resource]:
    """Yield the resources up to the first one that is damaged."""
    offset = 0
    while offset + 12 <= len(data) and data[offset : offset + 4].isalnum():
        number, name_length = struct.unpack_from(">HB", data, offset + 4)
        start = offset + 6 + (name_length + 2) // 2 * 2 + 4
        size = int.from_bytes(data[start - 4 : start], "big")
        if start + size > len(data):
            return
        content = data[start : start + size]
        yield Resource(number, content, data[offset : start + size] + b"\0" * (size % 2))
        offset = start + (size + 1) // 2 * 2


def find_resource(data: bytes, number: int) -> bytes | None:
    """Return the content of a resource, None where it is missing or empty."""
    contents = (item.content for item in read_resources(data) if item.number == number)
    return next(contents, None) or None


def portable_resources(data: bytes, turned: bool) -> tuple[bytes, bool]:
    """Return the resources that hold for the picture in color, and whether paths were left out.

    Args:
        data: all resources.
        turned: whether the picture was turned, which paths and guides were not.
    """
    kept, lost = b"", False
    for number, _, block in read_resources(data):
        drawn = number in _PATHS or number in (_GUIDES, _CLIPPING_PATH_NAME)
        lost = lost or (drawn and turned)
        if number not in _REPLACED and not (drawn and turned):
            kept += block
    return kept, lost


def pack_resource(number: int, content: bytes) -> bytes:
    """Return a resource as it is in a file."""
    padding = b"\0" * (len(content) % 2)
    return b"8BIM" + struct.pack(">HHI", number, 0, len(content)) + content + padding
