"""What is refused before any pixel is decoded."""

from __future__ import annotations

from colorize.errors import ColorizeError

DAMAGED = "its pixels are damaged: taken as far as they can be decoded"


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raise ColorizeError for a picture that is too large or empty."""
    if width * height > max_pixels:
        raise ColorizeError(
            f"{width}x{height} is more than {max_pixels / 1e6:g} megapixels: "
            "allow it with --max-pixels"
        )
    if width <= 0 or height <= 0:
        raise ColorizeError("has no pixels")
