"""Find the photographs in folders, patterns and object stores."""

from __future__ import annotations

import glob as globbing
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import cast

from colorize.batch.conflicts import real_path
from colorize.batch.jobs import Source
from colorize.batch.naming import OUTPUT_TAG
from colorize.errors import ColorizeError, display_name
from colorize.io.formats import has_image_suffix
from colorize.io.storage import (
    RemotePath,
    absolute_name,
    glob_objects,
    is_folder,
    is_url,
    list_objects,
    parse_path,
)


def find_images(
    inputs: Sequence[Path], pattern: str | None = None, output: Path | None = None
) -> list[Source]:
    """Return the files that `inputs` and `pattern` name; those of a folder in alphabetical order.

    Hidden files and the `output` folder, which holds results of earlier runs, are skipped.
    Without `output`, so are files named `*.colorized.*`; one that `inputs` names is taken unless
    its original is named too, as by `*.jpg` in a shell.

    Args:
        inputs: files, which are taken as they are, and folders, which stand for all photographs
            in them and their subfolders.
        pattern: with `inputs`, take only matching files from folders; without, expand it as a
            shell would, with `**` for any subfolders.
        output: folder of the results; None if they are written next to their inputs.

    Raises:
        ColorizeError: nothing was found.
    """
    if inputs:
        sources = [source for path in inputs for source in _expand_input(path, pattern, output)]
    elif pattern is not None:
        sources = _expand_pattern(pattern, output)
    else:
        raise ColorizeError("no input: name a file, a folder or a pattern")
    if output is not None:
        return sources
    return _without_earlier_results(sources, inputs)


def _without_earlier_results(sources: list[Source], inputs: Sequence[Path]) -> list[Source]:
    named = set(inputs)
    named_stems = {(path.parent, path.stem) for path in inputs}

    def is_requested(path: Path) -> bool:
        if not path.stem.endswith(OUTPUT_TAG):
            return True
        original = path.stem.removesuffix(OUTPUT_TAG)
        originals = {original, re.sub(r"-\d+$", "", original)}  # with and without a sample number
        return path in named and named_stems.isdisjoint((path.parent, stem) for stem in originals)

    requested = [source for source in sources if is_requested(source.path)]
    if not requested:
        raise ColorizeError(f"nothing to do: all inputs are earlier results (*{OUTPUT_TAG}.*)")
    return requested


def _expand_input(path: Path, pattern: str | None, output: Path | None) -> list[Source]:
    if not is_folder(path):
        return [Source(path, Path(path.name))]
    if isinstance(path, RemotePath):
        return _in_store(path, pattern, output)
    return _in_folder(path, pattern, output)


def _expand_pattern(pattern: str, output: Path | None) -> list[Source]:
    """Return the files of a shell pattern, relative to the part before the first wildcard."""
    if is_url(pattern):
        return _excluding_output(
            glob_objects(cast(RemotePath, parse_path(pattern))), output, pattern
        )
    root = Path(pattern)
    while globbing.has_magic(str(root)) or not os.path.isdir(root):
        if root == root.parent:
            break
        root = root.parent
    excluded = _nested_output(output, root)
    matches = [Path(name) for name in sorted(globbing.glob(pattern, recursive=True))]
    files = [
        path
        for path in matches
        if not os.path.isdir(path) and excluded not in real_path(path).parents
    ]
    if not files:
        raise ColorizeError(f"{display_name(pattern)}: no file matches")
    return [Source(path, path.relative_to(root)) for path in files]


def _in_store(folder: RemotePath, pattern: str | None, output: Path | None) -> list[Source]:
    """Return the photographs below a folder of an object store."""
    objects = list_objects(folder, pattern)
    if pattern is None:
        objects = ((path, below) for path, below in objects if has_image_suffix(path))
    return _excluding_output(objects, output, absolute_name(folder))


def _excluding_output(
    objects: Iterable[tuple[RemotePath, Path]], output: Path | None, name: str
) -> list[Source]:
    sources = [Source(path, relative) for path, relative in objects if output not in path.parents]
    if not sources:
        raise ColorizeError(f"{display_name(name)}: no photograph found")
    return sources


def _nested_output(output: Path | None, folder: Path) -> Path | None:
    """Return the real path of the output folder if it is inside the folder, else None."""
    if output is None or real_path(folder) not in real_path(output).parents:
        return None
    return real_path(output)


def _in_folder(folder: Path, pattern: str | None, output: Path | None) -> list[Source]:
    """Return the photographs below a folder, and rejected sources for unreadable subfolders."""
    matching = None if pattern is None else _matching(folder, pattern)
    failures: list[OSError] = []
    paths = [
        path
        for path in _walk(folder, _nested_output(output, folder), failures)
        if (has_image_suffix(path) if matching is None else path in matching)
    ]
    sources = [Source(path, path.relative_to(folder)) for path in paths]
    sources += [_unreadable(error, folder) for error in failures]
    if not sources:
        what = f"no file matches {display_name(pattern)}" if pattern else "no photographs in it"
        raise ColorizeError(f"{display_name(folder)}: {what}")
    return sorted(sources, key=lambda source: source.path)


def _matching(folder: Path, pattern: str) -> set[Path]:
    try:
        return set(folder.rglob(pattern))
    except (ValueError, NotImplementedError) as error:
        raise ColorizeError(f"{display_name(pattern)}: {str(error).lower()}") from error


def _walk(folder: Path, excluded: Path | None, failures: list[OSError]) -> Iterator[Path]:
    """Yield the files below a folder that are not hidden; collect folders that can't be listed."""
    for root, folders, files in os.walk(folder, onerror=failures.append):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".")
            and (excluded is None or real_path(Path(root, name)) != excluded)
        ]
        yield from (Path(root, name) for name in files if not name.startswith("."))


def _unreadable(error: OSError, folder: Path) -> Source:
    path = Path(error.filename)
    reason = f"can't list this folder: {(error.strerror or str(error)).lower()}"
    if path == folder:
        raise ColorizeError(f"{display_name(folder)}: {reason}") from error
    return Source(path, path.relative_to(folder), reason)
