"""One web page with a before/after slider for each photograph, all of it in a single file.

>>> from colorize.viewing.gallery import Gallery
>>> with Gallery.writing("page.html") as gallery:
...     gallery.add("photo.jpg", before, after)

The page holds small copies of the pictures as data URIs and asks for nothing else: it works from
a disk, and its content security policy forbids every connection. Pictures are written as they
come, under a temporary name that becomes the page's when all went well.
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

SIDE = 1280  # pixels, the longer side of a picture on the page at most
QUALITY = 82  # of JPEG
BEGINNING = b"<!doctype html>\n<!-- gallery of colorize -->\n"
TITLE = "Before and after"
START, COLUMNS_START = 50, 12  # per cent of the width that show what was before


@dataclass(frozen=True)
class Pictures:
    """Before and after as small JPEG files of the same size in pixels."""

    before: bytes
    after: bytes
    width: int
    height: int

    @classmethod
    def of(cls, before: Photo, after: Photo, side: int = SIDE) -> Pictures:
        """Return copies whose longer side has at most `side` pixels, transparency on white.

        Raises ColorizeError for photographs of different sizes.
        """
        if before.size != after.size:
            raise ColorizeError(
                f"before and after differ in size: {before.width}x{before.height}, "
                f"{after.width}x{after.height}"
            )
        one, other = _small(before, side), _small(after, side)
        return cls(_jpeg(one), _jpeg(other), *one.size)


class Gallery:
    """A page being written, photograph by photograph; for one thread at a time."""

    def __init__(self, file: BinaryIO, name: str, title: str = TITLE, columns: bool = False):
        """Write the page's beginning to an open binary file; see `Gallery.writing`."""
        self._file = file
        self._name = name
        self._start = COLUMNS_START if columns else START
        self._problems: list[str] = []
        self._notes: list[str] = []
        beginning, self._end = _template(title, "columns" if columns else "")
        self._write(beginning)

    @classmethod
    @contextmanager
    def writing(
        cls, path: str | os.PathLike[str], *, title: str = TITLE, columns: bool = False
    ) -> Iterator[Gallery]:
        """Give a gallery that is at `path` when the block is left without an exception.

        Its folder is made. An earlier gallery is replaced. columns: small pictures, several in
        a row. Raises ColorizeError if something else lies there or it can't be written.
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
        """Show a photograph under a name, any text, with a note beside it."""
        self.add_pictures(name, Pictures.of(before, after), note)

    def add_pictures(self, name: str, pictures: Pictures, note: str = "") -> None:
        """Show a photograph of which there are small pictures already."""
        self._write(_figure(name, pictures, note, self._start))

    def add_heading(self, text: str) -> None:
        """Begin a group of photographs."""
        self._write(f"<h2>{html.escape(text)}</h2>\n")

    def add_problem(self, text: str) -> None:
        """List a photograph that could not be colorized, at the end of the page."""
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
            # lone surrogates of names that are no UTF-8 have no place in a page
            self._file.write(text.encode("utf-8", "replace"))


def names_of(paths: Sequence[Path]) -> list[str]:
    """Return names to show for files: their paths below the folder that all of them share.

    So the page doesn't tell where on whose disk they lay.
    """
    absolute = [os.path.abspath(path) for path in paths]
    folders = [os.path.dirname(path) for path in absolute]
    try:
        common = os.path.commonpath(folders)
    except ValueError:  # none, or on several drives
        return [display_name(path) for path in absolute]
    return [display_name(os.path.relpath(path, common)) for path in absolute]


def _check_replaceable(path: Path) -> None:
    """Refuse to replace a file that is no gallery, such as a photograph."""
    if path.is_file():
        with path.open("rb") as file:
            if file.read(len(BEGINNING)) not in (b"", BEGINNING):
                raise ColorizeError("exists and is no gallery of ours; name another file")
    elif os.path.lexists(path):
        raise ColorizeError("is no regular file; name another one")


def _small(photo: Photo, side: int) -> Image.Image:
    """Return a photo in eight bits a channel, L or RGB, of at most `side` pixels a side."""
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
    """Return the page before and after its photographs."""
    page = resources.files("colorize.viewing").joinpath("gallery.html").read_text(encoding="utf-8")
    texts = {"policy": _policy(page), "title": html.escape(title), "layout": layout}
    for name, text in texts.items():
        page = page.replace("{{" + name + "}}", text)
    beginning, rest = page.split("<!-- photographs -->\n")
    return beginning, rest.split("<!-- end -->\n")[1]


def _policy(page: str) -> str:
    """Return a content security policy: data URIs, and the page's own style and script alone."""
    rules = ["default-src 'none'", "img-src data:"]
    for kind in ("style", "script"):
        (content,) = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        rules.append(f"{kind}-src 'sha256-{digest}'")
    return "; ".join(rules)


def _figure(name: str, pictures: Pictures, note: str, start: int) -> str:
    """Return the HTML of one photograph, its line at `start` per cent of the width."""
    shown = html.escape(name)
    size = f'width="{pictures.width}" height="{pictures.height}" decoding="async" draggable="false"'
    before, after = (_data_uri(content) for content in (pictures.before, pictures.after))
    beside = f"<span>{html.escape(note)}</span>" if note else ""
    return (
        f"<figure>\n<figcaption>{shown}{beside}</figcaption>\n"
        f'<div class="frame">\n'
        f'<input type="range" min="0" max="100" step="1" value="{start}" autocomplete="off" '
        f'aria-label="{shown}: before or in color">\n'
        f'<img class="before" {size} alt="{shown}, as it was" src="{before}">\n'
        f'<img class="after" {size} alt="{shown}, in color" src="{after}">\n'
        f'<div class="line"></div>\n</div>\n</figure>\n'
    )


def _data_uri(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
