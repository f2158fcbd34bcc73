"""A web page with a before/after slider for each photograph, in a single file.

>>> from colorize.viewing.gallery import Gallery
>>> with Gallery.create("page.html") as gallery:
...     gallery.add("photo.jpg", before, after)

The page embeds small copies of the photographs as data URIs and loads nothing else: it works from
a local disk, and its content security policy forbids every connection. The copies are written to
a temporary file as they are added; the file is renamed to the page's name at the end.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from colorize.color.bit_depth import to_uint8
from colorize.errors import ColorizeError, display_name, error_context
from colorize.io.atomic import atomic_write, remove_stale_temp_files
from colorize.io.conversion import arrays_to_image
from colorize.io.photo import Photo

MAX_SIDE = 1280  # pixels, of a thumbnail's longer side
QUALITY = 82  # of JPEG
SIGNATURE = b"<!doctype html>\n<!-- gallery of colorize -->\n"
TITLE = "Before and after"
# How much of the width shows the photograph before, in percent
START, COLUMNS_START = 50, 12


@dataclass(frozen=True)
class Thumbnails:
    """Before and after as JPEG files of the same width and height."""

    before: bytes
    after: bytes
    width: int
    height: int

    @classmethod
    def from_photos(cls, before: Photo, after: Photo, side: int = MAX_SIDE) -> Thumbnails:
        """Return copies whose longer side has at most `side` pixels, on white where transparent.

        Raises ColorizeError for photographs of different sizes.
        """
        if before.size != after.size:
            raise ColorizeError(
                f"before and after differ in size: {before.width}x{before.height}, "
                f"{after.width}x{after.height}"
            )
        first, second = _thumbnail(before, side), _thumbnail(after, side)
        return cls(_jpeg(first), _jpeg(second), *first.size)


class Gallery:
    """A page that is written photograph by photograph. Not thread-safe."""

    def __init__(self, file: BinaryIO, name: str, title: str = TITLE, columns: bool = False):
        """Write the head of the page to an open binary file; see `Gallery.create`."""
        self._file = file
        self._name = name
        self._start = COLUMNS_START if columns else START
        self._problems: list[str] = []
        self._notes: list[str] = []
        beginning, self._end = _template(title, "columns" if columns else "")
        self._write(beginning)

    @classmethod
    @contextmanager
    def create(
        cls, path: str | os.PathLike[str], *, title: str = TITLE, columns: bool = False
    ) -> Iterator[Gallery]:
        """Yield a gallery that is saved at `path` if the block ends without an exception.

        Its folder is created, and an earlier gallery is replaced.

        Args:
            path: the page to write.
            title: of the page.
            columns: show small pictures, several in a row.

        Raises:
            ColorizeError: if `path` is anything but a gallery, or cannot be written.
        """
        name = display_name(path)
        with error_context(name, "cannot be written"):
            _check_replaceable(Path(path))
            folder = Path(path).absolute().parent
            folder.mkdir(parents=True, exist_ok=True)
            remove_stale_temp_files(folder)
        with atomic_write(path) as file:
            page = cls(file, name, title, columns)
            yield page
            page._finish()

    def add(self, name: str, before: Photo, after: Photo, note: str = "") -> None:
        """Show a photograph with its name and a note."""
        self.add_thumbnails(name, Thumbnails.from_photos(before, after), note)

    def add_thumbnails(self, name: str, thumbnails: Thumbnails, note: str = "") -> None:
        """Show a photograph whose thumbnails exist already."""
        self._write(_figure(name, thumbnails, note, self._start))

    def add_heading(self, text: str) -> None:
        """Start a group of photographs."""
        self._write(f"<h2>{html.escape(text)}</h2>\n")

    def add_problem(self, text: str) -> None:
        """Report a photograph that could not be colorized, at the end of the page."""
        self._problems.append(text)

    def add_note(self, text: str) -> None:
        """Add a line of text to the end of the page."""
        self._notes.append(text)

    def _finish(self) -> None:
        self._write("</main>\n")
        if self._problems:
            lines = "\n".join(f"<li>{html.escape(text)}</li>" for text in self._problems)
            self._write(
                f'<section class="problems">\n<h2>Not in color: {len(self._problems)}</h2>\n'
                f"<ul>\n{lines}\n</ul>\n</section>\n"
            )
        self._write("".join(f"<p>{html.escape(note)}</p>\n" for note in self._notes))
        self._write(self._end)

    def _write(self, text: str) -> None:
        with error_context(self._name, "cannot be written"):
            # names that are not UTF-8 contain lone surrogates, which cannot be encoded
            self._file.write(text.encode("utf-8", "replace"))


def relative_names(paths: Sequence[Path]) -> list[str]:
    """Return the paths relative to the common folder, as the names to show.

    So the page does not reveal where on the disk the photographs are.
    """
    absolute = [os.path.abspath(path) for path in paths]
    folders = [os.path.dirname(path) for path in absolute]
    try:
        common = os.path.commonpath(folders)
    except ValueError:  # no paths, or several drives
        return [display_name(path) for path in absolute]
    return [display_name(os.path.relpath(path, common)) for path in absolute]


def _check_replaceable(path: Path) -> None:
    """Raise ColorizeError if the path is anything but a gallery, such as a photograph."""
    if path.is_file():
        with path.open("rb") as file:
            if file.read(len(SIGNATURE)) not in (b"", SIGNATURE):
                raise ColorizeError("exists and is not a gallery; choose another name")
    elif os.path.lexists(path):
        raise ColorizeError("is not a regular file; choose another name")


def _thumbnail(photo: Photo, side: int) -> Image.Image:
    """Return an 8-bit copy, L or RGB, of at most `side` pixels a side."""
    image = arrays_to_image(to_uint8(photo.pixels), photo.alpha)
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    if photo.alpha is None:
        return image
    white = Image.new(image.mode.rstrip("A"), image.size, "white")
    white.paste(image.convert(white.mode), mask=image.getchannel("A"))
    return white


def _jpeg(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "JPEG", quality=QUALITY, optimize=True)
    return content.getvalue()


def _template(title: str, layout: str) -> tuple[str, str]:
    """Return the page's HTML before and after the photographs."""
    page = resources.files("colorize.viewing").joinpath("gallery.html").read_text(encoding="utf-8")
    texts = {"policy": _policy(page), "title": html.escape(title), "layout": layout}
    for name, text in texts.items():
        page = page.replace("{{" + name + "}}", text)
    beginning, rest = page.split("<!-- photographs -->\n")
    return beginning, rest.split("<!-- end -->\n")[1]


def _policy(page: str) -> str:
    """Return a content security policy: only data URIs and the page's own style and script."""
    rules = ["default-src 'none'", "img-src data:"]
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        rules.append(f"{tag}-src 'sha256-{digest}'")
    return "; ".join(rules)


def _figure(name: str, thumbnails: Thumbnails, note: str, start: int) -> str:
    """Return the HTML of one photograph with the slider at `start` percent of the width."""
    shown = html.escape(name)
    size = f'width="{thumbnails.width}" height="{thumbnails.height}"'
    attributes = f'{size} decoding="async" draggable="false"'
    before, after = (_data_uri(content) for content in (thumbnails.before, thumbnails.after))
    caption = shown + (f"<span>{html.escape(note)}</span>" if note else "")
    return (
        f"<figure>\n<figcaption>{caption}</figcaption>\n"
        f'<div class="frame">\n'
        f'<input type="range" min="0" max="100" step="1" value="{start}" autocomplete="off" '
        f'aria-label="{shown}: before or in color">\n'
        f'<img class="before" {attributes} alt="{shown}, as it was" src="{before}">\n'
        f'<img class="after" {attributes} alt="{shown}, in color" src="{after}">\n'
        f'<div class="line"></div>\n</div>\n</figure>\n'
    )


def _data_uri(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
