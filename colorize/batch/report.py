"""How a batch went: in numbers, as a list of failures, as a page of pictures."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from colorize.batch.jobs import Job, Result
from colorize.errors import ColorizeError, display_name
from colorize.io.storage import absolute
from colorize.viewing.gallery import Gallery, names_of

REPORT_BEGINNING = b'{"error": '  # of every line of a report of failures


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
