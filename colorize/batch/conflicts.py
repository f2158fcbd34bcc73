"""Find outputs that would replace an input or each other."""

from __future__ import annotations

import contextlib
import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from colorize.batch.jobs import Job
from colorize.errors import display_name
from colorize.io.storage import RemotePath


def find_conflicts(jobs: Iterable[Job], reserved: Iterable[Path] = ()) -> dict[Job, str]:
    """Return the jobs that must not run under any option, each with the reason.

    An output must not be an input (links are followed), the hints of a photograph, the output of
    another job or one of `reserved`. Names that differ only in case are the same file where the
    file system ignores case. Jobs with a rejection are included.
    """
    jobs = list(jobs)
    inputs = {identity for job in jobs for identity in _identities(job.source)}
    hints = [job.hints.path for job in jobs if job.hints is not None]
    reserved_paths = {real_path(path) for path in (*reserved, *hints)}
    owners: dict[Path | str, Job] = {}  # by real path and by casefolded path
    reasons: dict[Job, str] = {}
    for job in jobs:
        target = real_path(job.target)
        owner = owners.get(target) or _case_twin(owners.get(_casefolded(target)), job)
        if job.rejection is not None:
            reasons[job] = job.rejection
        elif not inputs.isdisjoint(_identities(job.target)):
            reasons[job] = "the output would replace an input; choose another name or folder"
        elif target in reserved_paths:
            reasons[job] = (
                "the output would replace a file that this run reads or writes, such as the "
                "manifest, the hints or the reference; choose another name"
            )
        elif owner is not None:
            output, source = display_name(job.target), display_name(owner.source)
            reasons[job] = f"{output} is already the output of {source}; rename one of them"
        else:
            owners[target] = job
            owners.setdefault(_casefolded(target), job)
    return reasons


def real_path(path: Path) -> Path:
    """Return the path with links resolved; names in object stores are returned unchanged."""
    return path if isinstance(path, RemotePath) else Path(os.path.realpath(path))


def _identities(path: Path) -> list[Path | tuple[int, int]]:
    """Return what identifies a file: its real path and, if it exists, its device and inode."""
    identities: list[Path | tuple[int, int]] = [real_path(path)]
    with contextlib.suppress(OSError):  # missing, or an object in a store
        status = os.stat(path)
        identities.append((status.st_dev, status.st_ino))
    return identities


def _casefolded(path: Path) -> str:
    return unicodedata.normalize("NFD", str(path)).casefold()


def _case_twin(owner: Job | None, job: Job) -> Job | None:
    """Return the job whose output differs from this one's only in case, if that is one file."""
    return owner if owner is not None and ignores_case(job.target.parent) else None


def ignores_case(folder: Path) -> bool:
    """Return whether the file system of a folder, which need not exist, ignores case."""
    if isinstance(folder, RemotePath):
        return False
    folder = real_path(folder)
    while not os.path.exists(folder) or folder.name.swapcase() == folder.name:
        if folder == folder.parent:
            return False
        folder = folder.parent
    swapped = folder.with_name(folder.name.swapcase())
    return os.path.exists(swapped) and swapped.samefile(folder)
