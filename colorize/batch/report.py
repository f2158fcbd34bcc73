"""Report a batch: counts, a log of failures, and a gallery."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from colorize.batch.jobs import Cause, Job, Result
from colorize.errors import ColorizeError, display_name, error_context
from colorize.io.storage import RemotePath, absolute_name
from colorize.viewing.gallery import TITLE, Gallery, relative_names

MAX_LINE = 1 << 20  # bytes of a line that are looked at
LOG_FIELDS = {"error", "input", "output"}  # of every line of a failure log


@dataclass
class Report:
    """Counts of the results of a batch.

    Attributes:
        photographs, in_color: those colorized, and how many of them were in color already.
        skipped_by, failed_by: numbers of skipped and failed jobs by their cause.
    """

    done: int = 0
    skipped: int = 0
    failed: int = 0
    photographs: int = 0
    in_color: int = 0
    skipped_by: Counter[Cause] = field(default_factory=Counter)
    failed_by: Counter[Cause] = field(default_factory=Counter)
    start: float = field(default_factory=time.monotonic)

    def add(self, result: Result) -> None:
        """Count a result."""
        if result.error is not None:
            self.failed += 1
            self.failed_by.update([result.cause] if result.cause else [])
        elif result.skipped is not None:
            self.skipped += 1
            self.skipped_by.update([result.cause] if result.cause else [])
        else:
            self.done += 1
            if result.job.sample in (None, 1) and not result.job.is_extra:
                self.photographs += 1
                self.in_color += result.in_color

    @property
    def total(self) -> int:
        """Number of results."""
        return self.done + self.skipped + self.failed

    @property
    def return_code(self) -> int:
        """0 if nothing failed, else 1."""
        return 1 if self.failed else 0

    @property
    def counts(self) -> str:
        """The numbers of results in words."""
        return f"{self.done} done, {self.skipped} skipped, {self.failed} failed"

    @property
    def summary(self) -> str:
        """One line with the counts, the time and the photographs done per second."""
        speed = f" ({self.done / self.seconds:.1f} per second)" if self.done else ""
        return f"{self.counts} in {self.seconds:.1f} s{speed}"

    @property
    def seconds(self) -> float:
        """Time since the start, more than 0."""
        return max(time.monotonic() - self.start, 1e-9)


@contextlib.contextmanager
def failure_log(path: Path | None) -> Iterator[Callable[[Result], None]]:
    """Open a failure log; yield a function that appends a failed result to it as a JSON line.

    The log of an earlier run is replaced; any other file raises ColorizeError. A log that cannot
    be written raises it at the end, since the photographs matter more. Without a path the function
    does nothing.
    """
    if path is None:
        yield lambda result: None
        return
    name = display_name(path)
    with error_context(name):
        _check_replaceable(path)
        file = path.open("wb", buffering=0)

    problem: ColorizeError | None = None

    def add(result: Result) -> None:
        nonlocal problem
        job = result.job
        names = {"input": absolute_name(job.source), "output": absolute_name(job.target)}
        line = json.dumps({"error": result.error, **names})  # ASCII, which holds any name
        try:
            with error_context(name):
                file.write(line.encode("ascii") + b"\n")
        except ColorizeError as error:
            problem = error

    with file:
        yield add
    if problem is not None:
        raise problem


def _check_replaceable(path: Path) -> None:
    """Raise ColorizeError rather than replace a file that is not a failure log."""
    if path.exists() and not path.is_file():  # opening a pipe would wait for its reader
        raise ColorizeError("is not a regular file; choose another one")
    if path.is_file():
        with path.open("rb") as file:
            first = file.readline(MAX_LINE)
        if first and not _is_log_line(first):
            raise ColorizeError("exists and is not a failure log; choose another file")


def _is_log_line(line: bytes) -> bool:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return (
        isinstance(values, dict)
        and values.keys() == LOG_FIELDS
        and all(isinstance(value, str) for value in values.values())
    )


@contextlib.contextmanager
def gallery(
    path: Path | None, jobs: Sequence[Job], title: str | None = None
) -> Iterator[Callable[[Result], None]]:
    """Open a gallery; yield a function that adds a result to it, in the order of the jobs.

    The page appears when the block ends without an exception, see `Gallery.create`; one that
    cannot be written raises ColorizeError only then, since the photographs matter more. Names on
    it are relative to the folder that contains all sources. Without a path the function does
    nothing.
    """
    if path is None:
        yield lambda result: None
        return
    names = dict(zip(jobs, relative_names([job.source for job in jobs]), strict=True))
    order = {job: index for index, job in enumerate(jobs)}
    early: dict[int, Result] = {}  # results that came before their turn: few, with thumbnails
    turn = 0
    problem: ColorizeError | None = None

    def add(result: Result) -> None:
        nonlocal turn, problem
        if problem is not None:
            return
        early[order[result.job]] = result
        try:
            while turn in early:
                _show(page, early.pop(turn), names)
                turn += 1
        except ColorizeError as error:
            problem = error
            early.clear()
            page.discard()

    with Gallery.create(path, title=title or TITLE) as page:
        yield add
        if problem is not None:
            raise problem
        for index in sorted(early):
            _show(page, early[index], names)


def _show(page: Gallery, result: Result, names: dict[Job, str]) -> None:
    if result.error is not None:
        page.add_problem(result.error)
    elif result.thumbnails is not None:
        job = result.job
        sample = job.sample
        note = "" if sample is None else f"sample {sample}"
        files: tuple[Path, ...] = (job.source, job.target)
        if any(isinstance(path, RemotePath) for path in files):
            files = ()
        page.add_thumbnails(names[job], result.thumbnails, note, files)
