"""Plan the jobs: what each output is called."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from colorize.batch.jobs import Job, Source
from colorize.errors import ColorizeError
from colorize.io.formats import FORMATS, output_format
from colorize.video.formats import is_video, output_suffix

OUTPUT_TAG = ".colorized"  # in the name of an output next to its input
COMPARE_TAG = ".compare"  # in the name of a picture of before and after
PREVIEW_TAG = ".preview"  # in the name of a sheet of frames of a video
RESULT_TAGS = (OUTPUT_TAG, COMPARE_TAG, PREVIEW_TAG)


def plan_jobs(
    sources: Iterable[Source],
    output: Path | None,
    folder: bool,
    format: str | None = None,
    samples: int | None = None,
    tag: str | None = None,
    previews: bool = False,
) -> list[Job]:
    """Return the jobs that colorize the sources.

    Args:
        sources: files to colorize; a file that is listed twice gets one job.
        output: where to write; None writes next to the sources.
        folder: `output` is a folder that mirrors the relative paths of the sources, rather than
            the file for a single source.
        format: format of the outputs; None keeps that of the source, or takes PNG if it can't be
            written.
        samples: number of jobs for each source, with outputs `photo-1.jpg`, `photo-2.jpg`, ...
            or `photo-1.colorized.jpg`; None for one job without a number.
        tag: what stands before the suffix of the outputs, unless `output` is a file; None for
            OUTPUT_TAG next to the sources and nothing in a folder.
        previews: the outputs of videos are sheets of frames.
    """
    if tag is None:
        tag = OUTPUT_TAG if output is None else ""
    jobs = []
    for source in sources:
        if previews and is_video(source.path):
            target = _preview_target(source, output, folder, format)
        else:
            target = _target(source, output, folder, format, tag)
        job = Job(source.path, target, source.rejection)
        if samples is None:
            jobs.append(job)
        else:
            jobs += [_numbered(job, number, tag) for number in range(1, samples + 1)]
    return list(dict.fromkeys(jobs))


def _numbered(job: Job, number: int, tag: str) -> Job:
    stem, suffix = job.target.stem, job.target.suffix
    tag = tag if stem.endswith(tag) else ""
    target = job.target.with_name(f"{stem.removesuffix(tag)}-{number}{tag}{suffix}")
    rejection = job.rejection
    if rejection is None and is_video(job.source):
        rejection = "samples need a photograph, not a video"
    return dataclasses.replace(job, target=target, rejection=rejection, sample=number)


def plan_confidence_maps(sources: Iterable[Source], target: Path, folder: bool) -> list[Job]:
    """Return the jobs that write confidence maps.

    Args:
        sources: photographs; a file that is listed twice gets one job.
        target: where to write.
        folder: `target` is a folder that gets a PNG under the relative path of each source,
            rather than the file for a single source.
    """
    jobs = []
    for source in sources:
        path = target / source.relative.with_suffix(".png") if folder else target
        rejection = source.rejection
        if rejection is None and is_video(source.path):
            rejection = "a confidence map needs a photograph, not a video"
        jobs.append(Job(source.path, path, rejection, confidence=True))
    return list(dict.fromkeys(jobs))


def _target(
    source: Source, output: Path | None, folder: bool, format: str | None, tag: str
) -> Path:
    if output is not None and not folder:
        return output
    path = source.path if output is None else output / source.relative
    return path.with_name(path.stem + tag + _suffix(path, format))


def _preview_target(source: Source, output: Path | None, folder: bool, format: str | None) -> Path:
    if output is not None and not folder:
        return output
    path = source.path if output is None else output / source.relative
    suffix = FORMATS[output_format(path, format)].suffixes[0] if format else ".jpg"
    return path.with_name(path.stem + PREVIEW_TAG + suffix)


def _suffix(path: Path, format: str | None) -> str:
    """Return the suffix of the output for a source of this name."""
    if is_video(path):
        return output_suffix(path)
    if format is not None:
        return FORMATS[output_format(path, format)].suffixes[0]
    try:
        output_format(path)
    except ColorizeError:
        return ".png"
    return path.suffix
