"""Many files: find them, name their outputs, colorize each, and say how each one went.

One file's failure never stops the others. docs/batches.md says what happens when.
"""

from __future__ import annotations

import contextlib
import glob as globbing
import json
import os
import stat
import time
import unicodedata
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from threading import Event
from typing import cast

from colorize.errors import ColorizeError
from colorize.film_names import FilmResult, is_film_name, output_suffix
from colorize.images import image
from colorize.images.ahead import ReadAhead
from colorize.images.encode import FORMATS
from colorize.images.files import opened_source
from colorize.images.image import Photo, display_name
from colorize.manifest import Manifest
from colorize.remote_files import (
    RemotePath,
    StoreError,
    absolute,
    exists,
    expanded,
    is_file,
    is_folder,
    is_url,
    listed,
    place,
    readable,
    writable,
)
from colorize.view.compare import compare
from colorize.view.gallery import Gallery, Pictures, names_of

MARK = ".colorized"  # in the name of an output beside its input
WORKERS = min(8, max(2, os.cpu_count() or 1))  # photographs at a time, each in memory
REPORT_BEGINNING = b'{"error": '  # of every line of a report of failures
AHEAD = 2  # jobs a worker: one in work and one waiting, so that none is idle


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
    colour the target shows how sure the network is.
    """

    source: Path
    target: Path
    problem: str | None = None
    sample: int | None = None
    confidence: bool = False


Film = Callable[[Job, Callable[[], None]], FilmResult]  # writes a job's film in colour
Special = Callable[[Job, Photo], Photo]  # makes a job's sample or confidence map of a photograph


@dataclass(frozen=True)
class Options:
    """How to write, and what may happen to outputs that are there already.

    overwrite: replace them. skip_existing: leave them and count their jobs as skipped.
    manifest: what earlier runs have done; it is written where it can be. format, quality: see
    `image.write`. max_pixels: see `image.read`. reserved: files that are no output either.
    compare: write before and after in one picture, see `compare.compare`. pictures: results
    bring small pictures for a gallery, also of what is skipped since it is done.
    """

    overwrite: bool = False
    skip_existing: bool = False
    manifest: Manifest | None = None
    format: str | None = None
    quality: int | None = None
    max_pixels: int = image.MAX_PIXELS
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


@dataclass
class Report:
    """How a batch went, in numbers: results are not kept."""

    done: int = 0
    skipped: int = 0
    failed: int = 0
    start: float = field(default_factory=time.monotonic)

    def add(self, result: Result) -> None:
        """Count a result."""
        if result.error is not None:
            self.failed += 1
        elif result.skipped is not None:
            self.skipped += 1
        else:
            self.done += 1

    @property
    def total(self) -> int:
        """How many results there were."""
        return self.done + self.skipped + self.failed

    @property
    def return_code(self) -> int:
        """0 if nothing failed, else 1."""
        return 1 if self.failed else 0

    @property
    def summary(self) -> str:
        """One line: how many of each, the time, the photographs done per second."""
        seconds = time.monotonic() - self.start
        counts = f"{self.done} done, {self.skipped} skipped, {self.failed} failed"
        return f"{counts} in {seconds:.1f} s ({self.done / max(seconds, 1e-9):.1f} per second)"


@contextlib.contextmanager
def failure_report(path: Path | None) -> Iterator[Callable[[Result], None]]:
    """Give a function that appends a failed result to a file, as one JSON line with a reason.

    The report of an earlier run is replaced, any other file refused with ColorizeError. Without
    a path the function does nothing.
    """
    if path is None:
        yield lambda result: None
        return
    name = display_name(path)
    with _report_failures(name):
        _check_report(path, name)
        file = path.open("wb", buffering=0)

    def add(result: Result) -> None:
        with _report_failures(name):
            file.write(_report_line(result))

    with file:
        yield add


def _report_line(result: Result) -> bytes:
    """Return the result as JSON in ASCII, which holds any name, on one line."""
    job = result.job
    names = {"input": absolute(job.source), "output": absolute(job.target)}
    return json.dumps({"error": result.error, **names}).encode("ascii") + b"\n"


def _check_report(path: Path, name: str) -> None:
    """Refuse to replace a file that is no report, such as a photograph."""
    if path.is_file():
        with path.open("rb") as file:
            beginning = file.read(len(REPORT_BEGINNING))
        if beginning not in (b"", REPORT_BEGINNING):
            raise ColorizeError(f"{name}: exists and is no report of failures; name another file")


@contextlib.contextmanager
def _report_failures(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ColorizeError(f"{name}: can't write this report: {reason}") from error


@contextlib.contextmanager
def gallery(path: Path | None, jobs: Sequence[Job]) -> Iterator[Callable[[Result], None]]:
    """Give a function that shows a result on the page at `path`, in the order of the jobs.

    The page is there once the block is left without an exception, see `Gallery.writing`. Names
    on it are relative to the folder that all sources share. Without a path the function does
    nothing.
    """
    if path is None:
        yield lambda result: None
        return
    names = dict(zip(jobs, names_of([job.source for job in jobs]), strict=True))
    places = {job: place for place, job in enumerate(jobs)}
    early: dict[int, Result] = {}  # those that came before their turn: few, with small pictures
    turn = 0

    def add(result: Result) -> None:
        nonlocal turn
        early[places[result.job]] = result
        while turn in early:
            _show(page, early.pop(turn), names)
            turn += 1

    with Gallery.writing(path) as page:
        yield add
        for place in sorted(early):
            _show(page, early[place], names)


def _show(page: Gallery, result: Result, names: dict[Job, str]) -> None:
    if result.error is not None:
        page.add_problem(result.error)
    elif result.pictures is not None:
        sample = result.job.sample
        note = "" if sample is None else f"sample {sample}"
        page.add_pictures(names[result.job], result.pictures, note)


def find(
    inputs: Sequence[Path], pattern: str | None = None, output: Path | None = None
) -> list[Source]:
    """Return the files that `inputs` and `pattern` name, each folder in alphabetical order.

    A file is taken as it is; a folder stands for all photographs in it and its sub-folders,
    those that match `pattern` where one is given. A pattern alone (`inputs` empty) is expanded
    as by a shell, with `**` for any sub-folders. Hidden files are left out, and so is the folder
    `output` where it lies inside: it holds the results of earlier runs.

    Raises ColorizeError if there is nothing.
    """
    if not inputs:
        if pattern is None:
            raise ColorizeError("no input: name a file, a folder or a pattern")
        return _expand(pattern, output)
    sources: list[Source] = []
    for path in inputs:
        named = [Source(path, Path(path.name))]
        if isinstance(path, RemotePath):
            sources += _in_store(path, pattern, output) if is_folder(path) else named
            continue
        sources += _in_folder(path, pattern, output) if os.path.isdir(path) else named
    return sources


def _expand(pattern: str, output: Path | None) -> list[Source]:
    """Return the files of a shell pattern, relative to its part before the first wildcard."""
    if is_url(pattern):
        return _chosen(expanded(cast(RemotePath, place(pattern))), output, pattern)
    root = Path(pattern)
    while globbing.has_magic(str(root)) or not os.path.isdir(root):
        if root == root.parent:
            break
        root = root.parent
    left_out = _inside(output, root)
    found = [Path(name) for name in sorted(globbing.glob(pattern, recursive=True))]
    files = [
        path for path in found if not os.path.isdir(path) and left_out not in _real(path).parents
    ]
    if not files:
        raise ColorizeError(f"{display_name(pattern)}: no file matches")
    return [Source(path, path.relative_to(root)) for path in files]


def _in_store(folder: RemotePath, pattern: str | None, output: Path | None) -> list[Source]:
    """Return the photographs below a folder of an object store, as those of a disk."""
    found = listed(folder, pattern)
    if pattern is None:
        found = ((path, below) for path, below in found if image.is_photo_name(path))
    return _chosen(found, output, absolute(folder))


def _chosen(
    found: Iterable[tuple[RemotePath, Path]], output: Path | None, what: str
) -> list[Source]:
    """Return sources of an object store but for those below the output folder, if any."""
    sources = [Source(path, below) for path, below in found if output not in path.parents]
    if not sources:
        raise ColorizeError(f"{display_name(what)}: no photograph there, or none that matches")
    return sources


def _inside(output: Path | None, folder: Path) -> Path | None:
    """Return the real path of the output folder if it is below the folder, else None."""
    if output is None or _real(folder) not in _real(output).parents:
        return None
    return _real(output)


def _in_folder(folder: Path, pattern: str | None, output: Path | None) -> list[Source]:
    """Return the photographs below a folder, relative to it, and the sub-folders not readable."""
    matching = None if pattern is None else _matching(folder, pattern)
    problems: list[OSError] = []
    found = [
        path
        for path in _walk(folder, _inside(output, folder), problems)
        if (image.is_photo_name(path) if matching is None else path in matching)
    ]
    sources = [Source(path, path.relative_to(folder)) for path in found]
    sources += [_unreadable(error, folder) for error in problems]
    if not sources:
        what = f"no file matches {display_name(pattern)}" if pattern else "no photographs in it"
        raise ColorizeError(f"{display_name(folder)}: {what}")
    return sorted(sources, key=lambda source: source.path)


def _matching(folder: Path, pattern: str) -> set[Path]:
    try:
        return set(folder.rglob(pattern))
    except (ValueError, NotImplementedError) as error:
        raise ColorizeError(f"{display_name(pattern)}: {str(error).lower()}") from error


def _walk(folder: Path, left_out: Path | None, problems: list[OSError]) -> Iterator[Path]:
    """Yield the files below a folder that are not hidden; collect what can't be listed."""
    for root, folders, files in os.walk(folder, onerror=problems.append):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".")
            and (left_out is None or _real(Path(root, name)) != left_out)
        ]
        yield from (Path(root, name) for name in files if not name.startswith("."))


def _unreadable(error: OSError, folder: Path) -> Source:
    path = Path(error.filename)
    reason = f"can't list this folder: {(error.strerror or str(error)).lower()}"
    if path == folder:
        raise ColorizeError(f"{display_name(folder)}: {reason}") from error
    return Source(path, path.relative_to(folder), reason)


def plan(
    sources: Iterable[Source],
    output: Path | None,
    folder: bool,
    format: str | None = None,
    samples: int | None = None,
) -> list[Job]:
    """Return the job of each source.

    output: a file for the one source, or where `folder` is true a folder that gets each source
    under its relative path. None: beside each source, `photo.jpg` to `photo.colorized.jpg`;
    sources that are such results themselves are left out. The suffix stays, unless `format`
    (or a format that can't be written) asks for another. With `samples` there are so many jobs
    for each source, numbered: `photo-1.jpg` or `photo-1.colorized.jpg`.
    """
    jobs = [
        Job(source.path, _target(source, output, folder, format), source.problem)
        for source in sources
        if output is not None or not source.path.stem.endswith(MARK)
    ]
    if samples is not None:
        jobs = [_numbered(job, number) for job in jobs for number in range(1, samples + 1)]
    return list(dict.fromkeys(jobs))  # a file may be named twice, by itself and by its folder


def _numbered(job: Job, number: int) -> Job:
    stem = job.target.stem
    mark = MARK if stem.endswith(MARK) else ""
    target = job.target.with_name(f"{stem.removesuffix(mark)}-{number}{mark}{job.target.suffix}")
    films = "samples are for photographs, not for films" if is_film_name(job.source) else None
    return Job(job.source, target, job.problem or films, sample=number)


def plan_maps(sources: Iterable[Source], target: Path, folder: bool) -> list[Job]:
    """Return the jobs that write maps of confidence.

    target: a file for the one source, or where `folder` is true a folder that gets a PNG for
    each source under its relative path.
    """
    jobs = []
    for source in sources:
        path = target / source.relative.with_suffix(".png") if folder else target
        films = "confidence maps are for photographs, not for films"
        problem = source.problem or (films if is_film_name(source.path) else None)
        jobs.append(Job(source.path, path, problem, confidence=True))
    return list(dict.fromkeys(jobs))


def _target(source: Source, output: Path | None, folder: bool, format: str | None) -> Path:
    if output is None:
        return source.path.with_name(source.path.stem + MARK + _suffix(source.path, format))
    if not folder:
        return output
    target = output / source.relative
    return target.with_suffix(_suffix(target, format))


def _suffix(path: Path, format: str | None) -> str:
    """Return the suffix of an output for a source of this name."""
    if is_film_name(path):
        return output_suffix(path)
    if format is not None:
        return FORMATS[image.output_format(path, format)].suffixes[0]
    try:
        image.output_format(path)
    except ColorizeError:
        return ".png"
    return path.suffix


def refuse(jobs: Iterable[Job], reserved: Iterable[Path] = ()) -> dict[Job, str]:
    """Return the jobs that must not run whatever is asked for, and why: what they'd destroy.

    An output may be no input, not by way of links either, no output of another job, and none
    of `reserved`. Names that differ in case alone are one file where the file system says so.
    """
    jobs = list(jobs)
    inputs = {name for job in jobs for name in _names(job.source)}
    kept = {_real(path) for path in reserved}
    taken: dict[Path | str, Job] = {}
    reasons: dict[Job, str] = {}
    for job in jobs:
        target = _real(job.target)
        first = taken.get(target) or _alike(taken.get(_folded(target)), job)
        if job.problem is not None:
            reasons[job] = job.problem
        elif not inputs.isdisjoint(_names(job.target)):
            reasons[job] = "the output would replace an input; choose another name or folder"
        elif target in kept:
            reasons[job] = (
                "the output would replace the manifest, report or gallery; choose another name"
            )
        elif first is not None:
            there, whose = display_name(job.target), display_name(first.source)
            reasons[job] = f"{there} is already the output of {whose}; rename one of them"
        else:
            taken[target] = job
            taken.setdefault(_folded(target), job)
    return reasons


def _real(path: Path) -> Path:
    return path if isinstance(path, RemotePath) else Path(os.path.realpath(path))


def _names(path: Path) -> list[Path | tuple[int, int]]:
    """Return what a file is known by: its real path and, if it exists, its inode."""
    names: list[Path | tuple[int, int]] = [_real(path)]
    with contextlib.suppress(OSError):  # an object has no such name, and is no file of the disk
        status = os.stat(path)
        names.append((status.st_dev, status.st_ino))
    return names


def _folded(path: Path) -> str:
    return unicodedata.normalize("NFD", str(path)).casefold()


def _alike(first: Job | None, job: Job) -> Job | None:
    """Return the job whose output has the same name but for case, if they would be one file."""
    return first if first is not None and _ignores_case(job.target.parent) else None


def _ignores_case(folder: Path) -> bool:
    """Tell whether the file system of a folder, which need not exist, ignores case."""
    if isinstance(folder, RemotePath):
        return False
    folder = _real(folder)
    while not os.path.exists(folder) or folder.name.swapcase() == folder.name:
        if folder == folder.parent:
            return False
        folder = folder.parent
    swapped = folder.with_name(folder.name.swapcase())
    return os.path.exists(swapped) and swapped.samefile(folder)


def run(
    jobs: Sequence[Job],
    colorize: Callable[[Photo], Photo],
    options: Options | None = None,
    *,
    workers: int = WORKERS,
    fail_fast: bool = False,
    film: Film | None = None,
    special: Special | None = None,
    ahead: ReadAhead | None = None,
) -> Generator[Result, None, None]:
    """Colorize each job's source into its target and yield the results as they come.

    `colorize` is called from `workers` threads. The folders of targets are made, and temporary
    files that a killed run left there removed. Only the photographs in work are in memory.
    With `fail_fast` no job begins after one has failed. Closing the iterator gives up those in
    work as soon as their present step is over; no output is left half written. `film` does the
    jobs whose sources are films, and calls its second argument between frames; `special` does
    those that ask for a sample or a map of confidence. `ahead` has the pages of a source that is
    being read already.

    Raises ColorizeError if the manifest can't be written.
    """
    options = options or Options()
    work = Work(colorize, options, refuse(jobs, options.reserved), film, special, ahead)
    tidy(jobs)
    waiting = iter(jobs)
    running: set[Future[Result]] = set()
    with ThreadPoolExecutor(workers) as threads:
        try:
            while True:
                for job in islice(waiting, workers * AHEAD - len(running)):
                    running.add(threads.submit(work, job))
                if not running:
                    return
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for result in (future.result() for future in finished):
                    if fail_fast and result.error is not None:
                        waiting = iter(())
                        running = {future for future in running if not future.cancel()}
                    yield result
        finally:
            work.stop.set()
            threads.shutdown(wait=True, cancel_futures=True)


def preview(jobs: Sequence[Job], options: Options) -> Iterator[Result]:
    """Yield what `run` would do with each job, touching nothing: without error or skip, colorize.

    Inputs are opened, but not decoded.
    """
    reasons = refuse(jobs, options.reserved)
    for job in jobs:
        try:
            reason = _check(job, reasons, options)
            if reason is None:
                _check_readable(job.source)
            yield Result(job, 0, skipped=reason)
        except ColorizeError as error:
            yield Result(job, 0, str(error))


def _check_readable(source: Path) -> None:
    name = display_name(source)
    if not isinstance(source, RemotePath):
        with opened_source(source, name):
            return
    if not is_file(source):
        raise ColorizeError(f"{name}: no such object")


def tidy(jobs: Iterable[Job]) -> None:
    """Remove temporary files that a killed run left where the outputs of the jobs belong."""
    for folder in {job.target.parent for job in jobs if not isinstance(job.target, RemotePath)}:
        with contextlib.suppress(OSError):  # whether it can be written to shows later
            image.remove_leftovers(folder)


def _check(job: Job, reasons: dict[Job, str], options: Options) -> str | None:
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
        ahead: ReadAhead | None = None,
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
        except StoreError as error:  # the manifest asks for sizes and times of objects too
            return Result(job, time.monotonic() - start, str(error))

    def settled(self, job: Job) -> Result | None:
        """Return how a job went that can be skipped or must not be done, None for the others."""
        start = time.monotonic()
        try:
            reason = _check(job, self.reasons, self.options)
        except Exception as error:
            return Result(job, time.monotonic() - start, failure_line(job, error))
        if reason is None:
            return None
        pictures, notes = self._pictures_of_files(job)
        seconds = time.monotonic() - start
        return Result(job, seconds, skipped=reason, notes=notes, pictures=pictures)

    def _pictures_of_files(self, job: Job) -> tuple[Pictures | None, tuple[str, ...]]:
        """Return small pictures of input and output as they lie there, or why there are none."""
        none_wanted = not self.options.pictures or job.confidence or is_film_name(job.source)
        if none_wanted or self.stop.is_set():
            return None, ()
        try:
            before, after = (self._read(path) for path in (job.source, job.target))
            return Pictures.of(before, after), ()
        except Exception as error:
            return None, (f"not in the gallery: {failure_line(job, error)}",)

    def _read(self, path: Path) -> Photo:
        with readable(path) as source:
            return image.read(source, max_pixels=self.options.max_pixels)

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
        if self.film is not None and is_film_name(job.source):
            return self._colorize_film(self.film, job, notes)
        if job.confidence:
            return self._map_file(job)
        options = self.options
        size: tuple[int, int] | None = None

        def pages() -> Iterator[Photo]:
            nonlocal size
            for photo in self._pages(job, source):
                size = photo.width, photo.height
                self._go_on()
                coloured = self._coloured(job, photo)
                self._go_on()
                if options.pictures and not shown:
                    shown.append(Pictures.of(photo, coloured))
                if options.compare is not None:
                    coloured = compare(photo, coloured, options.compare)
                _make_folder(job.target.parent)
                yield coloured

        self._go_on()
        with readable(job.source) as source, writable(job.target) as target:
            notes += image.write(
                pages(), target, format=_format(job.target, options), quality=options.quality
            )
        return size

    def _pages(self, job: Job, source: image.PathOrStream) -> Iterator[Photo]:
        if self.ahead is not None and self.ahead.source == job.source:
            return self.ahead.pages()
        return image.read_pages(source, max_pixels=self.options.max_pixels)

    def _coloured(self, job: Job, photo: Photo) -> Photo:
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
            image.write(shown, target, format=_format(job.target, Options()))
        return shown.width, shown.height

    def _colorize_film(self, film: Film, job: Job, notes: list[str]) -> tuple[int, int]:
        self._go_on()
        if isinstance(job.source, RemotePath) or isinstance(job.target, RemotePath):
            raise ColorizeError(f"{display_name(job.source)}: films need files on a disk; copy it")
        _make_folder(job.target.parent)
        result = film(job, self._go_on)
        notes += result.notes
        if self.options.compare is not None:
            notes.append("a film is not compared: it is in colour alone")
        return result.size

    def _go_on(self) -> None:
        if self.stop.is_set():
            raise _Stopped


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
        return image.output_format(target, options.format)
    return options.format


def _make_folder(folder: Path) -> None:
    if isinstance(folder, RemotePath):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ColorizeError(f"{display_name(folder)}: can't make this folder: {reason}") from error
