"""A web page with a before/after slider for each photograph, in a single file.

>>> from colorize.viewing.gallery import Gallery
>>> with Gallery.create("page.html") as gallery:
...     gallery.add("photo.jpg", before, after)

The page embeds small copies of the photographs as data URIs and loads nothing else: it works from
a local disk, and its content security policy forbids every connection. The copies are written to
a temporary file as they are added; the file is renamed to the page's name at the end.
"""

from __future__ import annotations

import html
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from colorize.errors import ColorizeError, display_name, error_context
from colorize.io.atomic import atomic_write, remove_stale_temp_files
from colorize.io.photo import Photo
from colorize.viewing.html_page import data_uri, template, thumbnail, to_jpeg

SIGNATURE = b"<!doctype html>\n<!-- gallery of colorize -->\n"
TITLE = "Before and after"
LINK_TEXTS = ("as it was", "in color")
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
    def from_photos(cls, before: Photo, after: Photo) -> Thumbnails:
        """Return small copies, on white where transparent.

        Raises ColorizeError for photographs of different sizes.
        """
        if before.size != after.size:
            raise ColorizeError(
                f"before and after differ in size: {before.width}x{before.height}, "
                f"{after.width}x{after.height}"
            )
        first, second = thumbnail(before), thumbnail(after)
        return cls(to_jpeg(first), to_jpeg(second), *first.size)


class Gallery:
    """A page that is written photograph by photograph. Not thread-safe."""

    def __init__(
        self,
        file: BinaryIO,
        name: str,
        title: str = TITLE,
        columns: bool = False,
        folder: Path | None = None,
    ):
        """Write the head of the page to an open binary file; see `Gallery.create`.

        Args:
            file: Where the page is written.
            name: Of the file, for messages.
            title: Of the page.
            columns: Show small pictures, several in a row.
            folder: Where the page will lie; files in it or below it can be linked to.
        """
        self._file = file
        self._name = name
        self._folder = folder
        self._start = COLUMNS_START if columns else START
        self._problems: list[str] = []
        self._notes: list[str] = []
        texts = {"title": title, "layout": "columns" if columns else ""}
        beginning, self._end = template("gallery.html", texts)
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
            page = cls(file, name, title, columns, folder)
            yield page
            page._finish()

    def add(
        self,
        name: str,
        before: Photo,
        after: Photo,
        note: str = "",
        files: Sequence[Path] = (),
    ) -> None:
        """Show a photograph; see `add_thumbnails`."""
        self.add_thumbnails(name, Thumbnails.from_photos(before, after), note, files)

    def add_thumbnails(
        self, name: str, thumbnails: Thumbnails, note: str = "", files: Sequence[Path] = ()
    ) -> None:
        """Show a photograph whose thumbnails exist already.

        Args:
            name: Of the photograph.
            thumbnails: Before and after.
            note: Any text.
            files: The photographs before and after at full size. The page links to those in its
                own folder or below it, and says nothing of others.
        """
        links = [
            link
            for path, text in zip(files, LINK_TEXTS, strict=False)
            if (link := self._link(path, text))
        ]
        self._write(_figure(name, thumbnails, note, links, self._start))

    def _link(self, path: Path, text: str) -> str:
        absolute = Path(os.path.abspath(path))
        if self._folder is None or not absolute.is_relative_to(self._folder):
            return ""
        relative = absolute.relative_to(self._folder)
        address = "/".join(quote(os.fsencode(part)) for part in relative.parts)
        return f'<a href="./{address}">{text}</a>'

    def add_heading(self, text: str) -> None:
        """Start a group of photographs."""
        self._write(f"<h2>{html.escape(text)}</h2>\n")

    def add_problem(self, text: str) -> None:
        """Report a photograph that could not be colorized, at the end of the page."""
        self._problems.append(text)

    def add_note(self, text: str) -> None:
        """Add a line of text to the end of the page."""
        self._notes.append(text)

    def discard(self) -> None:
        """Free the space of a page that cannot be finished."""
        with suppress(OSError):
            os.ftruncate(self._file.fileno(), 0)

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


def _figure(name: str, thumbnails: Thumbnails, note: str, links: list[str], start: int) -> str:
    """Return the HTML of one photograph with the slider at `start` percent of the width."""
    shown = html.escape(name)
    size = f'width="{thumbnails.width}" height="{thumbnails.height}"'
    attributes = f'{size} decoding="async" draggable="false"'
    before, after = (data_uri(content) for content in (thumbnails.before, thumbnails.after))
    caption = shown + (f"<span>{html.escape(note)}</span>" if note else "")
    caption += f'<span class="links">Full size: {" ".join(links)}</span>' if links else ""
    return (
        f"<figure>\n<figcaption>{caption}</figcaption>\n"
        f'<div class="frame">\n'
        f'<input type="range" min="0" max="100" step="1" value="{start}" autocomplete="off" '
        f'aria-label="{shown}: before or in color">\n'
        f'<img class="before" {attributes} alt="{shown}, as it was" src="{before}">\n'
        f'<img class="after" {attributes} alt="{shown}, in color" src="{after}">\n'
        f'<div class="line"></div>\n</div>\n</figure>\n'
    )
