"""JPEG 2000: whether the codestream is complete, and samples of more than 8 bits.

Pillow rounds color of more than 8 bits to 8 in a way that turns white into black: whatever rounds
to 256 becomes 0. Such files go through OpenJPEG in imagecodecs.

Source: ISO/IEC 15444-1, annex A.
"""

from __future__ import annotations

import os
import struct
from collections import Counter
from typing import BinaryIO, NamedTuple, cast

import numpy as np
from PIL import Image

from colorize.errors import ColorizeError
from colorize.installation import install_command
from colorize.io.jp2 import find_codestream, is_sycc
from colorize.io.readers.limits import MAX_MISSING_BYTES
from colorize.io.segments import Part, SegmentFile

SIZ, SOT, SOD, EOC = 0xFF51, 0xFF90, 0xFF93, 0xFFD9
MAX_TILES = 65535

END = struct.pack(">H", EOC)
EMPTY = bytes(4096)  # of a tile: as many packets as it may have, each without data


class Codestream(NamedTuple):
    """What the markers of a codestream say.

    Attributes:
        bits: of the components.
        is_signed: whether any component is signed.
        is_whole: whether the file holds all tile-parts.
        has_end: whether the end marker follows them.
        tiles: how many there are.
        found: numbers of the tiles of which there are tile-parts.
        last_end: where the last tile-part that has begun should end.
    """

    bits: tuple[int, ...] = ()
    is_signed: bool = False
    is_whole: bool = True
    has_end: bool = True
    tiles: int = 0
    found: frozenset[int] = frozenset()
    last_end: int = 0


def read_codestream(file: BinaryIO) -> Codestream:
    """Return what the markers say. Raises ColorizeError where there is no codestream."""
    start, end = find_codestream(file)
    bits: tuple[int, ...] = ()
    is_signed = False
    tiles, offset = 0, start + 2
    while True:
        file.seek(offset)
        head = file.read(4)
        if len(head) < 4:
            return Codestream(bits, is_signed, False, False)
        marker, length = struct.unpack(">HH", head)
        if marker == SOT:
            break
        if marker == SIZ:
            content = file.read(length - 2)
            depths = content[36::3]
            bits = tuple((depth & 127) + 1 for depth in depths)
            is_signed = any(depth & 128 for depth in depths)
            tiles = _count_tiles(content)
        offset += 2 + length
    found: Counter[int] = Counter()
    stated: dict[int, int] = {}  # tile-parts of a tile

    def stop(is_whole: bool, has_end: bool, last_end: int) -> Codestream:
        lacks_parts = any(found[tile] < count for tile, count in stated.items())
        is_whole = is_whole and len(found) >= tiles and not lacks_parts
        return Codestream(bits, is_signed, is_whole, has_end, tiles, frozenset(found), last_end)

    while True:
        file.seek(offset)
        head = file.read(12)
        if head[:2] == END:
            return stop(True, True, offset)
        if len(head) < 12 or head[:2] != struct.pack(">H", SOT):
            # nothing that belongs here: the tile-parts are whole if they are all there
            return stop(offset <= end, False, offset)
        tile, size, _, count = struct.unpack(">HIBB", head[4:12])
        found[tile] += 1
        if count:
            stated[tile] = count
        if size == 0:  # the last tile-part, up to the end marker
            file.seek(max(end - 4096, offset))
            tail = file.read(max(end - file.tell(), 0)).rstrip(b"\0")
            has_end = tail.endswith(END)
            return stop(has_end, has_end, end)
        if size < 12 or offset + size > end:
            return stop(False, False, offset + size)
        offset += size


def _count_tiles(size_marker: bytes) -> int:
    if len(size_marker) < 36:
        return 0
    numbers: tuple[int, ...] = struct.unpack_from(">8I", size_marker, 2)
    right, bottom, _, _, width, height, left, top = numbers
    if not width or not height:
        return 0
    return min(-(-(right - left) // width) * -(-(bottom - top) // height), MAX_TILES)


def complete(file: BinaryIO, codestream: Codestream) -> SegmentFile:
    """Return a file with zeros where tile-parts are cut off or missing.

    Zeros mean packets without data, so the decoder takes all those before them.
    """
    empty = (
        struct.pack(">HHHIBBH", SOT, 10, tile, 14 + len(EMPTY), 0, 1, SOD) + EMPTY
        for tile in range(codestream.tiles)
        if tile not in codestream.found
    )
    end = min(codestream.last_end, file.seek(0, os.SEEK_END) + MAX_MISSING_BYTES)
    return SegmentFile(file, [Part(0, end), *empty, END])


def decode_deep(
    file: BinaryIO | SegmentFile, image: Image.Image, codestream: Codestream
) -> np.ndarray | None:
    """Return uint16 samples, (H, W, components), of a picture of more than 8 bits.

    Returns None where Pillow's 8 bits are to be taken: of fewer bits, and, without imagecodecs,
    where none of its samples may be one that should be white.

    Raises ColorizeError where imagecodecs is needed.
    """
    bits = max(codestream.bits, default=8)
    if bits <= 8:
        return None
    if bits > 16 or len(set(codestream.bits)) > 1:
        raise ColorizeError(f"has {bits} bits per channel: convert it to 16")
    if len(codestream.bits) == 1 and image.mode.startswith("I;16"):
        image.load()
        return _to_full_range(np.asarray(image)[..., None] >> (16 - bits), bits)
    if not is_sycc(cast(BinaryIO, file)) and not codestream.is_signed:
        try:
            import imagecodecs
        except ImportError:
            pass
        else:
            file.seek(0)
            samples = np.asarray(imagecodecs.jpeg2k_decode(file.read()))
            if samples.shape[:2] == (image.height, image.width) and samples.dtype.kind == "u":
                samples = samples.reshape(image.height, image.width, -1)
                return _to_full_range(samples, bits)
    image.load()
    if any(band.getextrema()[0] == 0 for band in image.split()):
        raise ColorizeError(
            f"JPEG 2000 in color of {bits} bits needs an extra: {install_command('tiff')}"
        )
    return None


def _to_full_range(samples: np.ndarray, bits: int) -> np.ndarray:
    top = (1 << bits) - 1
    if bits == 16:
        return samples.astype(np.uint16, copy=False)
    scaled: np.ndarray = (samples.astype(np.uint32) * 65535 + top // 2) // top
    return scaled.astype(np.uint16)
