"""Writing photographs: what the format can hold is kept, everything else is noted.

docs/formats.md lists what each format keeps. All functions are thread-safe.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from colorize.errors import ColorizeError, display_name
from colorize.io.atomic import Found, atomic_write
from colorize.io.formats import output_format
from colorize.io.photo import Photo
from colorize.io.source import PathOrStream
from colorize.io.writers import pillow, png, tiff
from colorize.io.writers.provenance import record_provenance
from colorize.io.writers.target import Target


def write(
    pages: Photo | Iterable[Photo],
    target: PathOrStream,
    *,
    format: str | None = None,
    quality: int | None = None,
    found: Found | None = None,
) -> list[str]:
    """Write a photograph, or the pages or frames of one file; return what could not be kept.

    Args:
        pages: one photograph, or the pages or frames in their order. Errors of an iterator come
            through as they are.
        target: a path, which at any moment holds the old file or the whole new one, or a binary
            stream (which need not be seekable).
        format: such as "png"; by default from the target's suffix, for a stream from the source.
        quality: 0 to 100; by default 95 for JPEG (always 4:4:4), 90 for AVIF, and of a lossy source
            90 for WebP and 80 for HEIC; everything else is lossless.
        found: what is at the path and may be replaced, see `io.atomic.Found`; None for anything.

    Returns:
        One line for each thing that the format cannot hold, such as alpha.

    Raises:
        ColorizeError: where the format cannot hold all pages or the file cannot be written.
    """
    name = display_name(target)
    photos = iter(pages if isinstance(pages, Iterable) else [pages])
    first = next(photos, None)
    if first is None:
        raise ColorizeError(f"{name}: there are no pages to write")
    if not isinstance(first, Photo):
        kind = type(pages).__name__
        raise ColorizeError(
            f"{name}: write takes a Photo, not a {kind}; see Photo.from_pil and Photo.from_array"
        )
    format_name = output_format(target, format, first.metadata.format)
    if quality is not None and not 0 <= quality <= 100:
        raise ColorizeError(f"{name}: quality is {quality}: give 0 to 100")
    notes = list(first.metadata.notes)
    with atomic_write(target, found) as file:
        opened = Target(file, name, format_name, quality, notes)
        recorded = record_provenance(chain([first], photos), opened)
        _encode(next(recorded), recorded, opened)
    return list(dict.fromkeys(notes))


def _encode(first: Photo, others: Iterable[Photo], target: Target) -> None:
    if target.format_name == "TIFF":
        tiff.write_pages(chain([first], others), target)
        return
    others = iter(others)
    second = next(others, None)
    if second is None:
        with target.error_context():
            target.check(first)
            if target.format_name == "PNG":
                png.write_png(first, target)
            else:
                pillow.write_still(first, target)
    elif target.format.animation and first.metadata.duration is not None:
        pillow.write_animation(first, chain([second], others), target)
    else:
        format_name = target.format_name
        raise ColorizeError(
            f"{target.name}: {format_name} cannot hold these several pages: write a .tif"
        )
