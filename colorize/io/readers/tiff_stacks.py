"""Stacks: TIFF files with one directory for many pictures, which lie behind each other.

ImageJ writes such files when they exceed 4 GiB, tifffile when it is asked to, MetaMorph always.
Readers that do not know this show the first picture only.
"""

from __future__ import annotations

import json
import math
import re

from colorize.io import tiff_ifd as tiff
from colorize.io.readers.tiff_layout import UNCOMPRESSED, Layout
from colorize.io.readers.tiff_pages import MAX_DIRECTORIES
from colorize.io.segments import Part
from colorize.io.tiff_ifd import IFD

UIC2 = 33629  # MetaMorph's tag of its planes
SLICE = 8  # bytes of a rational, as which each plane counts in it


def count_slices(ifd: IFD, layout: Layout, offset: int, file_size: int) -> int:
    """Return how many pictures a file with one directory holds.

    Where the file ends early, this counts one picture that is not whole.

    Args:
        ifd: the directory.
        layout: of its first picture.
        offset: of the directory, which is in front of the pixels of a stack. A file made from one
            of its pictures may still have the description of the stack.
        file_size: in bytes.
    """
    stated = _stated_slices(ifd, layout)
    start, size = _extent(layout)
    if stated < 2 or not size:
        return 1
    there = -(-(file_size - start) // size)
    return min(stated, there, MAX_DIRECTORIES) if offset < start or there >= stated else 1


def take_slice(layout: Layout, index: int, file_size: int) -> Layout:
    """Return where one of the pictures is stored, counted from 0."""
    _, size = _extent(layout)
    parts = tuple(Part(part.offset + index * size, part.size) for part in layout.parts)
    is_complete = layout.is_complete and parts[-1].offset + parts[-1].size <= file_size
    return layout.replace(parts=parts, is_complete=is_complete)


def _stated_slices(ifd: IFD, layout: Layout) -> int:
    description = (ifd.bytes(tiff.IMAGE_DESCRIPTION) or b"").rstrip(b"\0")
    if planes := ifd.bytes(UIC2):
        return len(planes) // SLICE
    if description.startswith(b"ImageJ="):
        images = re.search(rb"^images=(\d{1,9})", description, re.MULTILINE)
        return int(images[1]) if images else 1
    if description.startswith(b"{") and b'"truncated"' in description:
        try:
            shape = [int(side) for side in json.loads(description)["shape"]]
        except (ValueError, KeyError, TypeError, RecursionError):
            return 1
        return math.prod(shape) // (layout.width * layout.height * layout.channels)
    return 1


def _extent(layout: Layout) -> tuple[int, int]:
    """Return offset and size of the pixels; a size of 0 where they are not one plain block."""
    start, end = layout.parts[0].offset, layout.parts[0].offset
    for part in layout.parts:
        if part.offset != end:
            return start, 0
        end += part.size
    is_plain = layout.compression == UNCOMPRESSED and not layout.tile
    return start, end - start if is_plain else 0
