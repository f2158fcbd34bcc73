"""Run the jobs, several at a time, or report what would be done."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from pathlib import Path

from colorize.batch.conflicts import find_conflicts
from colorize.batch.jobs import Job, RenderFn, Result, VideoColorizerFn, WriteOptions
from colorize.batch.precheck import check
from colorize.batch.worker import A_RESULT, BatchWorker, JobWorker
from colorize.errors import ColorizeError, display_name
from colorize.io.atomic import remove_stale_temp_files
from colorize.io.photo import Photo
from colorize.io.prefetch import PhotoPrefetcher
from colorize.io.source import open_source
from colorize.io.storage import RemotePath, is_file
from colorize.runtime.threads import available_cpus
from colorize.video.formats import is_video
from colorize.video.unfinished import remove_finished

# Threads, each with a photograph in memory. A second one reads and writes while one colorizes.
DEFAULT_WORKERS = min(8, max(2, available_cpus()))
JOBS_PER_WORKER = 2  # one running and one queued, so that no worker waits


def run(
    jobs: Sequence[Job],
    colorize: Callable[[Photo], Photo],
    options: WriteOptions | None = None,
    *,
    workers: int = DEFAULT_WORKERS,
    fail_fast: bool = False,
    colorize_video: VideoColorizerFn | None = None,
    render: RenderFn | None = None,
    prefetcher: PhotoPrefetcher | None = None,
) -> Generator[Result, None, None]:
    """Colorize each job's source into its target and yield the results as they come.

    A full disk ends the batch: no job is started after a result with the cause "disk full".

    Folders of targets are made, and temporary files of killed runs removed from them. Closing the
    generator cancels running jobs at their next step; no output is left half-written.

    Args:
        jobs: the jobs to run.
        colorize: called from `workers` threads.
        options: how to write.
        workers: number of threads; only the photographs they work on are in memory.
        fail_fast: start no job after one has failed.
        colorize_video: runs the jobs whose sources are videos.
        render: runs the jobs that ask for a sample, a map or a layer, or have hints.
        prefetcher: the pages of a source that is already being read.

    Raises:
        ColorizeError: the manifest can't be written.
    """
    options = options or WriteOptions()
    rejected = find_conflicts(jobs, options.reserved)
    worker = JobWorker(colorize, options, colorize_video, render, prefetcher)
    run_job = BatchWorker(worker, rejected)
    clean_up(jobs)
    waiting = iter(jobs)
    running: set[Future[Result]] = set()
    with ThreadPoolExecutor(workers) as threads:
        try:
            while True:
                for job in islice(waiting, workers * JOBS_PER_WORKER - len(running)):
                    running.add(threads.submit(run_job, job))
                if not running:
                    return
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for result in (future.result() for future in finished):
                    if result.cause == "disk full" or (fail_fast and result.error is not None):
                        waiting = iter(())
                        running = {future for future in running if not future.cancel()}
                    yield result
        finally:
            worker.cancelled.set()
            threads.shutdown(wait=True, cancel_futures=True)


def dry_run(jobs: Sequence[Job], options: WriteOptions) -> Iterator[Result]:
    """Yield what `run` would do with each job, without changing anything.

    A result with neither an error nor a reason to skip would be colorized. Inputs are opened but
    not decoded.
    """
    rejected = find_conflicts(jobs, options.reserved)
    for job in jobs:
        try:
            result = check(job, rejected, options)
            if result is None:
                _check_readable(job.source)
                if options.skip_results and _is_result(job.source):
                    result = Result(job, 0, skipped=A_RESULT, cause="a result")
            yield result or Result(job, 0)
        except ColorizeError as error:
            yield Result(job, 0, str(error))


def _check_readable(source: Path) -> None:
    name = display_name(source)
    if not isinstance(source, RemotePath):
        with open_source(source):
            return
    if not is_file(source):
        raise ColorizeError(f"{name}: no such object")


def _is_result(source: Path) -> bool:
    """Return whether the metadata of a photograph say that this program made it.

    Those of objects in a store, which would have to be read as a whole, are not looked at.
    """
    if isinstance(source, RemotePath) or is_video(source):
        return False
    from colorize.io.info import read_info  # here, not above: it brings a parser

    try:
        return read_info(source).origin.is_colorized
    except ColorizeError:  # of a format that has no metadata, or damaged: seen when it is decoded
        return False


def clean_up(jobs: Iterable[Job]) -> None:
    """Remove temporary files that a killed run left in the output folders of the jobs."""
    for folder in {job.target.parent for job in jobs if not isinstance(job.target, RemotePath)}:
        with contextlib.suppress(OSError):  # writing the outputs reports a bad folder
            remove_stale_temp_files(folder)
            remove_finished(folder)
