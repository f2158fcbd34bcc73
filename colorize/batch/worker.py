"""Run one job: check what is there, read, colorize, write, and record it in the manifest."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from threading import Event

from PIL import Image

from colorize.batch.adoption import output_settings
from colorize.batch.jobs import (
    Cause,
    Job,
    RenderFn,
    Result,
    VideoColorizerFn,
    WriteOptions,
    failure_line,
)
from colorize.batch.manifest import finish_entry
from colorize.batch.precheck import Prechecker, read_photo
from colorize.color.tint import is_color
from colorize.errors import ColorizeError, display_name, error_context, is_disk_full
from colorize.io import readers, writers
from colorize.io.atomic import Found
from colorize.io.formats import output_format
from colorize.io.photo import Photo, ResizeSpec
from colorize.io.prefetch import PhotoPrefetcher
from colorize.io.provenance import DIGITAL_SOURCE_TYPE
from colorize.io.source import PathOrStream
from colorize.io.storage import (
    RemotePath,
    StorageError,
    open_input,
    open_output,
)
from colorize.video.formats import is_video
from colorize.viewing.compare import compare
from colorize.viewing.gallery import Thumbnails
from colorize.viewing.mark import apply_mark

TINT_COPY = ResizeSpec(256, 256, Image.Resampling.BICUBIC)  # which the default network needs too

A_RESULT = "is a result of an earlier run"


class Cancelled(Exception):
    """The batch was canceled while the job was running."""


class JobWorker:
    """Runs the jobs of a batch; called from several threads.

    Set the event `cancelled` to make running jobs end at their next step.
    """

    def __init__(
        self,
        colorize: Callable[[Photo], Photo],
        options: WriteOptions,
        colorize_video: VideoColorizerFn | None = None,
        render: RenderFn | None = None,
        prefetcher: PhotoPrefetcher | None = None,
    ):
        """Prepare to run jobs; see `runner.run`.

        Args:
            colorize: returns a photograph in color.
            options: how to write.
            colorize_video: runs the jobs whose sources are videos.
            render: runs the jobs that ask for a sample, a map or a layer, or have hints.
            prefetcher: the pages of a source that is already being read.
        """
        self.colorize = colorize
        self.options = options
        self.colorize_video = colorize_video
        self.render = render
        self.prefetcher = prefetcher
        self.cancelled = Event()

    def is_left_over(self, result: Result) -> bool:
        """Return whether a result says nothing of the photograph, so that no entry records it."""
        cancelled = self.cancelled.is_set() and result.error is not None
        return cancelled or result.cause in ("in color", "a result", "disk full")

    def run(self, job: Job, found: Found | None = None) -> Result:
        """Return how the job ended; any exception becomes the result's error.

        found: what the output may replace; None for what is there now.
        """
        start = time.monotonic()
        found = found or find_output(job)
        try:
            if self.colorize_video is not None and is_video(job.source):
                result = self._run_video(self.colorize_video, job)
            elif job.is_extra:
                result = self._render_extra(job, found)
            else:
                result = self._colorize_pages(job, found)
        except Exception as failure:  # a bug that shows up in one file must not affect the others
            cause: Cause | None = "disk full" if is_disk_full(failure) else None
            result = Result(job, 0, failure_line(job, failure), cause=cause)
        return dataclasses.replace(result, seconds=time.monotonic() - start)

    def _colorize_pages(self, job: Job, found: Found | None) -> Result:
        """Colorize every page of a photograph, unless the first shows that it is not wanted."""
        options = self.options
        size: tuple[int, int] | None = None
        count = 0
        thumbnails: Thumbnails | None = None

        def colorized(pages: Iterable[Photo]) -> Iterator[Photo]:
            nonlocal size, count, thumbnails
            for photo in pages:
                size = size or (photo.width, photo.height)
                count += 1
                self._raise_if_cancelled()
                colorized = self._colorize(job, photo)
                self._raise_if_cancelled()
                if options.thumbnails and thumbnails is None:
                    thumbnails = Thumbnails.from_photos(photo, colorized)
                if options.compare is not None:
                    colorized = compare(photo, colorized, options.compare)
                make_folder(job.target.parent)
                options.on_write(job)
                settings = output_settings(job, options)
                yield apply_mark(colorized, options.mark, options.no_mark, settings)

        self._raise_if_cancelled()
        with open_input(job.source) as source:
            pages = self._read_pages(job, source)
            first = next(pages)
            in_color = first.pixels.ndim == 3 and is_color(first.thumbnail(TINT_COPY))
            if options.skip_results and _was_colorized(first):
                return Result(job, 0, skipped=A_RESULT, cause="a result")
            if options.skip_color and in_color:
                return Result(job, 0, skipped="is in color already", cause="in color")
            pages = itertools.chain([first], pages)
            del first  # else it would stay in memory until the last page
            with open_output(job.target) as target:
                format = _output_format(job.target, options.format)
                notes = writers.write(
                    colorized(pages), target, format=format, quality=options.quality, found=found
                )
        return Result(
            job,
            0,
            size=size,
            pages=count,
            notes=tuple(notes),
            thumbnails=thumbnails,
            in_color=in_color,
        )

    def _read_pages(self, job: Job, source: PathOrStream) -> Iterator[Photo]:
        prefetcher = self.prefetcher
        if prefetcher is not None and prefetcher.source == job.source and prefetcher.is_current():
            return prefetcher.pages()
        return readers.read_pages(
            source,
            max_pixels=self.options.max_pixels,
            max_pages=self.options.max_pages,
            allow_damaged=self.options.allow_damaged,
        )

    def _colorize(self, job: Job, photo: Photo) -> Photo:
        if job.sample is None and job.hints is None and not job.is_extra:
            return _named(job, lambda: self.colorize(photo))
        render = self.render
        assert render is not None
        return _named(job, lambda: render(job, photo))

    def _render_extra(self, job: Job, found: Found | None) -> Result:
        """Write the confidence map or color layer of a photograph's first page."""
        self._raise_if_cancelled()
        rendered = self._colorize(job, read_photo(job.source, self.options))
        self._raise_if_cancelled()
        make_folder(job.target.parent)
        with open_output(job.target) as target:
            format = _output_format(job.target, None)
            writers.write(rendered, target, format=format, found=found)
        return Result(job, 0, size=(rendered.width, rendered.height))

    def _run_video(self, colorize_video: VideoColorizerFn, job: Job) -> Result:
        self._raise_if_cancelled()
        if isinstance(job.source, RemotePath) or isinstance(job.target, RemotePath):
            raise ColorizeError(
                f"{display_name(job.source)}: videos must be files on a disk; copy it"
            )
        make_folder(job.target.parent)
        result = colorize_video(job, self._raise_if_cancelled)
        return Result(job, 0, size=result.size, notes=result.notes)

    def _raise_if_cancelled(self) -> None:
        if self.cancelled.is_set():
            raise Cancelled


class BatchWorker:
    """Runs the jobs that are not settled already, and records them in the manifest.

    On Ray, another process does both, see `batch.ray`.
    """

    def __init__(self, worker: JobWorker, rejected: Mapping[Job, str] | None = None):
        """Prepare to run jobs.

        Args:
            worker: runs them.
            rejected: the jobs that must not run, with the reasons, from `find_conflicts`.
        """
        self.worker = worker
        self.manifest = worker.options.manifest
        self.precheck = Prechecker(worker.options, rejected, worker.cancelled)

    def __call__(self, job: Job) -> Result:
        """Return how the job ended. Raises ColorizeError if the manifest can't be written."""
        start = time.monotonic()
        found = find_output(job)
        result = self.precheck(job)
        if result is not None:
            return result
        try:
            return self._run(job, found)
        except StorageError as error:  # the manifest records sizes and times of objects too
            return Result(job, time.monotonic() - start, str(error))

    def _run(self, job: Job, found: Found | None) -> Result:
        if self.manifest is None:
            return self.worker.run(job, found)
        started = self.manifest.start(job.source, job.target, job.settings)
        result = self.worker.run(job, found)
        if self.worker.is_left_over(result):
            return result  # neither done nor failed: the next run does it
        self.manifest.append(finish_entry(started, result.error, result.seconds))
        return result


def _named(job: Job, render: Callable[[], Photo]) -> Photo:
    """Return what `render` returns; its error names the photograph, as those of readers do."""
    try:
        return render()
    except ColorizeError as error:
        with error_context(display_name(job.source)):
            raise error from None


def _was_colorized(photo: Photo) -> bool:
    """Return whether metadata say that the photograph was colorized by this program."""
    xmp = photo.metadata.xmp or b""
    if DIGITAL_SOURCE_TYPE.encode() not in xmp:
        return False
    from colorize.io.xmp_document import read_origin  # here, not above: it brings a parser

    return read_origin(xmp).is_colorized


def find_output(job: Job) -> Found | None:
    """Return what is at the output's path now; None for an object in a store."""
    if isinstance(job.target, RemotePath):
        return None
    return Found.at(job.target, None if isinstance(job.source, RemotePath) else job.source)


def _output_format(target: Path, format: str | None) -> str | None:
    """Return the format to write; for an object that of its suffix, which a buffer can't tell."""
    return output_format(target, format) if isinstance(target, RemotePath) else format


def make_folder(folder: Path) -> None:
    """Make a folder, unless it is there or in a store. Raises ColorizeError."""
    if not isinstance(folder, RemotePath):
        with error_context(display_name(folder)):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except (FileExistsError, NotADirectoryError) as error:
                raise ColorizeError("a file has its name, or that of a folder above") from error
