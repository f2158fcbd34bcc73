"""How much memory a request takes, by its pixels and formats, and how much all may take.

docs/serve.md has the measurements that the rates come from.
"""

from __future__ import annotations

import io
import itertools
import math
import os
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Condition, Event

from PIL import Image, ImageFile

from colorize.errors import ColorizeError
from colorize.hints.format import Hint
from colorize.hints.rasterize import DEFAULT_RADIUS
from colorize.io.formats import FORMATS, output_format
from colorize.io.photo import Photo
from colorize.io.pillow_warnings import pillow_warnings_ignored
from colorize.io.readers import PREFIX_BYTES
from colorize.io.readers.pillow import find_opener
from colorize.server.parameters import ColorizeRequest

# Bytes per pixel at the peak, with some room: while a photograph is read and made smaller, and
# while it is colorized and written, both at 8 bits per channel.
READING = {"WEBP": 24, "AVIF": 24}
READING_OTHER = 18
WRITING = {"PNG": 18, "JPEG": 18, "TIFF": 20, "BMP": 20, "PPM": 20, "GIF": 26}
WRITING_OTHER = 54  # WebP, AVIF, HEIC, JPEG 2000: their encoders keep copies
DEEP = 24  # more at 16 bits per channel
COMPARING = 12  # more for before and after in one picture
HINTING = 30  # more for each pixel that hints cover
POLL_INTERVAL = 0.2  # seconds after which a waiting job notices that its client has left
OVERHEAD = 100_000_000  # arrays of the network's size, whatever the photograph's


@dataclass(frozen=True)
class _Header:
    """What the header of a picture tells; the most where it cannot be read here."""

    pixels: int
    side: int  # the longer one
    format: str
    is_deep: bool

    @property
    def reading(self) -> int:
        """How many bytes it takes to read the picture."""
        rate = READING.get(self.format, READING_OTHER) + DEEP * self.is_deep
        return self.pixels * rate


def bytes_for_reading(photo: Path, max_pixels: int) -> int:
    """Return about how much memory it takes to read a photograph."""
    return OVERHEAD + _header(photo, max_pixels).reading


def bytes_for_colorizing(
    photo: Path, extra_files: Mapping[str, Path], request: ColorizeRequest, max_pixels: int
) -> int:
    """Return about how much memory it takes to colorize a photograph.

    Args:
        photo: The encoded photograph.
        extra_files: Encoded hints or reference, by parameter name.
        request: The parameters.
        max_pixels: The largest photograph that will be decoded.
    """
    header, output = _header(photo, max_pixels), request.output
    source = header.format if header.format in FORMATS else None
    rate = WRITING.get(output_format(io.BytesIO(), output.format, source), WRITING_OTHER)
    rate += DEEP * header.is_deep + COMPARING * (output.compare is not None)
    hints = request.options.hints or ()
    assert not isinstance(hints, (Photo, str, os.PathLike))
    hinted = sum(_hinted_pixels(hint, header.side) for hint in hints)
    hinted = header.pixels if "hints" in extra_files else min(header.pixels, hinted)
    extra = sum(_header(path, max_pixels).reading for path in extra_files.values())
    return OVERHEAD + max(header.reading, header.pixels * rate) + hinted * HINTING + extra


def _hinted_pixels(hint: Hint, side: int) -> int:
    """Return at most how many pixels a hint covers in a photograph with this longer side."""
    radius = min(side, DEFAULT_RADIUS * side + 1 if hint.radius is None else hint.radius)
    length = sum(math.dist(*ends) for ends in itertools.pairwise(hint.points))
    return math.ceil((2 * radius + 1) * (length + 2 * radius + 1))


def _header(path: Path, max_pixels: int) -> _Header:
    """Return the header of a picture. An animation counts as if it had max_pixels."""
    try:
        with path.open("rb") as file, pillow_warnings_ignored():
            opener = find_opener(file.read(PREFIX_BYTES))
            file.seek(0)
            image = Image.open(file) if opener is None else opener(file, "")
            # a TIFF file has pages, which one would have to walk to count
            animated = image.format != "TIFF" and getattr(image, "is_animated", False)
            pixels = max_pixels if animated else min(max_pixels, image.width * image.height)
            layout = str(image.tile) if isinstance(image, ImageFile.ImageFile) else ""
            deep = "16" in layout or image.info.get("bit_depth", 8) > 8
            side = max(image.size)
            return _Header(pixels, side, image.format or "", deep or image.mode[0] in "IF")
    except Exception:  # what is wrong with it is found by the reader
        return _Header(max_pixels, max_pixels, "", True)


class MemoryBudget:
    """Memory that jobs share. Those that wait for some are served in their order. Thread-safe."""

    def __init__(self, total: int):
        """Start with all of it free, in bytes."""
        self.total = total
        self._free = total
        self._waiting: deque[object] = deque()
        self._changed = Condition()

    def acquire(self, amount: int, cancelled: Event) -> bool:
        """Take an amount of bytes; return False if the event was set while waiting for it.

        Raises ColorizeError for more than there is in total.
        """
        if amount > self.total:
            raise ColorizeError(
                f"needs about {amount / 1e9:.1f} GB of memory, more than this server's limit of "
                f"{self.total / 1e9:g} GB"
            )
        turn = object()
        with self._changed:
            self._waiting.append(turn)
            try:
                while self._waiting[0] is not turn or self._free < amount:
                    if cancelled.is_set():
                        return False
                    self._changed.wait(POLL_INTERVAL)
                self._free -= amount
                return True
            finally:
                self._waiting.remove(turn)
                self._changed.notify_all()

    def release(self, amount: int) -> None:
        """Return an amount that was acquired."""
        with self._changed:
            self._free += amount
            self._changed.notify_all()
