"""Reading a photograph while something else, such as the network, is still being loaded."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import TracebackType

from colorize.io.photo import Photo, Size, read_pages


class PhotoPrefetcher:
    """The pages of one file, of which a thread decodes the first one at once.

    To be used in a `with` statement, which waits for the thread.
    """

    def __init__(self, source: Path, *, max_pixels: int, sizes: Sequence[Size] = ()):
        """Begin to read. `sizes`: of the small copies that will be asked for, see `Photo`."""
        self.source = source
        self._sizes = sizes
        self._pages = read_pages(source, max_pixels=max_pixels)
        self._thread = ThreadPoolExecutor(1)
        self._first = self._thread.submit(self._read_first)

    def __enter__(self) -> PhotoPrefetcher:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._pages.close()

    def pages(self) -> Generator[Photo, None, None]:
        """Yield the pages, once; raises what `read_pages` does."""
        with closing(self._pages):
            yield self._first.result()
            yield from self._pages

    def _read_first(self) -> Photo:
        photo = next(self._pages)
        photo.resize_ahead(self._sizes)
        return photo
