"""What a batch is made of: sources, jobs, options and results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from colorize.batch.manifest import Manifest
from colorize.io import readers
from colorize.io.photo import Photo
from colorize.video.formats import VideoResult
from colorize.viewing.gallery import Pictures


@dataclass(frozen=True)
class Source:
    """A file to colorize and its place below the folder or pattern it was found by.

    problem: why it can't be taken, such as a sub-folder that can't be read.
    """

    path: Path
    relative: Path
    problem: str | None = None


@dataclass(frozen=True)
class Job:
    """One file to colorize and where to; `problem` says why that can't be.

    sample: which of several colorizations, from 1. confidence: instead of the photograph in
    color the target shows how sure the network is.
    """

    source: Path
    target: Path
    problem: str | None = None
    sample: int | None = None
    confidence: bool = False


Film = Callable[[Job, Callable[[], None]], VideoResult]  # writes a job's film in color
Special = Callable[[Job, Photo], Photo]  # makes a job's sample or confidence map of a photograph


@dataclass(frozen=True)
class Options:
    """How to write, and what may happen to outputs that are there already.

    overwrite: replace them. skip_existing: leave them and count their jobs as skipped.
    manifest: what earlier runs have done; it is written where it can be. format, quality: see
    `writers.write`. max_pixels: see `readers.read`. reserved: files that are no output either.
    compare: write before and after in one picture, see `compare.compare`. pictures: results
    bring small pictures for a gallery, also of what is skipped since it is done.
    """

    overwrite: bool = False
    skip_existing: bool = False
    manifest: Manifest | None = None
    format: str | None = None
    quality: int | None = None
    max_pixels: int = readers.MAX_PIXELS
    reserved: tuple[Path, ...] = ()
    compare: str | None = None
    pictures: bool = False


@dataclass(frozen=True)
class Result:
    """How one job went: done unless `error` or `skipped` says why not."""

    job: Job
    seconds: float
    error: str | None = None
    skipped: str | None = None
    size: tuple[int, int] | None = None  # (width, height) of the last page
    notes: tuple[str, ...] = ()
    pictures: Pictures | None = None  # of the first page
