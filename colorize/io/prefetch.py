"""Reading a photograph while something else, such as the network, is still being loaded."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import TracebackType

from colorize.io import readers
from colorize.io.photo import Photo, ResizeSpec
from colorize.io.storage import size_and_mtime


class PhotoPrefetcher:
    """The pages of one file, of which a thread decodes the first one at once.

    To be used in a `with` statement, which waits for the thread.
    """

    def __init__(
        self,
        source: Path,
        *,
        max_pixels: int,
        max_pages: int = readers.MAX_PAGES,
        allow_damaged: bool = False,
        thumbnails: Sequence[ResizeSpec] = (),
    ):
        """Begin to read. `thumbnails` will be asked for later, and are made by the thread."""
        self.source = source
        self._size_and_mtime = size_and_mtime(source)
        self._thumbnails = thumbnails
        self._pages = readers.read_pages(
            source, max_pixels=max_pixels, max_pages=max_pages, allow_damaged=allow_damaged
        )
        self._executor = ThreadPoolExecutor(1)
        self._first = self._executor.submit(self._read_first)

    def __enter__(self) -> PhotoPrefetcher:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._pages.close()

    def is_current(self) -> bool:
        """Return whether the file is still the one that was opened, by its size and time."""
        return size_and_mtime(self.source) == self._size_and_mtime

    def pages(self) -> Generator[Photo, None, None]:
        """Yield the pages, once; raises what `read_pages` does."""
        with closing(self._pages):
            yield self._first.result()
            yield from self._pages

    def _read_first(self) -> Photo:
        photo = next(self._pages)
        for spec in self._thumbnails:
            photo.thumbnail(spec)
        return photo
