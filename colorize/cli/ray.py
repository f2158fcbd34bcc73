"""The same on the machines of a Ray cluster, see `colorize.batch.ray`."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import os
from collections.abc import Generator

from colorize.batch import Job, JobWorker, Result, WriteOptions
from colorize.batch import ray as cluster
from colorize.cli.settings import make_colorizer, make_options, make_renderer, output_fingerprint
from colorize.errors import ColorizeError
from colorize.io.storage import absolute_name, parse_path
from colorize.runtime.threads import available_cpus
from colorize.video.formats import is_video_name


def cluster_results(
    jobs: list[Job], options: WriteOptions, args: argparse.Namespace
) -> Generator[Result, None, None]:
    """Return the results of a cluster as they come."""
    gpus = args.gpu or (args.device or "cpu").startswith("cuda")
    work = functools.partial(make_work, _for_other_machines(args), output_fingerprint(args))
    return cluster.run(
        jobs, work, options, address=args.ray, gpus=gpus, fail_fast=args.fail_fast
    )  # fmt: skip


def for_cluster(job: Job) -> Job:
    """Return a job with absolute names, as other machines need them; videos stay here."""
    rejection = "videos are colorized on one machine: leave out --ray"
    return dataclasses.replace(
        job,
        source=parse_path(absolute_name(job.source)),
        target=parse_path(absolute_name(job.target)),
        rejection=job.rejection or (rejection if is_video_name(job.source) else None),
    )


def _for_other_machines(args: argparse.Namespace) -> argparse.Namespace:
    names = {name: getattr(args, name) for name in ("weights", "hints", "reference")}
    full = {name: value and os.path.abspath(value) for name, value in names.items()}
    return argparse.Namespace(**{**vars(args), **full, "quiet": True})


def make_work(args: argparse.Namespace, settings: dict[str, object]) -> JobWorker:
    """Return, on a machine of a cluster, what does the jobs; one core is its own.

    Raises ColorizeError where the settings, such as the hash of the weights, are not the same.
    """
    there = output_fingerprint(args)
    if other := [name for name in there | settings if there.get(name) != settings.get(name)]:
        raise ColorizeError(
            f"other {' and '.join(other)} than where the command runs: copy the files, or install "
            "the same version"
        )
    colorizer = make_colorizer(args)
    colorizer.set_concurrency(available_cpus())
    render = make_renderer(colorizer)
    return JobWorker(colorizer, make_options(args, None), render=render)
