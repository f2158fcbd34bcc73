"""What a worker process does for one request: colorize a photograph, or make its preview."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from PIL import Image

from colorize.errors import ColorizeError, display_name
from colorize.io.formats import output_format
from colorize.io.photo import Photo
from colorize.io.readers import MAX_PAGES, read, read_pages
from colorize.io.writers import write
from colorize.pipeline import Colorizer
from colorize.runtime.base import Runner
from colorize.server.memory import bytes_for_colorizing, bytes_for_reading
from colorize.server.parameters import ColorizeRequest
from colorize.viewing.compare import compare
from colorize.viewing.mark import apply_mark

PREVIEW_QUALITY = 95  # of JPEG: the network sees it too


@dataclass(frozen=True)
class EncodedImage:
    """A finished picture, in the file `result` of its job.

    Attributes:
        format: "JPEG", "PNG", ...
        notes: What the format could not store, one line each.
        width: Of the photograph, in pixels; so is `height`.
    """

    format: str
    notes: tuple[str, ...]
    width: int
    height: int


Reserve = Callable[[int], None]
"""Called with a number of bytes before memory is used; waits until that much is free."""


class Job(Protocol):
    """One request's work; pickled into a worker process."""

    @property
    def photo(self) -> Path:
        """The encoded photograph."""

    @property
    def result(self) -> Path:
        """Where the encoded picture is written."""

    def run(self, runner: Runner, reserve: Reserve) -> EncodedImage:
        """Write the picture. Raises ColorizeError for input that cannot be used."""


@dataclass(frozen=True)
class ColorizeJob:
    """One photograph to colorize.

    Attributes:
        photo: The encoded photograph.
        result: Where the encoded picture is written.
        request: The parameters.
        extra_files: Encoded pictures that are parameters too, by parameter name.
        max_pixels: Limit of the photograph's pages together, and of each other picture.
        max_pages: Limit of their number.
    """

    photo: Path
    result: Path
    request: ColorizeRequest
    max_pixels: int
    extra_files: Mapping[str, Path] = field(default_factory=dict)
    max_pages: int = MAX_PAGES

    def run(self, runner: Runner, reserve: Reserve) -> EncodedImage:
        """Write the photograph in color."""
        output = self.request.output
        reserve(bytes_for_colorizing(self.photo, self.extra_files, self.request, self.max_pixels))
        files = {name: self._read_extra(name, path) for name, path in self.extra_files.items()}
        colorizer = Colorizer(runner, self.request.options.replace(**files))
        formats: list[str] = []
        sizes: list[tuple[int, int]] = []

        def pages() -> Iterator[Photo]:
            for photo in self._read_pages():
                if output.confidence:
                    result = colorizer.confidence_map(photo)
                else:
                    result = colorizer(photo)
                    if output.compare is not None:
                        result = compare(photo, result, output.compare)
                    result = apply_mark(result, output.mark, output.no_mark)
                source_format = result.metadata.format
                formats.append(output_format(io.BytesIO(), output.format, source_format))
                sizes.append((photo.width, photo.height))
                yield result

        encoded = io.BytesIO()
        notes = write(pages(), encoded, format=output.format, quality=output.quality)
        self.result.write_bytes(encoded.getbuffer())
        return EncodedImage(formats[0], tuple(notes), *sizes[0])

    def _read_pages(self) -> Iterator[Photo]:
        """Yield the pages of the photograph, which together must keep to max_pixels."""
        remaining = self.max_pixels
        pages = read_pages(self.photo, max_pixels=self.max_pixels, max_pages=self.max_pages)
        for photo in pages:
            remaining -= photo.width * photo.height
            if remaining < 0:
                limit = f"{self.max_pixels / 1e6:g} megapixels"
                raise ColorizeError(f"its pages together have more than {limit}")
            yield photo

    def _read_extra(self, name: str, path: Path) -> Photo:
        try:
            return read(path, max_pixels=self.max_pixels)
        except ColorizeError as error:
            raise ColorizeError(f"{name}: {without_path(error, path)}") from error


@dataclass(frozen=True)
class PreviewJob:
    """One photograph to make a small gray copy of.

    Attributes:
        photo: The encoded photograph.
        result: Where the copy is written.
        side: The most pixels of the copy's longer side.
        max_pixels: Limit of the photograph.
    """

    photo: Path
    result: Path
    side: int
    max_pixels: int

    def run(self, runner: Runner, reserve: Reserve) -> EncodedImage:
        """Write the copy: JPEG, or PNG with transparency."""
        reserve(bytes_for_reading(self.photo, self.max_pixels))
        photo = read(self.photo, max_pixels=self.max_pixels)
        image = photo.to_pil()
        image.thumbnail((self.side, self.side), Image.Resampling.LANCZOS, reducing_gap=2.0)
        image = image.convert("L" if photo.alpha is None else "LA")
        format = "JPEG" if photo.alpha is None else "PNG"
        image.save(self.result, format, quality=PREVIEW_QUALITY)
        return EncodedImage(format, (), photo.width, photo.height)


def without_path(error: ColorizeError, path: Path) -> str:
    """Return an error's message for a client: without a temporary file's name and the remedy."""
    return error.reason.removeprefix(f"{display_name(path)}: ").removeprefix("stream: ")
