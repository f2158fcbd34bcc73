"""Frames of a film in files, `frame_000001.png` and so on: one folder is one film."""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Sequence
from contextlib import closing
from itertools import groupby
from pathlib import Path

from colorize import batch
from colorize.errors import ColorizeError, display_name
from colorize.pipeline import Colorizer
from colorize.video.formats import is_video_name
from colorize.video.temporal import VideoColorizer


def run(
    jobs: Sequence[batch.Job],
    colorizer: Colorizer,
    options: batch.Options,
    *,
    fail_fast: bool = False,
) -> Generator[batch.Result, None, None]:
    """Colorize frames in the order of their numbers, each folder's as one film.

    See `batch.run`; one frame is in work at a time, since each needs the one before. A frame
    that fails is left out of its film.

    Raises ColorizeError for settings with which a film would pulsate.
    """
    if colorizer.autocontrast:
        raise ColorizeError("--autocontrast would make the film pulsate; leave it out")
    refused = batch.refuse(jobs, options.reserved) | _no_frames(jobs, options)
    for job, reason in refused.items():
        yield batch.Result(job, 0, f"{display_name(job.source)}: {reason}")
        if fail_fast:
            return
    ordered = sorted((job for job in jobs if job not in refused), key=_place)
    for _, frames in groupby(ordered, key=lambda job: job.source.parent):
        film = VideoColorizer(colorizer)
        results = batch.run(list(frames), film, options, workers=1, fail_fast=fail_fast)
        with closing(results):
            for result in results:
                yield result
                failed = result.error is not None
                if failed and fail_fast:
                    return


def _no_frames(jobs: Sequence[batch.Job], options: batch.Options) -> dict[batch.Job, str]:
    """Return the jobs that are films themselves or are done already, each with the reason."""
    reasons: dict[batch.Job, str] = {}
    for job in jobs:
        if is_video_name(job.source):
            reasons[job] = "is a film, not a frame of one: leave out --image-sequence"
        elif not options.overwrite and os.path.lexists(job.target):
            reasons[job] = f"{display_name(job.target)} exists; --overwrite replaces it"
    return reasons


def _place(job: batch.Job) -> tuple[Path, list[tuple[int, str]]]:
    """Return what sorts frames by folder and by the numbers in their names: 9 before 10."""
    parts = re.findall(r"\d+|\D+", job.source.name)
    return job.source.parent, [(int(p), p) if p.isdecimal() else (-1, p) for p in parts]
