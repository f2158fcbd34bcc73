"""`--hints-dir`: find the file of hints of each photograph in a folder."""

from __future__ import annotations

import dataclasses
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from colorize.batch.conflicts import real_path
from colorize.batch.globbing import unlistable, walk
from colorize.batch.jobs import HintFile, Job, Source
from colorize.errors import ColorizeError, display_name
from colorize.hints.format import Hints, read_hints
from colorize.option_fields import hash_of
from colorize.video.formats import is_video

TEXT = ".txt"
SUFFIXES = (TEXT, ".png", ".tif", ".tiff", ".webp")  # lists of points, and painted layers
MAX_NAMES = 3  # of files without a photograph that the note names


def assign_hints(
    jobs: Iterable[Job], sources: Sequence[Source], folder: Path
) -> tuple[list[Job], list[Path]]:
    """Return the jobs with their hints, and the files of hints that belong to no photograph.

    The hints of a photograph have its relative path and stem. In a folder with photographs, only
    text files are hints. A job whose hints cannot be used is rejected.

    Raises ColorizeError for a folder that cannot be read, or with hints of other photographs only.
    """
    root = real_path(folder)
    among_photographs = any(root in real_path(source.path).parents for source in sources)
    files = _by_stem(folder, (TEXT,) if among_photographs else SUFFIXES)
    stems = {source.path: source.relative.with_name(source.relative.stem) for source in sources}
    assigned = [_with_hints(job, files.get(stems[job.source], [])) for job in jobs]
    used = set(stems.values())
    unused = [path for stem, paths in files.items() if stem not in used for path in paths]
    if files and used.isdisjoint(files):
        stem = next(iter(stems.values()))
        example = stem.with_name(stem.name + TEXT)
        raise ColorizeError(
            f"{display_name(folder)}: holds no hints for any of the photographs; expected names "
            f"such as {display_name(folder / example)}"
        )
    return assigned, unused


def describe_unused_hints(unused: Sequence[Path], folder: Path) -> str:
    """Return one line that counts and names the files of hints that belong to no photograph."""
    names = [display_name(path.relative_to(folder)) for path in unused[:MAX_NAMES]]
    if len(unused) > MAX_NAMES:
        names.append(f"{len(unused) - MAX_NAMES} more")
    files = "1 file belongs" if len(unused) == 1 else f"{len(unused)} files belong"
    return f"{display_name(folder)}: {files} to no photograph of this batch: {', '.join(names)}"


def read_hint_file(file: HintFile) -> Hints:
    """Return the hints. Raises ColorizeError for wrong ones, and if they are no longer the same."""
    if hash_of(file.path) != file.sha256:
        raise ColorizeError(
            f"{display_name(file.path)}: changed during the batch; run the same command again"
        )
    return read_hints(file.path)


def _by_stem(folder: Path, suffixes: Sequence[str]) -> dict[Path, list[Path]]:
    """Return the files of hints below a folder by relative path without suffix."""

    def on_error(error: OSError) -> None:
        raise ColorizeError(f"{display_name(error.filename)}: {unlistable(error)}") from error

    files = defaultdict(list)
    for root, names in walk(os.fspath(folder), on_error=on_error):
        for path in (Path(root, name) for name in names):
            if path.suffix.lower() in suffixes:
                files[path.relative_to(folder).with_name(path.stem)].append(path)
    return files


def _with_hints(job: Job, files: Sequence[Path]) -> Job:
    if not files or job.rejection is not None:
        return job
    if is_video(job.source):
        return dataclasses.replace(job, rejection="hints need a photograph, not a video")
    if len(files) > 1:
        names = " and ".join(map(display_name, files))
        return dataclasses.replace(job, rejection=f"has hints in {names}; keep one of them")
    try:
        return dataclasses.replace(job, hints=HintFile(files[0], hash_of(files[0])))
    except ColorizeError as error:
        return dataclasses.replace(job, rejection=str(error))
