"""What is refused before any pixel is decoded, and damage of pixels."""

from __future__ import annotations

from typing import BinaryIO

from colorize.errors import ColorizeError
from colorize.io.contents.jpeg import read_segments
from colorize.io.jpeg_markers import SOS

MAX_SCANS = 500  # of a progressive JPEG, each of which the decoder goes over all pixels for
MAX_FRAMES = 10_000  # of an animation
RAISE_LIMIT = "--max-pixels raises it"
TAKE_DAMAGED = "--allow-damaged takes what can be decoded"

DAMAGED = "its pixels are damaged: taken as far as they can be decoded"


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raise ColorizeError for a picture that is too large or empty."""
    if width * height > max_pixels:
        raise ColorizeError(
            f"{width}x{height} is more than the limit of {max_pixels / 1e6:g} megapixels",
            RAISE_LIMIT,
        )
    if width <= 0 or height <= 0:
        raise ColorizeError("has no pixels")


def check_frames(number: int, width: int, height: int, max_pixels: int) -> None:
    """Raise ColorizeError where the frames up to this one, from 1, are too many or too large."""
    check_size(width, height, max_pixels)
    if number > MAX_FRAMES:
        raise ColorizeError(f"has more than {MAX_FRAMES} frames: write it as a video")
    if number * width * height > max_pixels:
        raise ColorizeError(
            f"its frames of {width}x{height} are together more than the limit of "
            f"{max_pixels / 1e6:g} megapixels",
            RAISE_LIMIT,
        )


def check_scans(file: BinaryIO) -> None:
    """Raise ColorizeError for a JPEG whose scans would keep the decoder busy for hours."""
    segments, _ = read_segments(file)
    scans = sum(segment.marker == SOS for segment in segments)
    if scans > MAX_SCANS:
        raise ColorizeError(f"has {scans} scans, more than {MAX_SCANS}: save it again")


def is_damage(error: Exception) -> bool:
    """Return whether what a decoder raised is about its data, not about memory or the disk."""
    if isinstance(error, (ColorizeError, MemoryError)):
        return False
    return not isinstance(error, OSError) or error.errno is None
