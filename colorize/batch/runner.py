"""Doing all jobs, several at a time; saying beforehand what would be done."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from pathlib import Path

from colorize.batch.conflicts import refuse
from colorize.batch.jobs import Film, Job, Options, Result, Special
from colorize.batch.worker import Work, check
from colorize.errors import ColorizeError, display_name
from colorize.io.atomic import remove_stale_temp_files
from colorize.io.photo import Photo
from colorize.io.prefetch import PhotoPrefetcher
from colorize.io.source import open_source
from colorize.io.storage import RemotePath, is_file

WORKERS = min(8, max(2, os.cpu_count() or 1))  # photographs at a time, each in memory
AHEAD = 2  # jobs a worker: one in work and one waiting, so that none is idle


def run(
    jobs: Sequence[Job],
    colorize: Callable[[Photo], Photo],
    options: Options | None = None,
    *,
    workers: int = WORKERS,
    fail_fast: bool = False,
    film: Film | None = None,
    special: Special | None = None,
    ahead: PhotoPrefetcher | None = None,
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
            reason = check(job, reasons, options)
            if reason is None:
                _check_readable(job.source)
            yield Result(job, 0, skipped=reason)
        except ColorizeError as error:
            yield Result(job, 0, str(error))


def _check_readable(source: Path) -> None:
    name = display_name(source)
    if not isinstance(source, RemotePath):
        with open_source(source):
            return
    if not is_file(source):
        raise ColorizeError(f"{name}: no such object")


def tidy(jobs: Iterable[Job]) -> None:
    """Remove temporary files that a killed run left where the outputs of the jobs belong."""
    for folder in {job.target.parent for job in jobs if not isinstance(job.target, RemotePath)}:
        with contextlib.suppress(OSError):  # whether it can be written to shows later
            remove_stale_temp_files(folder)
