"""From arguments to jobs: which files, and what their outputs are called."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from colorize import batch
from colorize.batch import Job, Source
from colorize.cli.messages import log_line
from colorize.cli.settings import is_batch
from colorize.command_parser import from_arguments
from colorize.errors import ColorizeError, display_name
from colorize.io.formats import FORMATS, has_image_suffix, output_format
from colorize.io.storage import exists, is_folder, parse_path
from colorize.options import ColorizeOptions, VideoOptions
from colorize.video.formats import is_video, is_video_name


@dataclass(frozen=True)
class Plan:
    """What the arguments ask for.

    Attributes:
        jobs: for the files that they name, each with its output.
        left_out: files of folders in other formats, by suffix.
    """

    jobs: list[Job]
    left_out: Counter[str]


def make_plan(args: argparse.Namespace) -> Plan:
    """Return the jobs for the files that the arguments name."""
    check_outputs(args)
    inputs = [parse_path(name) for name in args.input]
    output = None if args.output is None else parse_path(args.output)
    several = is_batch(args)
    folder = several or output is None or is_folder(output) or _ends_as_folder(args.output)
    tag = args.suffix
    if tag is None and args.compare is not None:
        tag = batch.COMPARE_TAG
    outputs = [output] if output is not None and folder else []
    if args.hints_dir:
        outputs.append(Path(args.hints_dir))  # painted hints are not photographs
    if args.confidence_map and is_folder(maps := parse_path(args.confidence_map)):
        outputs.append(maps)
    left_out: Counter[str] = Counter()
    sources = batch.find_images(
        inputs, args.glob, outputs, left_out,
        exclude=args.exclude, tags=(*batch.RESULT_TAGS, args.suffix or ""),
    )  # fmt: skip
    jobs = batch.plan_jobs(
        sources, output, folder, args.format, args.samples, tag, previews=args.preview is not None
    )
    if args.hints_dir:
        jobs, unused = batch.assign_hints(jobs, sources, Path(args.hints_dir))
        if unused and not args.quiet:
            log_line(batch.describe_unused_hints(unused, Path(args.hints_dir)))
    _refuse_for_videos(jobs, args)
    if args.format is not None:
        output_format("", args.format)  # refuse an unknown format before any work
    if not args.quiet and args.watch is None:
        for note in _without_effect(jobs, args):
            log_line(note)
    if args.confidence_map:
        planned = {job.source for job in jobs}
        sources = [source for source in sources if source.path in planned]
        jobs += _confidence_map_jobs(sources, several, args)
    if args.layer:
        target = parse_path(args.layer)
        output_format(target)
        jobs += [Job(sources[0].path, target, sources[0].rejection, layer=True)]
    if args.ray:
        from colorize.cli.ray import for_cluster

        jobs = [for_cluster(job) for job in jobs]
    return Plan(jobs, left_out)


def check_outputs(args: argparse.Namespace) -> None:
    """Raise ColorizeError for outputs that cannot be, such as one file for several inputs."""
    if args.output and not exists(output := parse_path(args.output)):
        folder = output if is_batch(args) else output.parent
        if reason := batch.why_unwritable(folder):
            raise ColorizeError(reason, "choose another -o")
    if not is_batch(args):
        return
    for flag, name in (("-o", args.output), ("--confidence-map", args.confidence_map)):
        if not name or is_folder(path := parse_path(name)):
            continue
        if exists(path):
            raise ColorizeError(f"{display_name(path)}: several inputs need a folder as {flag}")
        if (has_image_suffix(path) or is_video_name(path)) and not _ends_as_folder(name):
            raise ColorizeError(
                f"{display_name(path)}: several inputs need a folder as {flag}, not a file",
                f"name one, such as {display_name(path.with_suffix(''))}/",
            )


def _ends_as_folder(name: str) -> bool:
    return name.endswith(("/", os.sep))


def _refuse_for_videos(jobs: list[Job], args: argparse.Namespace) -> None:
    """Raise ColorizeError for options that videos do not have.

    Format and quality may be given where there are photographs, too, or for a preview.
    """
    videos = [job for job in jobs if is_video(job.source)]
    if not videos:
        return
    for flag, value in (("--gallery", args.gallery), ("--mark", args.mark)):
        if value:
            name = display_name(videos[0].source)
            raise ColorizeError(f"{flag} is for photographs, and {name} is a video", "leave it out")
    if len(videos) < len(jobs) or args.preview is not None:
        return
    if args.format is not None:
        raise ColorizeError(
            "--format is for photographs", "use --codec, and a suffix such as .mkv in -o"
        )
    if args.quality is not None:
        raise ColorizeError("--quality is for photographs", "use --crf, where lower is better")


def _without_effect(jobs: list[Job], args: argparse.Namespace) -> Iterator[str]:
    """Yield notes about given options that act on none of the files."""
    if not any(is_video(job.source) for job in jobs):
        given = from_arguments(VideoOptions, args).changed()
        if flags := ", ".join(each.flag for each in given):
            yield f"note: without effect, because no input is a video: {flags}"
    if args.hint_scope != ColorizeOptions.hint_scope and not (args.hints or args.hints_dir):
        yield "note: without effect, because there are no hints: --hint-scope"
    if args.quality is not None and not args.image_sequence:
        photographs = [job for job in jobs if not (job.rejection or is_video(job.source))]
        formats = {output_format(job.target.name, args.format) for job in photographs}
        if formats and not any(FORMATS[name].has_quality for name in formats):
            yield f"note: without effect in {', '.join(sorted(formats))}: --quality"


def _confidence_map_jobs(
    sources: list[Source], several: bool, args: argparse.Namespace
) -> list[Job]:
    """Return the jobs that write confidence maps, into a folder for several inputs."""
    target = parse_path(args.confidence_map)
    folder = several or is_folder(target) or _ends_as_folder(args.confidence_map)
    if not folder:
        output_format(target)
    return batch.plan_confidence_maps(sources, target, folder)
