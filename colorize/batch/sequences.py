"""Run the jobs of image sequences: the frames of each folder in order, resumed if interrupted."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from colorize.batch.conflicts import find_conflicts
from colorize.batch.jobs import Job, Result, WriteOptions
from colorize.batch.runner import clean_up
from colorize.batch.worker import BatchWorker, JobWorker
from colorize.errors import display_name
from colorize.video.formats import is_video
from colorize.video.unfinished import unfinished_folder

if TYPE_CHECKING:
    from colorize.video.temporal import VideoColorizer


class _Stopped(Exception):
    """A sequence that is not done, and for which the folder of unfinished work is kept."""


def run_sequences(
    jobs: Sequence[Job],
    make_colorizer: Callable[[], VideoColorizer],
    options: WriteOptions,
    settings: Mapping[str, object],
    *,
    fail_fast: bool = False,
) -> Generator[Result, None, None]:
    """Colorize the frames of image sequences, one per folder, in the order of their numbers.

    One frame is colorized at a time, since each needs the one before. A frame that fails is left
    out; a full disk ends the batch. After an interruption, the same call goes on with the first
    frame that is not done.

    Args:
        jobs: one for each frame.
        make_colorizer: returns what colorizes the frames of one sequence.
        options: how to write.
        settings: all that outputs depend on besides the inputs, as JSON values.
        fail_fast: start no frame after one has failed.
    """
    rejected = find_conflicts(jobs, options.reserved)
    for job in jobs:
        if is_video(job.source):
            rejected.setdefault(job, "is a video, not a frame: leave out --image-sequence")
    for job, reason in rejected.items():
        yield Result(job, 0, f"{display_name(job.source)}: {reason}")
        if fail_fast:
            return
    clean_up(jobs)
    accepted = [job for job in jobs if job not in rejected]
    for frames in group_frames(accepted):
        try:
            with _unfinished_folder(frames, settings) as folder:
                for result in _run_sequence(frames, make_colorizer(), options, folder):
                    yield result
                    if result.cause == "disk full" or (fail_fast and result.error is not None):
                        raise _Stopped
        except _Stopped:
            return


def group_frames(jobs: Sequence[Job]) -> list[list[Job]]:
    """Return the jobs by folder of their sources, in the order of the numbers in the names."""

    def order(job: Job) -> tuple[Path, list[tuple[int, str]]]:
        parts = re.findall(r"\d+|\D+", job.source.name)  # frame_9 is before frame_10
        numbers = [(int(part), part) if part.isdecimal() else (-1, part) for part in parts]
        return job.source.parent, numbers

    folders = groupby(sorted(jobs, key=order), key=lambda job: job.source.parent)
    return [list(frames) for _, frames in folders]


def _unfinished_folder(
    frames: Sequence[Job], settings: Mapping[str, object]
) -> AbstractContextManager[Path]:
    folder = frames[0].target.parent.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    inputs = []
    for job in frames:
        status = os.stat(job.source)
        inputs.append((str(job.source), str(job.target), status.st_size, status.st_mtime_ns))
    return unfinished_folder(folder, {**settings, "frames": inputs})


def _run_sequence(
    frames: Sequence[Job], colorize: VideoColorizer, options: WriteOptions, folder: Path
) -> Generator[Result, None, None]:
    """Yield the results of the frames of one sequence.

    Args:
        frames: in order.
        colorize: of this sequence.
        options: how to write.
        folder: for the record of what is done.
    """
    from colorize.video.record import SequenceRecord  # it needs OpenCV

    record = SequenceRecord(folder)
    done = record.done
    colorize.state = record.state
    worker = JobWorker(colorize, dataclasses.replace(options, existing="replace"))
    run_job = BatchWorker(worker)
    with ThreadPoolExecutor(1) as thread:
        try:
            for number, job in enumerate(frames):
                if number < done:
                    failure = record.failures.get(number)
                    name = display_name(job.target)
                    skipped = None if failure else f"{name} was done before the interruption"
                    yield Result(job, 0, failure, skipped)
                    continue
                # the run that was interrupted may have written the next frame, not yet recorded
                own = record.resumed and number == done
                if options.existing == "replace" or own or not os.path.lexists(job.target):
                    result = thread.submit(run_job, job).result()
                else:
                    exists = f"{display_name(job.target)} exists; --overwrite replaces it"
                    message = f"{display_name(job.source)}: {exists}"
                    result = Result(job, 0, message, cause="output exists")
                if result.cause != "disk full":
                    record.add(result.error, colorize.state)
                yield result
        finally:
            worker.cancelled.set()
