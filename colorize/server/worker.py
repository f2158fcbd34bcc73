"""The work of a request: decode, colorize, encode, in a thread of a pool of few."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event
from typing import Any, BinaryIO

from colorize.errors import ColorizeError, display_name
from colorize.io import readers, writers
from colorize.io.formats import output_format
from colorize.io.photo import Photo
from colorize.pipeline import Colorizer
from colorize.runtime.batching import DynamicBatcher
from colorize.server.limits import Limits
from colorize.server.options import Wish
from colorize.viewing.compare import compare

SMOOTHING = 0.2  # of the running mean of how long a photograph takes


class Abandoned(Exception):
    """Nobody waits for the result any more."""


@dataclass(eq=False)
class Job:
    """A photograph to colorize; `stop` is set when nobody waits for it any more.

    others: files of settings of `Colorizer`, which are pictures too.
    """

    photo: BinaryIO
    wish: Wish
    others: Mapping[str, BinaryIO] = field(default_factory=dict)
    stop: Event = field(default_factory=Event)


@dataclass(frozen=True)
class Picture:
    """A result: the content of a file, its format ("JPEG", ...), what could not be kept."""

    content: memoryview
    format: str
    notes: tuple[str, ...]


class Work:
    """Colorizes the photographs of requests, as many at once as a batch has."""

    def __init__(self, colorizer: Colorizer, limits: Limits):
        """Take a colorizer, whose network counts and whose settings don't, and limits."""
        self.runner = DynamicBatcher(colorizer.runner, limits.batch)
        self.limits = limits
        self.seconds = 1.0  # that a photograph takes of the whole server's time
        self._threads = ThreadPoolExecutor(limits.batch, thread_name_prefix="photograph")

    def submit(self, job: Job) -> Future[Picture]:
        """Begin a job as soon as a thread is free.

        The result raises ColorizeError for a photograph or a setting that won't do.
        """
        return self._threads.submit(self._done, job)

    def close(self) -> None:
        """Finish what is in work, drop what is not, end the threads."""
        self._threads.shutdown(cancel_futures=True)
        self.runner.close()

    def _done(self, job: Job) -> Picture:
        start = time.monotonic()
        picture = self._colorized(job)
        seconds = (time.monotonic() - start) / self.limits.batch
        self.seconds += SMOOTHING * (seconds - self.seconds)
        return picture

    def _colorized(self, job: Job) -> Picture:
        target, formats, wish = io.BytesIO(), set[str](), job.wish
        settings = {**wish.settings, **self._pictures(job)}
        colorizer = Colorizer(self.runner, **settings)

        def pages() -> Iterator[Photo]:
            for photo in self._pages(job):
                result = _result(colorizer, photo, wish)
                formats.add(_format(wish.format, result))
                yield result
                if job.stop.is_set():
                    raise Abandoned

        notes = writers.write(pages(), target, format=wish.format, quality=wish.quality)
        return Picture(target.getbuffer(), formats.pop(), tuple(notes))

    def _pictures(self, job: Job) -> dict[str, Any]:
        """Return the settings that came as files."""
        return {name: self._picture(name, file) for name, file in job.others.items()}

    def _picture(self, name: str, file: BinaryIO) -> Photo:
        try:
            return readers.read(file, max_pixels=self.limits.max_pixels)
        except ColorizeError as error:
            raise ColorizeError(f"{name}: {without_name(error, file)}") from error

    def _pages(self, job: Job) -> Iterator[Photo]:
        """Yield the pages of a job's photograph, which together keep to the limit."""
        left = self.limits.max_pixels
        for photo in readers.read_pages(job.photo, max_pixels=self.limits.max_pixels):
            left -= photo.width * photo.height
            if left < 0:
                most = self.limits.max_pixels / 1e6
                raise ColorizeError(f"its pages together have more than {most:g} megapixels")
            yield photo


def _result(colorizer: Colorizer, photo: Photo, wish: Wish) -> Photo:
    """Return what a wish makes of a photograph."""
    if wish.confidence:
        return colorizer.confidence_map(photo)
    if wish.sample is None:
        colored = colorizer(photo)
    else:
        colored = colorizer.sample(photo, wish.sample, wish.seed)
    return colored if wish.compare is None else compare(photo, colored, wish.compare)


def without_name(error: ColorizeError, file: BinaryIO) -> str:
    """Return what an error says, without the name of the stream, which means nothing to users."""
    return str(error).removeprefix(f"{display_name(file)}: ")


def _format(wanted: str | None, photo: Photo) -> str:
    return output_format(io.BytesIO(), wanted, photo.metadata.format)
