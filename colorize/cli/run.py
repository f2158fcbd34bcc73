"""Colorize files: one photograph or many, videos, samples and confidence maps."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import os
import sys
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from colorize import batch
from colorize.batch import Job, Result, VideoColorizerFn, WriteOptions
from colorize.cli.argument_checks import LOGS
from colorize.cli.display import NO_PROGRESS, PlainProgress, displayed
from colorize.cli.events import Events
from colorize.cli.messages import describe_plan, log_line, print_line, printable, progress_bar
from colorize.cli.plan import Plan, make_plan
from colorize.cli.settings import (
    make_colorizer,
    make_options,
    make_renderer,
    open_manifest,
    read_manifest,
    video_comment,
    video_settings,
)
from colorize.cli.signals import interrupts
from colorize.cli.summary import describe_space
from colorize.cli.writing import WritingNotice
from colorize.command_parser import from_arguments
from colorize.errors import ColorizeError, display_name, is_disk_full
from colorize.io.prefetch import PhotoPrefetcher
from colorize.io.readers import MAX_PAGES, MAX_PIXELS
from colorize.io.storage import RemotePath
from colorize.options import ColorizeOptions, VideoOptions
from colorize.runtime.threads import available_cpus
from colorize.video.formats import VideoResult, is_video, require_video_extra
from colorize.video.unfinished import unfinished_folders

if TYPE_CHECKING:
    from colorize.pipeline import Colorizer


def colorize_files(args: argparse.Namespace) -> int:
    """Colorize the files that the arguments name, and return the exit status."""
    plan = make_plan(args)
    if args.dry_run:
        return _dry_run(plan, make_options(args, read_manifest(args)), args)
    make_log_folders(args)
    if args.ray:
        with open_manifest(args) as manifest:
            return _run(plan, None, make_options(args, manifest), args)
    with _prefetch(plan.jobs, args) as prefetcher:
        colorizer = make_colorizer(args, single=len(plan.jobs) == 1)
        with open_manifest(args) as manifest:
            return _run(plan, colorizer, make_options(args, manifest), args, prefetcher)


def make_log_folders(args: argparse.Namespace) -> None:
    """Make the folders of manifest, failure log and gallery that are in the output folder.

    Raises ColorizeError for others that are missing.
    """
    for name in filter(None, (getattr(args, name) for name in LOGS)):
        folder = Path(os.path.abspath(name)).parent
        if args.output and os.path.abspath(args.output) in map(str, (folder, *folder.parents)):
            batch.make_folder(folder)
        elif not folder.exists():
            raise ColorizeError(f"{display_name(name)}: no such folder", "make it first")


def _prefetch(
    jobs: list[Job], args: argparse.Namespace
) -> AbstractContextManager[PhotoPrefetcher | None]:
    """Return a reader that reads a single photograph while the network loads."""
    from colorize.steps import prefetch_sizes

    source = jobs[0].source
    if len(jobs) > 1 or isinstance(source, RemotePath) or is_video(source):
        return nullcontext()
    sizes = prefetch_sizes(from_arguments(ColorizeOptions, args))
    return PhotoPrefetcher(
        source,
        max_pixels=args.max_pixels or MAX_PIXELS,
        max_pages=args.max_pages or MAX_PAGES,
        allow_damaged=args.allow_damaged,
        thumbnails=sizes,
    )


def _dry_run(plan: Plan, options: WriteOptions, args: argparse.Namespace) -> int:
    """Print what would be done, and on standard error what would fail; return the status."""
    report, events = batch.Report(), Events(args.json)
    events.start(len(plan.jobs))
    needed = 0
    for result in batch.dry_run(plan.jobs, options):
        report.add(result)
        events.result(result, planned=True)
        if result.error is not None:
            log_line(result.error)
        elif result.skipped is None:
            needed += batch.estimated_bytes(result.job, args.format)
        if result.error is None and result.skipped is None and not (args.quiet or args.json):
            print_line(printable(describe_plan(result), sys.stdout))
    events.end(report, 0)
    if not args.quiet:
        if plan.left_out:
            log_line(batch.describe_left_out(plan.left_out))
        counts = f"{report.skipped} to skip, {report.failed} would fail"
        space = describe_space(needed, batch.free_bytes(plan.jobs[0].target.parent))
        log_line(f"dry run: {report.done} to do, {counts}{space}; nothing was changed")
    return report.return_code


def _run(
    plan: Plan,
    colorizer: Colorizer | None,
    options: WriteOptions,
    args: argparse.Namespace,
    prefetcher: PhotoPrefetcher | None = None,
) -> int:
    """Run the jobs, show their results, and return the exit status."""
    with (
        batch.failure_log(args.failure_log and Path(args.failure_log)) as add_failure,
        batch.gallery(args.gallery and Path(args.gallery), plan.jobs, args.gallery_title) as show,
        displayed(plan.jobs, plan.left_out, args) as display,
        WritingNotice(hidden=args.quiet or len(plan.jobs) > 1) as writing,
    ):
        if colorizer is None:
            from colorize.cli.ray import cluster_results

            run = cluster_results(plan.jobs, options, args)
        else:
            options = dataclasses.replace(options, on_write=writing.start)
            run = run_jobs(plan.jobs, colorizer, options, args, display.plain, prefetcher)
        try:
            with closing(run) as results:
                for result in results:
                    writing.stop()
                    interrupts.check()
                    display.add(result)
                    show(result)
                    if result.error is not None:
                        add_failure(result)
        except ColorizeError as error:  # the manifest cannot be written
            if not is_disk_full(error):
                raise
            display.stopped = str(error)
    if args.gallery and not args.quiet:
        log_line(f"gallery: {display_name(Path(args.gallery).absolute())}")
    return display.status


def run_jobs(
    jobs: list[Job],
    colorizer: Colorizer,
    options: WriteOptions,
    args: argparse.Namespace,
    plain: PlainProgress = NO_PROGRESS,
    prefetcher: PhotoPrefetcher | None = None,
) -> Generator[Result, None, None]:
    """Return the results as they arrive: of photographs and videos, or of frames."""
    if args.image_sequence:
        require_video_extra()
        from colorize.video.temporal import VideoColorizer

        make_video_colorizer = functools.partial(VideoColorizer, colorizer)
        settings = video_settings(args, colorizer)
        return batch.run_sequences(
            jobs, make_video_colorizer, options, settings, fail_fast=args.fail_fast
        )
    videos = any(is_video(job.source) for job in jobs)  # one at a time: each uses all cores
    if len(jobs) > 1 and not videos:
        colorizer.set_concurrency(batch.DEFAULT_WORKERS)
    return batch.run(
        jobs, colorizer, options, workers=1 if videos else batch.DEFAULT_WORKERS,
        fail_fast=args.fail_fast, 
        colorize_video=_colorize_video(colorizer, args, len(jobs) > 1, plain),
        render=make_renderer(colorizer), prefetcher=prefetcher,
    )  # fmt: skip


def _colorize_video(
    colorizer: Colorizer, args: argparse.Namespace, several: bool, plain: PlainProgress
) -> VideoColorizerFn:
    """Return what colorizes a video and shows a bar of its frames, below that of the files."""

    def colorize_video(job: Job, raise_if_cancelled: Callable[[], None]) -> VideoResult:
        try:
            require_video_extra()
        except ColorizeError as error:
            raise ColorizeError(f"{display_name(job.source)}: {error}") from error
        from colorize.video import preview, transcode

        name = display_name(job.source)
        hidden = args.quiet or args.progress != "auto" or not sys.stderr.isatty()
        with progress_bar(
            hidden, unit="frame", desc=name, position=int(several), leave=False
        ) as bar:

            def progress(done: int, total: int | None) -> None:
                raise_if_cancelled()
                bar.total = total
                bar.update(done - bar.n)
                plain.update(lambda: f"{name}: {done} of {total or 'unknown'} frames")

            video_options = from_arguments(VideoOptions, args)
            if video_options.preview is not None:
                return preview.write_preview(
                    job.source, job.target, colorizer, video_options.preview,
                    transcode.excerpt_of(video_options),
                    format=args.format, quality=args.quality, progress=progress,
                )  # fmt: skip
            colorizer.set_concurrency(available_cpus())  # frames, each with one thread
            try:
                return transcode.colorize_video(
                    job.source, job.target, colorizer,
                    video_options, settings=video_settings(args, colorizer),
                    comment=video_comment(args), compare=args.compare, progress=progress,
                )  # fmt: skip
            except BaseException:
                for folder in unfinished_folders(job.target):
                    log_line(
                        f"finished pieces are in {display_name(folder)}: the same command resumes"
                    )
                raise
            finally:
                colorizer.set_concurrency(1)

    return colorize_video
