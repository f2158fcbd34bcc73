"""What a batch prints: a line for each failure, a bar or a line a minute, events, and a summary."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from colorize.batch import Job, Report, Result, describe_left_out
from colorize.cli.events import Events
from colorize.cli.messages import FAILED, ProgressBar, log_line, progress_bar, result_lines
from colorize.cli.summary import Notes, closing_lines, counted, duration
from colorize.errors import one_line

MAX_FAILURES = 100  # that are printed
PLAIN_INTERVAL = 60.0  # seconds between the lines of --progress plain


class PlainProgress:
    """A line a minute, for logs."""

    def __init__(self, shown: bool):
        """Begin; nothing is printed unless `shown`."""
        self._shown = shown
        self._next = time.monotonic() + PLAIN_INTERVAL

    def update(self, line: Callable[[], str]) -> None:
        """Print the line if the last one was a minute ago."""
        now = time.monotonic()
        if self._shown and now >= self._next:
            self._next = now + PLAIN_INTERVAL
            log_line(line())


NO_PROGRESS = PlainProgress(False)


class Display:
    """Reports the results of a batch."""

    def __init__(self, jobs: int, several: bool, bar: ProgressBar, args: argparse.Namespace):
        """Begin; see `displayed`.

        Args:
            jobs: their number.
            several: whether they have several inputs, which are counted rather than described.
            bar: of the progress.
            args: of the command.
        """
        self.report = Report()
        self.notes = Notes()
        self.events = Events(args.json)
        self.plain = PlainProgress(args.progress == "plain" and not args.quiet)
        self.stopped: str | None = None  # why nothing more can be written
        self._jobs = jobs
        self._several = several
        self._bar = bar
        self._quiet = args.quiet

    @property
    def status(self) -> int:
        """The exit status."""
        return FAILED if self.stopped is not None else self.report.return_code

    @property
    def left(self) -> int:
        """Number of jobs without a result."""
        return self._jobs - self.report.total

    def add(self, result: Result) -> None:
        """Count and show a result."""
        if result.cause == "disk full":
            self.stopped = self.stopped or result.error
            return
        self.report.add(result)
        self.events.result(result)
        self.notes.add(result)
        for line in self._lines(result):
            log_line(line)
        self._bar.update()
        self.plain.update(self._progress)

    def _lines(self, result: Result) -> list[str]:
        """Return the lines to print for a result; what may be true of all files is only counted."""
        if self._several and result.cause in ("output exists", "output older", "other settings"):
            return []
        if result.error is not None and self.report.failed > MAX_FAILURES:
            more = "further failures are only counted; --failure-log FILE lists all of them"
            return [more] if self.report.failed == MAX_FAILURES + 1 else []
        return result_lines(result, self._several, self._quiet)

    def _progress(self) -> str:
        """Return how far the batch is, on one line."""
        report = self.report
        speed = report.done / report.seconds
        failed = f", {report.failed} failed" if report.failed else ""
        left = f", {duration(self.left / speed)} left" if speed else ""
        done = f"{report.total:,} of {counted(self._jobs, 'photograph')}"
        return f"{done}{failed}, {speed:.1f} per second{left}"


@contextmanager
def displayed(
    jobs: Sequence[Job], left_out: Counter[str], args: argparse.Namespace
) -> Iterator[Display]:
    """Yield what shows the results of a batch; print what they add up to, however it ends.

    Args:
        jobs: all jobs of the batch.
        left_out: files of its folders in other formats, by suffix.
        args: of the command.
    """
    several = len({job.source for job in jobs}) > 1
    hidden = args.quiet or not several or args.progress != "auto" or not sys.stderr.isatty()
    error: str | None = None
    try:
        with progress_bar(hidden, total=len(jobs), unit="photo") as bar:
            display = Display(len(jobs), several, bar, args)
            display.events.start(len(jobs))
            yield display
    except BaseException as exception:
        error = one_line(exception)
        raise
    finally:
        display.events.end(display.report, display.left, display.stopped or error)
        if display.stopped is not None:
            counts = f"{display.report.counts}, {display.left} left"
            log_line(f"{display.stopped}: {counts}; make room and run the same command again")
        elif not args.quiet:
            others = [describe_left_out(left_out)] if left_out else []
            report, left = display.report, display.left
            if several:
                others = closing_lines(report, left, display.notes, others, args.skip_color)
            for line in others:
                log_line(line)
