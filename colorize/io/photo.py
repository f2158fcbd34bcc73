"""Photographs in files: read them as sRGB, upright, with all they say; write them back whole.

`read` and `read_pages` give `Photo`; `write` takes it. Which kinds of file come out how is
listed in docs/formats.md. All functions may be called from several threads at once.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
from PIL import Image

from colorize.errors import ColorizeError
from colorize.io.atomic import (
    atomic_write,
    display_name,
    error_context,
    open_source,
    remove_stale_temp_files,
)
from colorize.io.metadata import Metadata, read_metadata
from colorize.io.readers import decode_pages, image_to_arrays, orientation_of
from colorize.io.writers import FORMATS, Page, encode, pillow_image, to_uint8

__all__ = [
    "MAX_PIXELS",
    "SUFFIXES",
    "Metadata",
    "Photo",
    "display_name",
    "has_image_suffix",
    "output_format",
    "read",
    "read_pages",
    "remove_stale_temp_files",
    "write",
]

MAX_PIXELS = 500_000_000  # room for 200-megapixel scans; 1.5 GB of RGB at most
SUFFIXES = frozenset(suffix for format in FORMATS.values() for suffix in format.suffixes)

PathOrStream = str | bytes | os.PathLike[str] | os.PathLike[bytes] | BinaryIO
Size = tuple[int, int, Image.Resampling]  # height, width, and the filter to get there


@dataclass(frozen=True, eq=False)
class Photo:
    """One photograph, upright and sRGB-encoded.

    pixels: (H, W) gray or (H, W, 3) RGB, uint8 in [0, 255] or uint16 in [0, 65535].
    alpha: (H, W), uint8 or uint16, exactly as in the file; None for an opaque photograph.
    metadata: what `write` puts into the file beside the pixels.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    metadata: Metadata = field(default_factory=Metadata)
    _ahead: dict[Size, np.ndarray] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse arrays that no file could hold."""
        _check_pixels(self.pixels)
        if self.alpha is not None:
            _check_alpha(self.alpha, self.pixels)

    @classmethod
    def from_array(cls, array: np.ndarray) -> Photo:
        """Return a photo of an array (H, W) or (H, W, 1 to 4), uint8 or uint16.

        Two and four channels are gray and RGB with alpha last. Raises ColorizeError otherwise.
        """
        if array.ndim == 3 and array.shape[2] in (2, 4):
            return cls.from_array(array[..., :-1])._with_alpha(array[..., -1])
        if array.ndim == 3 and array.shape[2] == 1:
            array = array[..., 0]
        return cls(array)

    @classmethod
    def from_pillow(cls, image: Image.Image) -> Photo:
        """Return a photo of a Pillow image of any mode: turned upright, its profile applied."""
        with error_context("image"):
            image.load()
            orientation = orientation_of(image)
            pixels, alpha, notes = image_to_arrays(image, orientation)
            return cls(pixels, alpha, read_metadata(image, orientation, notes))

    def to_pillow(self) -> Image.Image:
        """Return a Pillow image: L, LA, RGB or RGBA, or I;16; deeper color in eight bits."""
        return pillow_image(self.pixels, self.alpha)

    @property
    def height(self) -> int:
        """Rows of the upright photograph."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns of the upright photograph."""
        return int(self.pixels.shape[1])

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, (H, W)."""
        return self.height, self.width

    def resized(self, size: Size) -> np.ndarray:
        """Return the pixels in eight bits at another size, (h, w) or (h, w, 3) uint8."""
        if size not in self._ahead:
            self.resize_ahead([size])
        return self._ahead.pop(size)

    def resize_ahead(self, sizes: Iterable[Size]) -> None:
        """Make copies that `resized` will be asked for, together, before the pixels change."""
        image = Image.fromarray(np.ascontiguousarray(to_uint8(self.pixels)))
        for height, width, filter in sizes:
            copy = np.asarray(image.resize((width, height), filter))
            self._ahead[height, width, filter] = copy

    def _with_alpha(self, alpha: np.ndarray) -> Photo:
        return Photo(self.pixels, alpha, self.metadata)


def read(source: PathOrStream, *, max_pixels: int = MAX_PIXELS) -> Photo:
    """Return the photograph in a file, the first one where there are several.

    source: a path, or a binary stream (which need not be seekable).
    max_pixels: the largest width times height that is decoded.

    Raises ColorizeError, naming the file and the reason, for whatever is no whole photograph.
    """
    with closing(read_pages(source, max_pixels=max_pixels)) as pages:
        return next(pages)


def read_pages(
    source: PathOrStream, *, max_pixels: int = MAX_PIXELS
) -> Generator[Photo, None, None]:
    """Yield every page of a file, every frame of an animation, one at a time.

    Frames come whole, as they show. See `read` for the arguments and errors.
    """
    name = display_name(source)
    with open_source(source, name) as file:
        pages = decode_pages(file, max_pixels)
        while True:
            with error_context(name):
                page = next(pages, None)
            if page is None:
                return
            yield Photo(*page)


def write(
    pages: Photo | Iterable[Photo],
    target: PathOrStream,
    *,
    format: str | None = None,
    quality: int | None = None,
) -> list[str]:
    """Write a photograph, or the pages or frames of one file; return what could not be kept.

    target: a path, which holds the old file or the whole new one at any moment, or a binary
        stream (which need not be seekable).
    format: such as "png"; by default from the target's suffix, for a stream from the source.
    quality: 0 to 100; by default 95 for JPEG (always 4:4:4), 90 for WebP and AVIF of a source
        with losses; all else is written without loss.

    The list has one line for each thing that the format has no place for, such as alpha.
    Raises ColorizeError where the format cannot hold all pages or the file cannot be written.
    """
    name = display_name(target)
    photos = iter([pages] if isinstance(pages, Photo) else pages)
    first = next(photos, None)
    if first is None:
        raise ColorizeError(f"{name}: there is no picture to write")
    kind = output_format(target, format, first.metadata.format)
    notes = list(first.metadata.notes)
    with atomic_write(target, name) as file:
        encode(_rejoined(first, photos), file, name, kind, quality, notes)
    return list(dict.fromkeys(notes))


def has_image_suffix(path: str | os.PathLike[str]) -> bool:
    """Tell whether a folder scan takes a file of this name: its suffix is a known one."""
    return _suffix(path) in SUFFIXES and not os.path.basename(path).startswith(".")


def output_format(
    target: PathOrStream, format: str | None = None, source: str | None = None
) -> str:
    """Return the name of the format to write ("JPEG", "TIFF", ...).

    The first that is given counts: `format`, the target's suffix, the format of the source.

    Raises ColorizeError for a format or a suffix that cannot be written.
    """
    is_path = isinstance(target, (str, bytes, os.PathLike))
    wanted = format or (_suffix(target) if is_path else source or "PNG")
    for name, kind in FORMATS.items():
        if wanted.upper() == name or f".{wanted.lower().lstrip('.')}" in kind.suffixes:
            return name
    what = f"format {wanted!r}" if wanted else "a name without a suffix"
    known = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES))
    raise ColorizeError(f"{display_name(target)}: cannot write {what}: choose one of {known}")


def _suffix(path: object) -> str:
    return os.path.splitext(os.fsdecode(path))[1].lower()  # type: ignore[arg-type]


def _rejoined(first: Photo, others: Iterator[Photo]) -> Iterator[Page]:
    yield first.pixels, first.alpha, first.metadata
    for photo in others:
        yield photo.pixels, photo.alpha, photo.metadata


def _check_pixels(pixels: np.ndarray) -> None:
    right_shape = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    if not right_shape or pixels.dtype not in (np.uint8, np.uint16) or pixels.size == 0:
        raise ColorizeError(
            f"pixels are {pixels.dtype} of shape {pixels.shape}: "
            "give (H, W) or (H, W, 3), uint8 or uint16, not empty"
        )


def _check_alpha(alpha: np.ndarray, pixels: np.ndarray) -> None:
    if alpha.shape != pixels.shape[:2] or alpha.dtype not in (np.uint8, np.uint16):
        raise ColorizeError(
            f"alpha is {alpha.dtype} of shape {alpha.shape}: "
            f"give {pixels.shape[:2]}, uint8 or uint16"
        )
