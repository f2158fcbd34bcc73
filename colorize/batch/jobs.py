"""Data types of a batch: sources, jobs, options and results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from colorize.batch.manifest import Manifest
from colorize.errors import ColorizeError, display_name, one_line, reason_of
from colorize.io import readers
from colorize.io.photo import Photo
from colorize.video.formats import VideoResult
from colorize.viewing.gallery import Thumbnails


@dataclass(frozen=True)
class Source:
    """A file to colorize.

    Attributes:
        path: the file.
        relative: its path below the folder or pattern that it was found by.
        rejection: why it can't be colorized, such as a folder that can't be read; None if it can.
    """

    path: Path
    relative: Path
    rejection: str | None = None


@dataclass(frozen=True)
class HintFile:
    """The hints of one photograph, as they were when the batch was planned."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class Job:
    """One file to colorize and where the result goes.

    Attributes:
        source: the input.
        target: the output.
        rejection: why the job can't run; None if it can.
        sample: number of the colorization sample to write, from 1; None for the usual one.
        confidence: write a confidence map instead of the photograph in color.
        layer: write the colors alone, see `viewing.layer`.
        hints: of this photograph, besides the settings of all.
    """

    source: Path
    target: Path
    rejection: str | None = None
    sample: int | None = None
    confidence: bool = False
    layer: bool = False
    hints: HintFile | None = None

    @property
    def settings(self) -> dict[str, object]:
        """What the output depends on besides the input and the settings of the whole batch."""
        return {} if self.hints is None else {"hints": self.hints.sha256}

    @property
    def is_extra(self) -> bool:
        """Whether the output is something besides the photograph in color."""
        return self.confidence or self.layer


VideoColorizerFn = Callable[[Job, Callable[[], None]], VideoResult]
"""Colorizes a job's video; calls its second argument, which may raise, between frames."""

RenderFn = Callable[[Job, Photo], Photo]
"""Renders what a job asks of a photograph: a sample, a map, a layer, or colors by its hints."""


@dataclass(frozen=True)
class WriteOptions:
    """How to write outputs, and what to do about existing ones.

    Attributes:
        existing: what to do with a job whose output exists: "refuse" fails it, "keep" skips it,
            "keep newer" skips it unless the input is newer or the output says that it was made with
            other settings, and "replace" runs it.
        skip_color: skip photographs that are in color already, see `color.tint`.
        skip_results: skip photographs whose metadata say that this program colorized them.
        manifest: what earlier runs have finished; new entries are added if it is writable.
        format, quality: see `io.writers.write`.
        max_pixels, max_pages, allow_damaged: see `io.readers.read_pages`.
        reserved: files that must not be outputs, such as the manifest.
        compare: layout that shows before and after in one picture, see `viewing.compare`.
        mark: draw a small sign that the colors are computed.
        no_mark: leave out the record of how the colors were computed.
        settings: what outputs depend on besides their input, as canonical JSON, for that record;
            None for the settings of the colorizer.
        on_write: called when the first page of a job is about to be encoded.
        thumbnails: add thumbnails for a gallery to the results, also to those of skipped jobs.
    """

    existing: Literal["refuse", "keep", "keep newer", "replace"] = "refuse"
    skip_color: bool = False
    skip_results: bool = False
    manifest: Manifest | None = None
    format: str | None = None
    quality: int | None = None
    max_pixels: int = readers.MAX_PIXELS
    max_pages: int = readers.MAX_PAGES
    allow_damaged: bool = False
    reserved: tuple[Path, ...] = ()
    compare: str | None = None
    mark: bool = False
    no_mark: bool = False
    settings: str | None = None
    on_write: Callable[[Job], None] = lambda job: None
    thumbnails: bool = False


Cause = Literal[
    "output exists",
    "output older",
    "other settings",
    "up to date",
    "in color",
    "a result",
    "disk full",
]


@dataclass(frozen=True)
class Result:
    """How a job ended: it is done unless `error` or `skipped` gives a reason why not.

    Attributes:
        cause: the kind of reason, where the end of a batch counts such jobs.
        in_color: whether the photograph was in color already.
        seconds: from reading to writing.
        size: (width, height) in pixels of the first page.
        pages: pages or frames.
        notes: one line for each thing that the output could not keep.
        thumbnails: of the first page, if the options ask for them.
    """

    job: Job
    seconds: float
    error: str | None = None
    skipped: str | None = None
    cause: Cause | None = None
    size: tuple[int, int] | None = None
    pages: int = 1
    notes: tuple[str, ...] = ()
    thumbnails: Thumbnails | None = None
    in_color: bool = False


def failure_line(job: Job, error: Exception) -> str:
    """Return the message to the user about a job that raised an exception."""
    if isinstance(error, ColorizeError):
        return str(error)
    name = display_name(job.source)
    if isinstance(error, (MemoryError, OSError)):
        return f"{name}: {reason_of(error)}"
    if isinstance(error, ImportError):  # there is too little memory for it, or too few open files
        return f"{name}: a library cannot be loaded: {one_line(error)}"
    what = f"unexpected {type(error).__name__}: {error}; please report it"
    return f"{name}: {' '.join(what.split())}"
