"""Colorizes the photographs of requests, in a small pool of threads."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event
from typing import BinaryIO

from PIL import Image

from colorize.errors import ColorizeError, display_name
from colorize.io.formats import output_format
from colorize.io.photo import Photo
from colorize.io.readers import read, read_pages
from colorize.io.writers import write
from colorize.pipeline import Colorizer
from colorize.runtime.base import Runner
from colorize.runtime.batching import DynamicBatcher
from colorize.server.limits import Limits
from colorize.server.parameters import ColorizeRequest
from colorize.viewing.compare import compare

PREVIEW_QUALITY = 95  # of JPEG: the network sees it too
SMOOTHING = 0.2  # weight of the newest photograph in the moving average of the time taken


class ClientDisconnected(Exception):
    """The client has closed the connection before its photograph was finished."""


@dataclass(eq=False)
class RequestJob:
    """One photograph to colorize.

    Attributes:
        photo: The encoded photograph.
        request: The parameters.
        extra_files: Encoded pictures that are parameters too, by parameter name.
        cancelled: Set when the client no longer waits for the result.
    """

    photo: BinaryIO
    request: ColorizeRequest
    extra_files: Mapping[str, BinaryIO] = field(default_factory=dict)
    cancelled: Event = field(default_factory=Event)


@dataclass(frozen=True)
class EncodedImage:
    """A finished picture.

    Attributes:
        content: Content of the image file.
        format: "JPEG", "PNG", ...
        notes: What the format could not store, one line each.
    """

    content: memoryview
    format: str
    notes: tuple[str, ...]


@dataclass(eq=False)
class PreviewJob:
    """One photograph to make a small gray copy of.

    Attributes:
        photo: The encoded photograph.
        side: The most pixels of the copy's longer side.
        cancelled: Set when the client no longer waits for the result.
    """

    photo: BinaryIO
    side: int
    cancelled: Event = field(default_factory=Event)


@dataclass(frozen=True)
class Preview(EncodedImage):
    """A small gray copy of a photograph of `width` times `height` pixels."""

    width: int
    height: int


class RequestWorker:
    """Runs jobs in threads that share one network, which batches their inputs."""

    def __init__(self, runner: Runner, limits: Limits):
        """Start without jobs.

        Args:
            runner: The network that all jobs share.
            limits: max_batch is the number of threads.
        """
        self.limits = limits
        self.runner = DynamicBatcher(runner, limits.max_batch)
        self.seconds_per_photo = 1.0  # moving average, of the whole server's time
        self._threads = ThreadPoolExecutor(limits.max_batch, thread_name_prefix="colorize")

    def submit(self, job: RequestJob) -> Future[EncodedImage]:
        """Queue a job.

        The future raises ColorizeError for a photograph or option that cannot be used, and
        ClientDisconnected for a job that was cancelled while it ran.
        """
        return self._threads.submit(self._run, job)

    def submit_preview(self, job: PreviewJob) -> Future[Preview]:
        """Queue a preview; the future raises as that of `submit`."""
        return self._threads.submit(self._preview, job)

    def close(self) -> None:
        """Finish running jobs, drop queued ones, stop the threads."""
        self._threads.shutdown(cancel_futures=True)
        self.runner.close()

    def _run(self, job: RequestJob) -> EncodedImage:
        start = time.monotonic()
        result = self._colorize(job)
        seconds = (time.monotonic() - start) / self.limits.max_batch
        self.seconds_per_photo += SMOOTHING * (seconds - self.seconds_per_photo)
        return result

    def _colorize(self, job: RequestJob) -> EncodedImage:
        output = job.request.output
        files = {name: self._read_extra(name, file) for name, file in job.extra_files.items()}
        colorizer = Colorizer(self.runner, job.request.options.replace(**files))
        formats = set[str]()

        def pages() -> Iterator[Photo]:
            for photo in self._read_pages(job.photo):
                if job.cancelled.is_set():
                    raise ClientDisconnected
                if output.confidence:
                    result = colorizer.confidence_map(photo)
                else:
                    result = colorizer(photo)
                    if output.compare is not None:
                        result = compare(photo, result, output.compare)
                input_format = result.metadata.format
                formats.add(output_format(io.BytesIO(), output.format, input_format))
                yield result

        encoded = io.BytesIO()
        notes = write(pages(), encoded, format=output.format, quality=output.quality)
        return EncodedImage(encoded.getbuffer(), formats.pop(), tuple(notes))

    def _preview(self, job: PreviewJob) -> Preview:
        if job.cancelled.is_set():
            raise ClientDisconnected
        photo = read(job.photo, max_pixels=self.limits.max_pixels)
        image = photo.to_pillow()
        image.thumbnail((job.side, job.side), Image.Resampling.LANCZOS, reducing_gap=2.0)
        image = image.convert("L" if photo.alpha is None else "LA")
        encoded = io.BytesIO()
        format = "JPEG" if photo.alpha is None else "PNG"
        image.save(encoded, format, quality=PREVIEW_QUALITY)
        return Preview(encoded.getbuffer(), format, (), photo.width, photo.height)

    def _read_extra(self, name: str, file: BinaryIO) -> Photo:
        try:
            return read(file, max_pixels=self.limits.max_pixels)
        except ColorizeError as error:
            raise ColorizeError(f"{name}: {strip_source_name(error, file)}") from error

    def _read_pages(self, file: BinaryIO) -> Iterator[Photo]:
        """Yield the pages of a photograph, which together must keep to max_pixels."""
        remaining = self.limits.max_pixels
        for photo in read_pages(file, max_pixels=self.limits.max_pixels):
            remaining -= photo.width * photo.height
            if remaining < 0:
                limit = f"{self.limits.max_pixels / 1e6:g} megapixels"
                raise ColorizeError(f"its pages together have more than {limit}")
            yield photo


def strip_source_name(error: ColorizeError, file: BinaryIO) -> str:
    """Return an error's message for a client, without the stream's name and the remedy."""
    return error.reason.removeprefix(f"{display_name(file)}: ")
