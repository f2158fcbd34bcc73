"""GIF frames with pixels that their palette has no color for, which Pillow shows as black.

Source: GIF89a (CompuServe).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, cast

from PIL import GifImagePlugin

from colorize.io.contents.gif import END, palette_size, read_blocks
from colorize.io.segments import Part, SegmentFile

GRAPHIC_CONTROL = 0xF9
INTERLACED = 0x40


class Frame(NamedTuple):
    """A frame as it is stored.

    Attributes:
        width, height: in pixels.
        is_interlaced: whether its rows are out of order.
        colors: of its palette, 0 where it has none.
        transparent: the index that stands for no color.
        code_size: bits of an index.
        pixels: the compressed indices, from the byte of `code_size` on.
    """

    width: int
    height: int
    is_interlaced: bool
    colors: int
    transparent: int | None
    code_size: int
    pixels: Part


def lacks_colors(file: BinaryIO, max_pixels: int) -> bool:
    """Return whether pixels of any frame are beyond its palette, other than as transparent.

    Frames of more than max_pixels are not looked at.
    """
    return any(
        0 < frame.colors < 1 << frame.code_size
        and frame.width * frame.height <= max_pixels
        and _highest_index(file, frame) >= frame.colors
        for frame in list(_frames(file))
    )


def _frames(file: BinaryIO) -> Iterator[Frame]:
    file.seek(0)
    flags = file.read(13)[10]
    colors, transparent = palette_size(flags) // 3, None
    file.seek(13 + 3 * colors)
    while introducer := file.read(1):
        if introducer == b"\x21":
            label = file.read(1)
            blocks = read_blocks(file)
            if label == bytes([GRAPHIC_CONTROL]) and blocks and len(blocks[0]) >= 4:
                transparent = blocks[0][3] if blocks[0][0] & 1 else None
        elif introducer == b"\x2c":
            descriptor = file.read(9)
            if len(descriptor) < 9:
                return
            width, height, flags = struct.unpack("<HHB", descriptor[4:])
            local = file.read(palette_size(flags))
            start = file.tell()
            code_size = int.from_bytes(file.read(1), "big")
            read_blocks(file)
            pixels = Part(start, file.tell() - start)
            interlaced = bool(flags & INTERLACED)
            shown = len(local) // 3 or colors
            yield Frame(width, height, interlaced, shown, transparent, code_size, pixels)
            transparent = None
        elif introducer == END:
            return


def _highest_index(file: BinaryIO, frame: Frame) -> int:
    """Return the highest index of a frame but for the transparent one; -1 if it is damaged."""
    size = struct.pack("<HH", frame.width, frame.height)
    screen = b"GIF89a" + size + bytes(3)  # without a palette: Pillow then returns the indices
    descriptor = b"\x2c" + bytes(4) + size + bytes([INTERLACED * frame.is_interlaced])
    still = SegmentFile(file, [screen, descriptor, frame.pixels, END])
    try:
        counts = GifImagePlugin.GifImageFile(cast(BinaryIO, still), "").histogram()
    except (OSError, ValueError):  # which is found where the frame is read
        return -1
    used = (index for index, count in enumerate(counts) if count and index != frame.transparent)
    return max(used, default=-1)
