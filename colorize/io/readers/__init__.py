"""Reading photographs: upright, sRGB, with alpha and metadata, whole or not at all.

A file is recognized by its first bytes, never by its name. docs/formats.md lists what comes out
of each format. All functions are thread-safe.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

from colorize.errors import ColorizeError, display_name, error_context
from colorize.io.photo import Photo
from colorize.io.pillow_warnings import pillow_warnings_ignored
from colorize.io.readers import jpegxl, pillow, raw, tiff, unsupported
from colorize.io.readers.limits import ReadLimits
from colorize.io.source import PathOrStream, open_source

MAX_PIXELS = 500_000_000  # 200-megapixel scans and more; 1.5 GB of 8-bit RGB at most
MAX_PAGES = 1000  # each of which goes through the network: a few minutes
PREFIX_BYTES = 40  # enough for the brands of AVIF and HEIC


def read(
    source: PathOrStream, *, max_pixels: int = MAX_PIXELS, allow_damaged: bool = False
) -> Photo:
    """Return the photograph in a file, the first one where there are several.

    Args:
        source: a path, or a binary stream (which need not be seekable).
        max_pixels: the largest width times height that is decoded.
        allow_damaged: take what can be decoded of a damaged picture, and note it.

    Raises:
        ColorizeError: naming the file and the reason, where the photograph is not whole.
    """
    pages = read_pages(source, max_pixels=max_pixels, max_pages=None, allow_damaged=allow_damaged)
    with closing(pages):
        return next(pages)


def read_pages(
    source: PathOrStream,
    *,
    max_pixels: int = MAX_PIXELS,
    max_pages: int | None = MAX_PAGES,
    allow_damaged: bool = False,
) -> Generator[Photo, None, None]:
    """Yield every page of a file, or every frame of an animation as it shows, one at a time.

    A file that exceeds a limit is refused before its first page.

    Args:
        source: see `read`.
        max_pixels: the largest width times height of a page, and of all frames of an animation
            together, which its encoder wants in memory. All pages together may have
            MAX_FULL_PAGES times as many.
        max_pages: the most pages or frames; None for any number, of any size together.
        allow_damaged: see `read`.

    Raises:
        ColorizeError: see `read`.
    """
    limits = ReadLimits(max_pixels, max_pages)
    name = display_name(source)
    failure = "damaged, incomplete or of an unsupported format"
    with open_source(source) as file:
        with error_context(name):
            file.seek(0)
            prefix = file.read(PREFIX_BYTES)
            if tiff.accepts(prefix):
                pages = tiff.read_pages(file, limits, allow_damaged)
            elif raw.accepts(prefix):
                pages = iter([raw.read(file, max_pixels)])
            elif jpegxl.accepts(prefix):
                pages = (jpegxl.read(file, max_pixels) for _ in range(1))
            elif opener := pillow.find_opener(prefix):
                pages = pillow.read_frames(opener, file, limits, allow_damaged)
            else:
                raise ColorizeError(unsupported.describe(file))
        while True:
            with error_context(name, failure), pillow_warnings_ignored():
                photo = next(pages, None)
            if photo is None:
                return
            yield photo
            del photo  # the pixels, which would wait with this generator
