"""Doing one job: read, colorize, write, and note it."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

from colorize.batch.jobs import Film, Job, Options, Result, Special
from colorize.errors import ColorizeError, display_name
from colorize.io import readers, writers
from colorize.io.formats import output_format
from colorize.io.photo import Photo
from colorize.io.prefetch import PhotoPrefetcher
from colorize.io.source import PathOrStream
from colorize.io.storage import RemotePath, StorageError, exists, is_file, readable, writable
from colorize.video.formats import is_video_name
from colorize.viewing.compare import compare
from colorize.viewing.gallery import Pictures


class _Stopped(Exception):
    """The batch is over; what was in work is given up."""


class Work:
    """What a worker does with a job. On a cluster the manifest is kept elsewhere."""

    def __init__(
        self,
        colorize: Callable[[Photo], Photo],
        options: Options,
        reasons: dict[Job, str],
        film: Film | None = None,
        special: Special | None = None,
        ahead: PhotoPrefetcher | None = None,
    ):
        """Take what colorizes, and the jobs that must not run, with the reasons of `refuse`."""
        self.colorize = colorize
        self.film = film
        self.special = special
        self.options = options
        self.reasons = reasons
        self.ahead = ahead
        self.stop = Event()

    def __call__(self, job: Job) -> Result:
        """Return how the job went. Raises ColorizeError if the manifest can't be written."""
        start = time.monotonic()
        settled = self.settled(job)
        if settled is not None:
            return settled
        try:
            return self._recorded(job, start)
        except StorageError as error:  # the manifest asks for sizes and times of objects too
            return Result(job, time.monotonic() - start, str(error))

    def settled(self, job: Job) -> Result | None:
        """Return how a job went that can be skipped or must not be done, None for the others."""
        start = time.monotonic()
        try:
            reason = check(job, self.reasons, self.options)
        except Exception as error:
            return Result(job, time.monotonic() - start, failure_line(job, error))
        if reason is None:
            return None
        pictures, notes = self._pictures_of_files(job)
        seconds = time.monotonic() - start
        return Result(job, seconds, skipped=reason, notes=notes, pictures=pictures)

    def _pictures_of_files(self, job: Job) -> tuple[Pictures | None, tuple[str, ...]]:
        """Return small pictures of input and output as they lie there, or why there are none."""
        none_wanted = not self.options.pictures or job.confidence or is_video_name(job.source)
        if none_wanted or self.stop.is_set():
            return None, ()
        try:
            before, after = (self._read(path) for path in (job.source, job.target))
            return Pictures.of(before, after), ()
        except Exception as error:
            return None, (f"not in the gallery: {failure_line(job, error)}",)

    def _read(self, path: Path) -> Photo:
        with readable(path) as source:
            return readers.read(source, max_pixels=self.options.max_pixels)

    def _recorded(self, job: Job, start: float) -> Result:
        """Do the job and write to the manifest that it begins and how it went."""
        manifest = self.options.manifest
        line = None if manifest is None else manifest.start(job.source, job.target)
        result = self.done(job, start)
        if self.stop.is_set() and result.error is not None:
            return result  # given up, not failed: the next run does it
        if manifest is not None and line is not None:
            manifest.finish(line, result.error, result.seconds)
        return result

    def done(self, job: Job, start: float) -> Result:
        """Do the job; whatever goes wrong is one line in the result."""
        error: str | None = None
        size: tuple[int, int] | None = None
        notes: list[str] = []
        shown: list[Pictures] = []
        try:
            size = self._colorize_file(job, notes, shown)
        except Exception as failure:  # a fault of ours in one file must not cost the others
            error = failure_line(job, failure)
        seconds = time.monotonic() - start
        first = shown[0] if shown else None
        return Result(job, seconds, error, None, size, tuple(notes), first)

    def _colorize_file(
        self, job: Job, notes: list[str], shown: list[Pictures]
    ) -> tuple[int, int] | None:
        """Colorize every page of one file; return the last page's size.

        Adds the writer's notes, and to `shown` pictures of the first page if they are wanted.
        """
        if self.film is not None and is_video_name(job.source):
            return self._colorize_video(self.film, job, notes)
        if job.confidence:
            return self._map_file(job)
        options = self.options
        size: tuple[int, int] | None = None

        def pages() -> Iterator[Photo]:
            nonlocal size
            for photo in self._pages(job, source):
                size = photo.width, photo.height
                self._go_on()
                colored = self._colored(job, photo)
                self._go_on()
                if options.pictures and not shown:
                    shown.append(Pictures.of(photo, colored))
                if options.compare is not None:
                    colored = compare(photo, colored, options.compare)
                _make_folder(job.target.parent)
                yield colored

        self._go_on()
        with readable(job.source) as source, writable(job.target) as target:
            notes += writers.write(
                pages(), target, format=_format(job.target, options), quality=options.quality
            )
        return size

    def _pages(self, job: Job, source: PathOrStream) -> Iterator[Photo]:
        if self.ahead is not None and self.ahead.source == job.source:
            return self.ahead.pages()
        return readers.read_pages(source, max_pixels=self.options.max_pixels)

    def _colored(self, job: Job, photo: Photo) -> Photo:
        if job.sample is None:
            return self.colorize(photo)
        assert self.special is not None
        return self.special(job, photo)

    def _map_file(self, job: Job) -> tuple[int, int]:
        """Write the map of a file's first page and return its size."""
        assert self.special is not None
        self._go_on()
        shown = self.special(job, self._read(job.source))
        self._go_on()
        _make_folder(job.target.parent)
        with writable(job.target) as target:
            writers.write(shown, target, format=_format(job.target, Options()))
        return shown.width, shown.height

    def _colorize_video(self, film: Film, job: Job, notes: list[str]) -> tuple[int, int]:
        self._go_on()
        if isinstance(job.source, RemotePath) or isinstance(job.target, RemotePath):
            raise ColorizeError(f"{display_name(job.source)}: films need files on a disk; copy it")
        _make_folder(job.target.parent)
        result = film(job, self._go_on)
        notes += result.notes
        if self.options.compare is not None:
            notes.append("a film is not compared: it is in color alone")
        return result.size

    def _go_on(self) -> None:
        if self.stop.is_set():
            raise _Stopped


def check(job: Job, reasons: dict[Job, str], options: Options) -> str | None:
    """Return why a job can be skipped, None if it is to be done, or raise ColorizeError."""
    name, there = display_name(job.source), display_name(job.target)
    manifest = options.manifest
    if job in reasons:
        raise ColorizeError(f"{name}: {reasons[job]}")
    if manifest is not None and manifest.finished(job.source, job.target):
        return f"{there} is done, says the manifest"
    if not exists(job.target):
        return None
    if not isinstance(job.target, RemotePath):
        _check_replaceable(job)
    if manifest is not None and manifest.wrote(job.target):
        return None
    if options.skip_existing and is_file(job.target):
        return f"{there} exists"
    if options.overwrite:
        return None
    raise ColorizeError(
        f"{name}: {there} exists; --overwrite replaces it, --skip-existing leaves it"
    )


def _check_replaceable(job: Job) -> None:
    """Refuse to replace what is neither a file nor a link: a folder, a device, a pipe."""
    kind = os.lstat(job.target).st_mode
    if not stat.S_ISREG(kind) and not stat.S_ISLNK(kind):
        what = "a folder" if stat.S_ISDIR(kind) else "no regular file"
        raise ColorizeError(
            f"{display_name(job.source)}: {display_name(job.target)} is {what}; "
            "choose another output"
        )


def failure_line(job: Job, error: Exception) -> str:
    """Return what to say of a job that ended with an error."""
    if isinstance(error, ColorizeError):
        return str(error)
    name = display_name(job.source)
    if isinstance(error, MemoryError):
        return f"{name}: not enough memory for this picture"
    what = f"unexpected {type(error).__name__}: {error}; please report it"
    return f"{name}: {' '.join(what.split())}"


def _format(target: Path, options: Options) -> str | None:
    """Return the format to write: that of the target's suffix, which a buffer can't tell."""
    if isinstance(target, RemotePath):
        return output_format(target, options.format)
    return options.format


def _make_folder(folder: Path) -> None:
    if isinstance(folder, RemotePath):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ColorizeError(f"{display_name(folder)}: can't make this folder: {reason}") from error
