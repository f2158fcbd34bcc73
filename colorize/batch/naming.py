"""What the outputs are called."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from colorize.batch.jobs import Job, Source
from colorize.errors import ColorizeError
from colorize.io.formats import FORMATS, output_format
from colorize.video.formats import is_video_name, output_suffix

MARK = ".colorized"  # in the name of an output beside its input


def plan(
    sources: Iterable[Source],
    output: Path | None,
    folder: bool,
    format: str | None = None,
    samples: int | None = None,
) -> list[Job]:
    """Return the job of each source.

    output: a file for the one source, or where `folder` is true a folder that gets each source
    under its relative path. None: beside each source, `photo.jpg` to `photo.colorized.jpg`;
    sources that are such results themselves are left out. The suffix stays, unless `format`
    (or a format that can't be written) asks for another. With `samples` there are so many jobs
    for each source, numbered: `photo-1.jpg` or `photo-1.colorized.jpg`.
    """
    jobs = [
        Job(source.path, _target(source, output, folder, format), source.problem)
        for source in sources
        if output is not None or not source.path.stem.endswith(MARK)
    ]
    if samples is not None:
        jobs = [_numbered(job, number) for job in jobs for number in range(1, samples + 1)]
    return list(dict.fromkeys(jobs))  # a file may be named twice, by itself and by its folder


def _numbered(job: Job, number: int) -> Job:
    stem = job.target.stem
    mark = MARK if stem.endswith(MARK) else ""
    target = job.target.with_name(f"{stem.removesuffix(mark)}-{number}{mark}{job.target.suffix}")
    films = "samples are for photographs, not for films" if is_video_name(job.source) else None
    return Job(job.source, target, job.problem or films, sample=number)


def plan_maps(sources: Iterable[Source], target: Path, folder: bool) -> list[Job]:
    """Return the jobs that write maps of confidence.

    target: a file for the one source, or where `folder` is true a folder that gets a PNG for
    each source under its relative path.
    """
    jobs = []
    for source in sources:
        path = target / source.relative.with_suffix(".png") if folder else target
        films = "confidence maps are for photographs, not for films"
        problem = source.problem or (films if is_video_name(source.path) else None)
        jobs.append(Job(source.path, path, problem, confidence=True))
    return list(dict.fromkeys(jobs))


def _target(source: Source, output: Path | None, folder: bool, format: str | None) -> Path:
    if output is None:
        return source.path.with_name(source.path.stem + MARK + _suffix(source.path, format))
    if not folder:
        return output
    target = output / source.relative
    return target.with_suffix(_suffix(target, format))


def _suffix(path: Path, format: str | None) -> str:
    """Return the suffix of an output for a source of this name."""
    if is_video_name(path):
        return output_suffix(path)
    if format is not None:
        return FORMATS[output_format(path, format)].suffixes[0]
    try:
        output_format(path)
    except ColorizeError:
        return ".png"
    return path.suffix
