"""Outputs that would replace an input or each other."""

from __future__ import annotations

import contextlib
import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from colorize.batch.jobs import Job
from colorize.errors import display_name
from colorize.io.storage import RemotePath


def refuse(jobs: Iterable[Job], reserved: Iterable[Path] = ()) -> dict[Job, str]:
    """Return the jobs that must not run whatever is asked for, and why: what they'd destroy.

    An output may be no input, not by way of links either, no output of another job, and none
    of `reserved`. Names that differ in case alone are one file where the file system says so.
    """
    jobs = list(jobs)
    inputs = {name for job in jobs for name in _names(job.source)}
    kept = {real_path(path) for path in reserved}
    taken: dict[Path | str, Job] = {}
    reasons: dict[Job, str] = {}
    for job in jobs:
        target = real_path(job.target)
        first = taken.get(target) or _alike(taken.get(_folded(target)), job)
        if job.problem is not None:
            reasons[job] = job.problem
        elif not inputs.isdisjoint(_names(job.target)):
            reasons[job] = "the output would replace an input; choose another name or folder"
        elif target in kept:
            reasons[job] = (
                "the output would replace the manifest, report or gallery; choose another name"
            )
        elif first is not None:
            there, whose = display_name(job.target), display_name(first.source)
            reasons[job] = f"{there} is already the output of {whose}; rename one of them"
        else:
            taken[target] = job
            taken.setdefault(_folded(target), job)
    return reasons


def real_path(path: Path) -> Path:
    """Return the path with links followed, but for names in object stores."""
    return path if isinstance(path, RemotePath) else Path(os.path.realpath(path))


def _names(path: Path) -> list[Path | tuple[int, int]]:
    """Return what a file is known by: its real path and, if it exists, its inode."""
    names: list[Path | tuple[int, int]] = [real_path(path)]
    with contextlib.suppress(OSError):  # an object has no such name, and is no file of the disk
        status = os.stat(path)
        names.append((status.st_dev, status.st_ino))
    return names


def _folded(path: Path) -> str:
    return unicodedata.normalize("NFD", str(path)).casefold()


def _alike(first: Job | None, job: Job) -> Job | None:
    """Return the job whose output has the same name but for case, if they would be one file."""
    return first if first is not None and ignores_case(job.target.parent) else None


def ignores_case(folder: Path) -> bool:
    """Tell whether the file system of a folder, which need not exist, ignores case."""
    if isinstance(folder, RemotePath):
        return False
    folder = real_path(folder)
    while not os.path.exists(folder) or folder.name.swapcase() == folder.name:
        if folder == folder.parent:
            return False
        folder = folder.parent
    swapped = folder.with_name(folder.name.swapcase())
    return os.path.exists(swapped) and swapped.samefile(folder)
