"""How much memory a request takes, by its pixels and formats, and how much all may take.

docs/serve.md has the measurements that the rates come from.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from pathlib import Path
from threading import Condition, Event

from PIL import Image

from colorize.errors import ColorizeError
from colorize.io.pillow_warnings import pillow_warnings_ignored
from colorize.server.parameters import ColorizeRequest

# Bytes per pixel at the peak, of reading a photograph and, in addition, of writing the result.
READING = {"JPEG": 4, "PNG": 4, "BMP": 4, "TIFF": 8}
READING_OTHER = 30
COLORIZING = 6
DEEP = 2  # times as much at 16 bits per channel
WRITING = {"JPEG": 6, "PNG": 6, "BMP": 8, "TIFF": 8, "PPM": 8}
WRITING_OTHER = 30
HINTING = 40  # of each pixel that painted hints cover, at most all
POLL_INTERVAL = 0.2  # seconds after which a waiting job notices that its client has left
OVERHEAD = 100_000_000  # arrays of the network's size, whatever the photograph's


def bytes_for_reading(photo: Path, max_pixels: int) -> int:
    """Return about how much memory it takes to read a photograph."""
    pixels, rate = _measure(photo, max_pixels)
    return OVERHEAD + pixels * rate


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
    pixels, rate = _measure(photo, max_pixels)
    total = OVERHEAD + pixels * rate
    for path in extra_files.values():
        extra_pixels, extra_rate = _measure(path, max_pixels)
        total += extra_pixels * extra_rate
    return total


def _measure(path: Path, max_pixels: int) -> tuple[int, int]:
    """Return the pixels of a picture and the bytes per pixel that reading it takes.

    Of a picture whose header cannot be read here, and of an animation, max_pixels.
    """
    try:
        with pillow_warnings_ignored(), Image.open(path) as image:
            animated = getattr(image, "is_animated", False) and image.format != "TIFF"
            pixels = max_pixels if animated else min(max_pixels, image.width * image.height)
            rate = READING.get(image.format or "", READING_OTHER)
            return pixels, rate * DEEP if image.mode.startswith(("I", "F")) else rate
    except Exception:  # what is wrong with it is found by the reader
        return max_pixels, READING_OTHER


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
