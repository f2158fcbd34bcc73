"""Run the jobs on the machines of a Ray cluster, see `colorize.batch.ray`."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import os
from collections.abc import Generator
from pathlib import Path

from colorize.batch import Job, JobWorker, Result, WriteOptions
from colorize.batch import ray as cluster
from colorize.cli.settings import make_colorizer, make_options, make_renderer, output_fingerprint
from colorize.errors import ColorizeError
from colorize.io.storage import absolute_name, is_url, parse_path
from colorize.runtime.threads import available_cpus
from colorize.video.formats import is_video


def cluster_results(
    jobs: list[Job], options: WriteOptions, args: argparse.Namespace
) -> Generator[Result, None, None]:
    """Return the results of a cluster as they arrive."""
    gpus = args.gpu or (args.device or "cpu").startswith("cuda")
    work = functools.partial(make_work, _for_other_machines(args), output_fingerprint(args))
    return cluster.run(jobs, work, options, address=args.ray, gpus=gpus, fail_fast=args.fail_fast)


def for_cluster(job: Job) -> Job:
    """Return a job with absolute names, as other machines need them; videos are rejected."""
    hints = job.hints and dataclasses.replace(job.hints, path=Path(absolute_name(job.hints.path)))
    rejection = "videos are colorized on one machine: leave out --ray"
    return dataclasses.replace(
        job,
        source=parse_path(absolute_name(job.source)),
        target=parse_path(absolute_name(job.target)),
        hints=hints,
        rejection=job.rejection or (rejection if is_video(job.source) else None),
    )


def _for_other_machines(args: argparse.Namespace) -> argparse.Namespace:
    """Return the arguments with absolute names of the files that they name."""
    files = {name: getattr(args, name) for name in ("weights", "hints", "reference")}
    absolute = {
        name: os.path.abspath(file) if file and not is_url(file) else file
        for name, file in files.items()
    }
    return argparse.Namespace(**{**vars(args), **absolute, "quiet": True})


def make_work(args: argparse.Namespace, settings: dict[str, object]) -> JobWorker:
    """Return the worker of one CPU or GPU, on a machine of the cluster.

    Raises ColorizeError where `settings`, the fingerprint on the machine of the command, differs,
    such as in the hash of the weights.
    """
    local = output_fingerprint(args)
    if differing := [n for n in local | settings if local.get(n) != settings.get(n)]:
        raise ColorizeError(
            f"{' and '.join(differing)} differ from the machine where the command runs: copy the "
            "files, or install the same version"
        )
    colorizer = make_colorizer(args)
    colorizer.set_concurrency(available_cpus())
    render = make_renderer(colorizer)
    return JobWorker(colorizer, make_options(args, None), render=render)
