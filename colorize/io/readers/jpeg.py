r"""JPEG files whose end is missing, and how damage shows that libjpeg does not report.

libjpeg fills what a damaged scan lacks with gray, and only warns, which Pillow does not pass on;
libvips does, but for the last row of blocks. It warns about most damage of progressive scans and of
those with restarts, but not where there are too many data in a single sequential scan. Such a scan
is therefore presented without its end marker: the decoder then runs out of data where there is too
little, and does not ask for all of it where there is too much.

Source: ITU-T T.81 (JPEG), annex B.
"""

from __future__ import annotations

import os
from typing import BinaryIO, NamedTuple

from PIL import Image, JpegImagePlugin

from colorize.errors import ColorizeError
from colorize.io.high_bit_depth import decode_jpeg
from colorize.io.jpeg_markers import DRI, EOI, FRAMES, SEQUENTIAL, SOI, SOS, next_marker
from colorize.io.readers.limits import DAMAGED, TAKE_DAMAGED
from colorize.io.segments import Part, SegmentFile, zeros_before

END = bytes([0xFF, EOI])
PADDING = b"\xff\0" * 8  # ones only, which no code begins with: the decoder may look ahead at it
OTHER_PADDING = bytes(16)
TAIL_BYTES, STEP_BYTES = 1 << 12, 1 << 5  # the end is read in steps, to see how much was needed
MAX_ZEROS = 2  # bytes at the end of the data, where there is no end marker
MAX_UNUSED_BYTES = 128  # some cameras put a few bytes behind the data; most files have none


class Scan(NamedTuple):
    """The first scan of a JPEG file.

    Attributes:
        end: where the marker behind it, or behind the last scan, begins, or the file ends.
        has_end: whether there is an end marker behind it.
        is_single: whether it holds the whole picture.
        has_restarts: whether the decoder can begin anew within it, so that damage may not change
            how much data it takes.
        is_complete: whether all scans are there, of several.
    """

    end: int
    has_end: bool
    is_single: bool
    has_restarts: bool
    is_complete: bool


class _TailFile(SegmentFile):
    """Returns the end of the file in small pieces, once `is_stepping` is set."""

    is_stepping = False

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes."""
        if size is None or size < 0 or not self.is_stepping:
            return super().read(size)
        if self.tell() + size <= self.size - TAIL_BYTES:
            return super().read(size)
        head = self.size - TAIL_BYTES - self.tell()
        return super().read(head if head > STEP_BYTES else min(size, STEP_BYTES))


def load(file: BinaryIO, block_bytes: int, allow_damaged: bool) -> tuple[Image.Image, list[str]]:
    """Return the decoded picture, and notes.

    Args:
        file: the JPEG file.
        block_bytes: decoded at a time.
        allow_damaged: take what can be decoded.

    Raises:
        ColorizeError: where the pixels are damaged or incomplete.
    """
    size = file.seek(0, os.SEEK_END)
    scan = _find_scan(file, size)
    notes, end = [], scan.end
    if not scan.has_end:
        notes = ["its end marker is missing"]
        end -= max(zeros_before(file, end) - MAX_ZEROS, 0)  # of a copy that was interrupted
    whole = SegmentFile(file, [Part(0, end), END])
    image = None
    if scan.is_single:
        image = _load_checked(file, end, PADDING, block_bytes)
        if image is not None and not scan.has_end:  # then the padding must not have been decoded
            other = _load_checked(file, end, OTHER_PADDING, block_bytes)
            image = image if other is not None and image.tobytes() == other.tobytes() else None
        if image is not None and scan.has_restarts and _load_strictly(whole, block_bytes) is None:
            image = None
    elif scan.is_complete:
        image = _load_strictly(whole, block_bytes)
    if image is None:
        if not allow_damaged:
            raise ColorizeError("its pixels are damaged or incomplete", TAKE_DAMAGED)
        notes = [DAMAGED]
        image = _load(whole, block_bytes)
    return image, notes


def _load(file: SegmentFile, block_bytes: int) -> Image.Image:
    file.seek(0)
    image = JpegImagePlugin.JpegImageFile(file, "")  # type: ignore[arg-type]
    image.decodermaxblock = block_bytes
    if isinstance(file, _TailFile):
        file.is_stepping = True
    image.load()
    return image


def _load_strictly(file: SegmentFile, block_bytes: int) -> Image.Image | None:
    """Return the picture, None where libjpeg warns, which libvips passes on, unlike Pillow."""
    try:
        samples = decode_jpeg(file)
    except ColorizeError:  # libvips is not installed
        return _load(file, block_bytes)
    if samples is None:
        return None
    if samples.shape[2] not in (1, 3):  # inks, of which Pillow knows whether they are inverted
        return _load(file, block_bytes)
    image = Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)
    image.format = "JPEG"
    return image


def _load_checked(file: BinaryIO, end: int, padding: bytes, block_bytes: int) -> Image.Image | None:
    """Return the picture, None where there are too few data for its pixels, or too many."""
    padded = _TailFile(file, [Part(0, end), padding])
    try:
        image = _load(padded, block_bytes)
    except OSError:
        return None
    unused = padded.read(-1).removesuffix(padding)
    return None if len(unused.strip(b"\0")) > MAX_UNUSED_BYTES else image


def _find_scan(file: BinaryIO, size: int) -> Scan:
    """Return the first scan. Raises ColorizeError where there is none."""
    components, frame, interval, start = 0, 0, 0, 2
    while True:
        start, marker = next_marker(file, start, size)
        if marker == 0:
            raise ColorizeError("damaged or incomplete: it has no pixels")
        if marker in (0x01, SOI):
            start += 2
            continue
        file.seek(start + 2)
        length = int.from_bytes(file.read(2), "big")
        content = file.read(max(length - 2, 0))
        start += 2 + max(length, 2)
        if marker in FRAMES:
            frame, components = marker, content[5] if len(content) > 5 else 0
        if marker == DRI:
            interval = int.from_bytes(content[:2], "big")
        if marker == SOS:
            end, behind = next_marker(file, start, size)
            if frame in SEQUENTIAL and content[:1] == bytes([components]) and behind != SOS:
                return Scan(end, behind == EOI, True, interval > 0, True)
            sent = _Coefficients(components)
            sent.add(content)
            end, has_end = _later_scans(file, start, size, sent)
            return Scan(end, has_end, False, interval > 0, has_end or sent.are_complete)


def _later_scans(file: BinaryIO, start: int, size: int, sent: _Coefficients) -> tuple[int, bool]:
    """Return where the last marker ends that is whole, and whether it is the end marker.

    Adds to `sent` what the scans on the way hold.
    """
    while True:
        start, marker = next_marker(file, start, size)
        if marker in (0, EOI):
            return start, marker == EOI
        file.seek(start + 2)
        length = int.from_bytes(file.read(2), "big")
        if start + 4 > size or start + 2 + length > size:
            return start, False
        if marker == SOS:
            sent.add(file.read(length - 2))
        start += 2 + length


class _Coefficients:
    """Which coefficients of which components the scans have held in full precision."""

    def __init__(self, components: int) -> None:
        self._components = components
        self._sent: set[tuple[int, int]] = set()

    def add(self, header: bytes) -> None:
        """Add a scan, by the content of its marker."""
        if len(header) < 4 or header[-1] & 15:  # the lowest bits come later
            return
        numbers = header[1 : 1 + 2 * header[0] : 2]
        band = range(header[-3], min(header[-2], 63) + 1)
        self._sent.update((number, index) for number in numbers for index in band)

    @property
    def are_complete(self) -> bool:
        """Whether nothing of the picture is missing."""
        return len(self._sent) >= 64 * self._components
