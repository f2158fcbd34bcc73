"""Find the photographs in folders, patterns and object stores."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import cast

from colorize.batch.conflicts import real_path
from colorize.batch.globbing import expand, is_hidden, walk
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
from colorize.video.formats import is_video_name

MAX_SUFFIXES = 8  # that the line about files left out names


def find_images(
    inputs: Sequence[Path],
    patterns: Sequence[str] = (),
    output: Path | None = None,
    left_out: Counter[str] | None = None,
) -> list[Source]:
    """Return the files that `inputs` and `patterns` name; those of a folder in alphabetical order.

    Hidden files, thumbnails and recycle bins of network storage, and the `output` folder, which
    holds results of earlier runs, are skipped. Without `output`, files named `*.colorized.*` are
    skipped too, unless `inputs` names them but not their originals (as `*.jpg` in a shell would).

    Args:
        inputs: files, which are taken as they are, and folders, which stand for all photographs
            in them and their subfolders.
        patterns: with `inputs`, take only files from folders that match one of them; without,
            expand them as a shell would, with `**` for any subfolders.
        output: folder of the results; None if they are written next to their inputs.
        left_out: counts, by lowercase suffix, the files in folders that are not photographs.

    Raises:
        ColorizeError: nothing was found.
    """
    left_out = Counter() if left_out is None else left_out
    if inputs:
        sources = [
            source for path in inputs for source in _expand_input(path, patterns, output, left_out)
        ]
    elif patterns:
        sources = [source for pattern in patterns for source in _expand_pattern(pattern, output)]
    else:
        raise ColorizeError("no input: name a file, a folder or a pattern")
    if output is not None:
        return sources
    return _without_earlier_results(sources, inputs)


def describe_left_out(left_out: Counter[str]) -> str:
    """Return one line that counts the files in folders that are not photographs, by suffix."""
    total = left_out.total()
    common = left_out.most_common(MAX_SUFFIXES)
    counts = [f"{count} {suffix or 'without a suffix'}" for suffix, count in common]
    rest = total - sum(count for _, count in common)
    if rest:
        counts.append(f"{rest} others")
    files = "1 file is" if total == 1 else f"{total} files are"
    videos = any(is_video_name(f"x{suffix}") for suffix in left_out)
    remedy = "; to colorize a video, name it with -i" if videos else ""
    return f"{files} not in an image format and left out: {', '.join(counts)}{remedy}"


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


def _expand_input(
    path: Path, patterns: Sequence[str], output: Path | None, left_out: Counter[str]
) -> list[Source]:
    if not is_folder(path):
        return [Source(path, Path(path.name))]
    if isinstance(path, RemotePath):
        return _in_store(path, patterns, output, left_out)
    return _in_folder(path, patterns, output, left_out)


def _expand_pattern(pattern: str, output: Path | None) -> list[Source]:
    """Return the files of a shell pattern, relative to the part before the first wildcard."""
    if is_url(pattern):
        return _excluding_output(
            glob_objects(cast(RemotePath, parse_path(pattern))), output, pattern
        )
    root = Path(pattern)
    while glob.has_magic(str(root)) or not os.path.isdir(root):
        if root == root.parent:
            break
        root = root.parent
    excluded = _nested_output(output, root)
    files = [
        path
        for path in map(Path, expand(os.fspath(pattern), _is_folder(excluded)))
        if excluded not in real_path(path).parents
    ]
    if not files:
        raise ColorizeError(f"{display_name(pattern)}: no file matches")
    return [Source(path, path.relative_to(root)) for path in files]


def _in_store(
    folder: RemotePath, patterns: Sequence[str], output: Path | None, left_out: Counter[str]
) -> list[Source]:
    """Return the photographs below a folder of an object store."""
    found: dict[RemotePath, Path] = {}
    for pattern in patterns or (None,):
        for path, below in list_objects(folder, pattern):
            if any(is_hidden(part) for part in below.parts):
                continue
            if pattern is not None or has_image_suffix(path):
                found[path] = below
            else:
                left_out[path.suffix.lower()] += 1
    return _excluding_output(sorted(found.items()), output, absolute_name(folder))


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


def _in_folder(
    folder: Path, patterns: Sequence[str], output: Path | None, left_out: Counter[str]
) -> list[Source]:
    """Return the photographs below a folder, and rejected sources for unreadable subfolders."""
    failures: dict[str, OSError] = {}
    skip = _is_folder(_nested_output(output, folder))

    def on_error(error: OSError) -> None:
        failures[error.filename] = error

    if patterns:
        if absolute := next((p for p in patterns if os.path.isabs(p)), None):
            raise ColorizeError(f"{display_name(absolute)}: is not relative to the input folder")
        below = os.path.join(glob.escape(os.fspath(folder)), "**")
        names = {
            name
            for pattern in patterns
            for name in expand(os.path.join(below, pattern), skip, on_error)
        }
        paths = [Path(name) for name in names]
    else:
        paths = []
        for root, files in walk(os.fspath(folder), skip, on_error):
            for path in (Path(root, name) for name in files):
                if has_image_suffix(path):
                    paths.append(path)
                else:
                    left_out[path.suffix.lower()] += 1
    sources = [Source(path, path.relative_to(folder)) for path in paths]
    sources += [_unreadable(error, folder) for error in failures.values()]
    if not sources:
        wanted = " or ".join(map(display_name, patterns))
        what = f"no file matches {wanted}" if patterns else "no photographs in it"
        if left_out:
            what += f"; {describe_left_out(left_out)}"
        raise ColorizeError(f"{display_name(folder)}: {what}")
    return sorted(sources, key=lambda source: source.path)


def _is_folder(excluded: Path | None) -> Callable[[str], bool]:
    """Return a function that tells whether a path is that of the excluded folder."""
    return lambda path: excluded is not None and real_path(Path(path)) == excluded


def _unreadable(error: OSError, folder: Path) -> Source:
    path = Path(error.filename)
    reason = f"can't list this folder: {(error.strerror or str(error)).lower()}"
    if path == folder:
        raise ColorizeError(f"{display_name(folder)}: {reason}") from error
    return Source(path, path.relative_to(folder), reason)
