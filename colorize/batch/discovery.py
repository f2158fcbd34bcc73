"""Which photographs folders and patterns hold."""

from __future__ import annotations

import glob as globbing
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import cast

from colorize.batch.conflicts import real_path
from colorize.batch.jobs import Source
from colorize.errors import ColorizeError, display_name
from colorize.io.formats import has_image_suffix
from colorize.io.storage import (
    RemotePath,
    absolute,
    expanded,
    is_folder,
    is_url,
    listed,
    place,
)


def find(
    inputs: Sequence[Path], pattern: str | None = None, output: Path | None = None
) -> list[Source]:
    """Return the files that `inputs` and `pattern` name, each folder in alphabetical order.

    A file is taken as it is; a folder stands for all photographs in it and its sub-folders,
    those that match `pattern` where one is given. A pattern alone (`inputs` empty) is expanded
    as by a shell, with `**` for any sub-folders. Hidden files are left out, and so is the folder
    `output` where it lies inside: it holds the results of earlier runs.

    Raises ColorizeError if there is nothing.
    """
    if not inputs:
        if pattern is None:
            raise ColorizeError("no input: name a file, a folder or a pattern")
        return _expand(pattern, output)
    sources: list[Source] = []
    for path in inputs:
        named = [Source(path, Path(path.name))]
        if isinstance(path, RemotePath):
            sources += _in_store(path, pattern, output) if is_folder(path) else named
            continue
        sources += _in_folder(path, pattern, output) if os.path.isdir(path) else named
    return sources


def _expand(pattern: str, output: Path | None) -> list[Source]:
    """Return the files of a shell pattern, relative to its part before the first wildcard."""
    if is_url(pattern):
        return _chosen(expanded(cast(RemotePath, place(pattern))), output, pattern)
    root = Path(pattern)
    while globbing.has_magic(str(root)) or not os.path.isdir(root):
        if root == root.parent:
            break
        root = root.parent
    left_out = _inside(output, root)
    found = [Path(name) for name in sorted(globbing.glob(pattern, recursive=True))]
    files = [
        path
        for path in found
        if not os.path.isdir(path) and left_out not in real_path(path).parents
    ]
    if not files:
        raise ColorizeError(f"{display_name(pattern)}: no file matches")
    return [Source(path, path.relative_to(root)) for path in files]


def _in_store(folder: RemotePath, pattern: str | None, output: Path | None) -> list[Source]:
    """Return the photographs below a folder of an object store, as those of a disk."""
    found = listed(folder, pattern)
    if pattern is None:
        found = ((path, below) for path, below in found if has_image_suffix(path))
    return _chosen(found, output, absolute(folder))


def _chosen(
    found: Iterable[tuple[RemotePath, Path]], output: Path | None, what: str
) -> list[Source]:
    """Return sources of an object store but for those below the output folder, if any."""
    sources = [Source(path, below) for path, below in found if output not in path.parents]
    if not sources:
        raise ColorizeError(f"{display_name(what)}: no photograph there, or none that matches")
    return sources


def _inside(output: Path | None, folder: Path) -> Path | None:
    """Return the real path of the output folder if it is below the folder, else None."""
    if output is None or real_path(folder) not in real_path(output).parents:
        return None
    return real_path(output)


def _in_folder(folder: Path, pattern: str | None, output: Path | None) -> list[Source]:
    """Return the photographs below a folder, relative to it, and the sub-folders not readable."""
    matching = None if pattern is None else _matching(folder, pattern)
    problems: list[OSError] = []
    found = [
        path
        for path in _walk(folder, _inside(output, folder), problems)
        if (has_image_suffix(path) if matching is None else path in matching)
    ]
    sources = [Source(path, path.relative_to(folder)) for path in found]
    sources += [_unreadable(error, folder) for error in problems]
    if not sources:
        what = f"no file matches {display_name(pattern)}" if pattern else "no photographs in it"
        raise ColorizeError(f"{display_name(folder)}: {what}")
    return sorted(sources, key=lambda source: source.path)


def _matching(folder: Path, pattern: str) -> set[Path]:
    try:
        return set(folder.rglob(pattern))
    except (ValueError, NotImplementedError) as error:
        raise ColorizeError(f"{display_name(pattern)}: {str(error).lower()}") from error


def _walk(folder: Path, left_out: Path | None, problems: list[OSError]) -> Iterator[Path]:
    """Yield the files below a folder that are not hidden; collect what can't be listed."""
    for root, folders, files in os.walk(folder, onerror=problems.append):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".")
            and (left_out is None or real_path(Path(root, name)) != left_out)
        ]
        yield from (Path(root, name) for name in files if not name.startswith("."))


def _unreadable(error: OSError, folder: Path) -> Source:
    path = Path(error.filename)
    reason = f"can't list this folder: {(error.strerror or str(error)).lower()}"
    if path == folder:
        raise ColorizeError(f"{display_name(folder)}: {reason}") from error
    return Source(path, path.relative_to(folder), reason)
