"""Many files: find them, name their outputs, colorize each, and say how each one went.

One file's failure never stops the others.
"""

from __future__ import annotations

import contextlib
import glob as globbing
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from colorize import image
from colorize.errors import ColorizeError
from colorize.image import Photo
from colorize.image_encode import FORMATS

MARK = ".colorized"  # in the name of an output beside its input
WORKERS = 2


@dataclass(frozen=True)
class Job:
    """One file to colorize and where to."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Result:
    """How one job went."""

    job: Job
    seconds: float
    error: str | None = None
    size: tuple[int, int] | None = None  # (width, height) of the last page
    notes: tuple[str, ...] = ()


@dataclass
class Report:
    """How a batch went."""

    done: int = 0
    failed: list[Result] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """Count a result."""
        if result.error is None:
            self.done += 1
        else:
            self.failed.append(result)

    @property
    def return_code(self) -> int:
        """0 if all was done, 1 if anything failed."""
        return 1 if self.failed else 0


@dataclass(frozen=True)
class Source:
    """A file to colorize and its place below the folder or pattern it was found by."""

    path: Path
    relative: Path


def find(inputs: Sequence[Path], pattern: str | None = None) -> list[Source]:
    """Return the files that `inputs` and `pattern` name, each folder in alphabetical order.

    A file is taken as it is; a folder stands for all photographs in it and its sub-folders,
    those that match `pattern` where one is given. A pattern alone (`inputs` empty) is expanded
    as by a shell, with `**` for any sub-folders. Hidden files are left out.

    Raises ColorizeError if there is nothing.
    """
    if not inputs:
        if pattern is None:
            raise ColorizeError("no input: name a file, a folder or a pattern")
        return _expand(pattern)
    sources: list[Source] = []
    for path in inputs:
        sources += _in_folder(path, pattern) if path.is_dir() else [Source(path, Path(path.name))]
    return sources


def _expand(pattern: str) -> list[Source]:
    """Return the files of a shell pattern, relative to its part before the first wildcard."""
    root = Path(pattern)
    while globbing.has_magic(str(root)) or not root.is_dir():
        if root == root.parent:
            break
        root = root.parent
    found = [Path(name) for name in sorted(globbing.glob(pattern, recursive=True))]
    files = [path for path in found if not path.is_dir()]
    if not files:
        raise ColorizeError(f"{pattern}: no file matches")
    return [Source(path, path.relative_to(root)) for path in files]


def _in_folder(folder: Path, pattern: str | None) -> list[Source]:
    """Return the photographs below a folder, relative to it."""
    found = sorted(folder.rglob(pattern or "*"))
    names = [(path, path.relative_to(folder)) for path in found if not path.is_dir()]
    sources = [
        Source(path, relative)
        for path, relative in names
        if not any(part.startswith(".") for part in relative.parts)
        and (pattern is not None or image.is_photo_name(path))
    ]
    if not sources:
        what = f"no file matches {pattern}" if pattern else "no photographs in this folder"
        raise ColorizeError(f"{folder}: {what}")
    return sources


def plan(
    sources: Iterable[Source], output: Path | None, folder: bool, format: str | None = None
) -> list[Job]:
    """Return the job of each source.

    output: a file for the one source, or where `folder` is true a folder that gets each source
    under its relative path. None: beside each source, `photo.jpg` to `photo.colorized.jpg`;
    sources that are such results themselves are left out. The suffix stays, unless `format`
    (or a format that can't be written) asks for another.
    """
    jobs = []
    for source in sources:
        if output is None:
            if not source.path.stem.endswith(MARK):
                name = source.path.stem + MARK + _suffix(source.path, format)
                jobs.append(Job(source.path, source.path.with_name(name)))
        elif folder:
            target = output / source.relative
            jobs.append(Job(source.path, target.with_suffix(_suffix(target, format))))
        else:
            jobs.append(Job(source.path, output))
    return jobs


def _suffix(path: Path, format: str | None) -> str:
    """Return the suffix of an output for a source of this name."""
    if format is not None:
        return FORMATS[image.output_format(path, format)].suffixes[0]
    try:
        image.output_format(path)
    except ColorizeError:
        return ".png"
    return path.suffix


def refuse(jobs: Sequence[Job], overwrite: bool) -> dict[Job, str]:
    """Return the jobs that must not run, and why: what they would destroy."""
    reasons: dict[Job, str] = {}
    sources = {_real(job.source) for job in jobs}
    taken: dict[Path, Job] = {}
    for job in jobs:
        target = _real(job.target)
        if target in sources:
            reasons[job] = "the output would replace an input; choose another name or folder"
        elif target in taken:
            first = taken[target].source
            reasons[job] = f"{job.target} is already the output of {first}; rename one of them"
        elif os.path.lexists(job.target) and not overwrite:
            reasons[job] = f"{job.target} exists; --overwrite replaces it"
        taken.setdefault(target, job)
    return reasons


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def run(
    jobs: Sequence[Job],
    colorize: Callable[[Photo], Photo],
    *,
    overwrite: bool = False,
    workers: int = WORKERS,
    format: str | None = None,
    quality: int | None = None,
    max_pixels: int = image.MAX_PIXELS,
) -> Iterator[Result]:
    """Colorize each job's source into its target and yield the results as they come.

    `colorize` is called from `workers` threads. An existing target, an input as target and a
    second job with the same target fail; the folders of targets are made, and temporary files
    that a killed run left there removed.
    """
    reasons = refuse(jobs, overwrite)
    for folder in {job.target.parent for job in jobs}:
        with contextlib.suppress(OSError):  # whether it can be written to shows later
            image.remove_leftovers(folder)

    def work(job: Job) -> Result:
        start = time.monotonic()
        try:
            if job in reasons:
                raise ColorizeError(f"{job.source}: {reasons[job]}")
            size, notes = _colorize_file(job, colorize, format, quality, max_pixels)
        except ColorizeError as error:
            return Result(job, time.monotonic() - start, str(error))
        except Exception as error:  # a fault of ours in one file must not cost the others
            what = f"{job.source}: unexpected {type(error).__name__}: {error}; please report it"
            return Result(job, time.monotonic() - start, " ".join(what.split()))
        return Result(job, time.monotonic() - start, size=size, notes=notes)

    with ThreadPoolExecutor(workers) as threads:
        futures: list[Future[Result]] = [threads.submit(work, job) for job in jobs]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            threads.shutdown(wait=True, cancel_futures=True)


def _colorize_file(
    job: Job,
    colorize: Callable[[Photo], Photo],
    format: str | None,
    quality: int | None,
    max_pixels: int,
) -> tuple[tuple[int, int] | None, tuple[str, ...]]:
    """Colorize every page of one file; return the last page's size and the writer's notes."""
    size: tuple[int, int] | None = None

    def pages() -> Iterator[Photo]:
        nonlocal size
        for photo in image.read_pages(job.source, max_pixels=max_pixels):
            size = photo.width, photo.height
            yield colorize(photo)

    try:
        job.target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ColorizeError(f"{job.target.parent}: can't make this folder: {reason}") from error
    notes = image.write(pages(), job.target, format=format, quality=quality)
    return size, tuple(notes)
