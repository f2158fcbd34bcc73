"""The markers of JPEG files. Source: ITU-T T.81, annex B."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

SOI, EOI, SOS, DRI, COM, APP0 = 0xD8, 0xD9, 0xDA, 0xDD, 0xFE, 0xE0
FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
JPEG_LS = 0xF7  # a frame of ITU-T T.87
SEQUENTIAL = {0xC0, 0xC1}  # coded by Huffman's method
FIRST_BLOCK_BYTES, BLOCK_BYTES = 1 << 16, 1 << 20  # searched at a time


def next_marker(file: BinaryIO, start: int, size: int) -> tuple[int, int]:
    """Return the offset of the first marker from an offset on, and its number.

    Stuffed bytes and restarts, which belong to the pixels, are passed over.

    Args:
        file: a JPEG file.
        start: where to begin.
        size: of the file; it is returned, and 0 for the number, where there is no marker.
    """
    file.seek(start)
    head = file.read(2)
    if _find_marker(head) == 0:  # as one segment follows another
        return start, head[1]
    kept, block_bytes = head, FIRST_BLOCK_BYTES
    while content := file.read(block_bytes):
        block = kept + content
        if (position := _find_marker(block)) is not None:
            return file.tell() - len(block) + position, block[position + 1]
        kept, block_bytes = block[-1:], min(2 * block_bytes, BLOCK_BYTES)
    return size, 0


def _find_marker(block: bytes) -> int | None:
    """Return where a marker is that is neither a stuffed byte nor a restart."""
    values = np.frombuffer(block, np.uint8)
    positions = np.flatnonzero(values[:-1] == 0xFF)
    behind = values[positions + 1]
    is_marker = (behind != 0) & (behind != 0xFF) & ((behind < 0xD0) | (behind > 0xD7))
    found = positions[is_marker]
    return int(found[0]) if len(found) else None
