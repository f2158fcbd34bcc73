"""A file put together from bytes and from parts of another file, without copying the parts."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any, BinaryIO, NamedTuple

ZERO_BYTES = 1 << 16  # looked at together


def zeros_before(file: BinaryIO | SegmentFile, end: int) -> int:
    """Return how many zero bytes there are in front of a position in a file."""
    count = 0
    while count < end:
        size = min(ZERO_BYTES, end - count)
        file.seek(end - count - size)
        left = len(file.read(size).rstrip(b"\0"))
        count += size - left
        if left:
            break
    return count


class Part(NamedTuple):
    """Some bytes of a file. Those that lie behind its end read as zeros."""

    offset: int
    size: int


class SegmentFile(io.RawIOBase):
    """A read-only file: given bytes and parts of another file, one after another."""

    def __init__(self, file: BinaryIO, segments: Iterable[bytes | Part]) -> None:
        """Present segments of `file`, whose position changes whenever this file is read."""
        self._file = file
        self._segments = [
            part for part in segments if (part.size if isinstance(part, Part) else part)
        ]
        sizes = (part.size if isinstance(part, Part) else len(part) for part in self._segments)
        self._starts = [0, *accumulate(sizes)]
        self.size = self._starts.pop()
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Change the position, and return it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes: all that are wanted, where there are as many."""
        left = max(self.size - self._position, 0)
        wanted = left if size is None or size < 0 else min(size, left)
        pieces = []
        index = bisect_right(self._starts, self._position) - 1
        while wanted > 0:
            segment, within = self._segments[index], self._position - self._starts[index]
            if isinstance(segment, Part):
                count = min(wanted, segment.size - within)
                self._file.seek(segment.offset + within)
                piece = self._file.read(count).ljust(count, b"\0")
            else:
                piece = segment[within : within + wanted]
            pieces.append(piece)
            wanted -= len(piece)
            self._position += len(piece)
            index += 1
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def pieces(self, size: int) -> Iterator[bytes]:
        """Yield everything from the position on, `size` bytes at a time."""
        while piece := self.read(size):
            yield piece

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with the next bytes, and return how many there were."""
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)
