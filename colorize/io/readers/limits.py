"""What is refused before any pixel is decoded, and damage of pixels."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from colorize.errors import ColorizeError
from colorize.io.jpeg_markers import EOI, FRAMES, JPEG_LS, SEQUENTIAL, SOS, next_marker

MAX_SCANS = 500  # of a progressive JPEG, each of which the decoder goes over all pixels for
MAX_SEGMENTS = 20_000
MAX_UNKNOWN_BYTES = 1 << 16  # between the segments of a JPEG, which Pillow skips one by one
MAX_PNM_HEADER_BYTES = 1 << 16  # which it reads one by one
MAX_MISSING_BYTES = 64 << 20  # of a cut file for which zeros stand
MAX_FULL_PAGES = 100  # pages of the largest size that a file may have: 1000 of A4 at 600 dpi are 70
RAISE_LIMIT = "--max-pixels raises it"
RAISE_PAGES = "--max-pages raises it"
TAKE_DAMAGED = "--allow-damaged takes what can be decoded"

NO_COLORS = "its palette lacks colors of its pixels"
DAMAGED = "its pixels are damaged: taken as far as they can be decoded"


@dataclass(frozen=True)
class ReadLimits:
    """How large a file may be.

    Attributes:
        max_pixels: of a page, and of all frames of an animation together; a hundredth of what all
            pages may have together.
        max_pages: pages or frames; None for any number, of any size together.
    """

    max_pixels: int
    max_pages: int | None

    def check_pages(self, count: int, name: str = "pages") -> None:
        """Raise ColorizeError for too many pages or frames."""
        if self.max_pages is not None and count > self.max_pages:
            raise ColorizeError(f"has more than {self.max_pages} {name}", RAISE_PAGES)

    def check_areas(self, areas: Iterable[int]) -> None:
        """Raise ColorizeError where pages, each within its limit, have too many pixels together."""
        limit = self.max_pixels * MAX_FULL_PAGES
        pixels = sum(min(area, self.max_pixels) for area in areas)
        if self.max_pages is not None and pixels > limit:
            raise ColorizeError(
                f"its pages have together more than the limit of {limit / 1e6:g} megapixels",
                RAISE_LIMIT,
            )

    def check_frames(self, count: int, width: int, height: int) -> None:
        """Raise ColorizeError where the frames of an animation are too many or too large."""
        self.check_pages(count, "frames")
        if count * width * height > self.max_pixels:
            raise ColorizeError(
                f"its frames of {width}x{height} are together more than the limit of "
                f"{self.max_pixels / 1e6:g} megapixels",
                RAISE_LIMIT,
            )


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raise ColorizeError for a picture that is too large or empty."""
    if width * height > max_pixels:
        raise ColorizeError(
            f"{width}x{height} is more than the limit of {max_pixels / 1e6:g} megapixels",
            RAISE_LIMIT,
        )
    if width <= 0 or height <= 0:
        raise ColorizeError("has no pixels")


def check_jpeg(file: BinaryIO) -> None:
    """Raise ColorizeError for a JPEG of more than 8 bits, or one that would take hours to read."""
    size, position = file.seek(0, os.SEEK_END), 2
    scans = segments = unknown = frame = components = 0
    while True:
        start, marker = next_marker(file, position, size)
        unknown += 0 if scans else start - position  # behind the first scan it is pixels
        if marker in (0, EOI):
            break
        file.seek(start + 2)
        length = max(int.from_bytes(file.read(2), "big"), 2)
        content = file.read(min(length - 2, 6))
        position = start + 2 + length
        segments += 1
        if marker == JPEG_LS and not scans:
            raise ColorizeError("is a JPEG-LS file, which is not read: export it as TIFF or PNG")
        if marker in FRAMES and len(content) == 6:
            frame, components = marker, content[5]
            if content[1:3] == b"\0\0":  # it comes behind the first scan, in a segment DNL
                raise ColorizeError("its header lacks the height (DNL): save it as PNG")
            if content[0] > 8:
                what = f"is a JPEG of {content[0]} bits"
                raise ColorizeError(f"{what}, which is not read: export it as TIFF or PNG")
        scans += marker == SOS
        if marker == SOS and frame in SEQUENTIAL and content[:1] == bytes([components]):
            break  # it holds everything: decoders do not look further
        if scans > MAX_SCANS:
            raise ColorizeError(f"has more than {MAX_SCANS} scans: save it again")
        if segments > MAX_SEGMENTS or unknown > MAX_UNKNOWN_BYTES:
            raise ColorizeError("damaged: its header is too long")


def check_pnm(file: BinaryIO) -> None:
    """Raise ColorizeError for a PNM file whose comments would take minutes to skip."""
    file.seek(0)
    header = file.read(MAX_PNM_HEADER_BYTES)
    fields = 3 if header[:2] in (b"P1", b"P4") else 4
    words = re.sub(rb"#[^\r\n]*", b"", header).split(maxsplit=fields)
    if len(header) == MAX_PNM_HEADER_BYTES and len(words) < fields:
        raise ColorizeError("damaged: its header is too long")


def is_damage(error: Exception) -> bool:
    """Return whether what a decoder raised is about its data, not about memory or the disk."""
    if isinstance(error, (ColorizeError, MemoryError)):
        return False
    return not isinstance(error, OSError) or error.errno is None
