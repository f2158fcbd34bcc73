"""Find the photographs in folders, patterns and object stores."""

from __future__ import annotations

import glob
import itertools
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from colorize.batch.conflicts import real_path
from colorize.batch.globbing import expand, is_excluded, is_hidden, is_match, unlistable, walk
from colorize.batch.jobs import Source
from colorize.batch.naming import RESULT_TAGS
from colorize.errors import ColorizeError, display_name
from colorize.installation import install_command
from colorize.io.formats import RAW_SUFFIXES, has_image_suffix
from colorize.io.storage import (
    RemotePath,
    absolute_name,
    is_folder,
    is_url,
    list_objects,
    parse_path,
)
from colorize.video.formats import is_video_name

N = TypeVar("N", str, Path)

MAX_SUFFIXES = 8  # that the line about files left out names


class NothingFound(ColorizeError):
    """There is no photograph to colorize, yet."""


def find_images(
    inputs: Sequence[Path],
    patterns: Sequence[str] = (),
    outputs: Sequence[Path] = (),
    left_out: Counter[str] | None = None,
    *,
    exclude: Sequence[str] = (),
    tags: Sequence[str] = RESULT_TAGS,
) -> list[Source]:
    """Return the files that `inputs` and `patterns` name; those of a folder in alphabetical order.

    Hidden files, thumbnails and recycle bins of network storage, and earlier results are skipped:
    everything in the `outputs`, and files whose names end in one of the `tags`, unless `inputs`
    names them but not their originals (as `*.jpg` in a shell would).

    Args:
        inputs: files, which are taken as they are, and folders, which stand for all photographs
            in them and their subfolders.
        patterns: with `inputs`, take only files from folders that match one of them; without,
            expand them as a shell would, with `**` for any subfolders. Case is ignored.
        outputs: folders of results.
        left_out: counts, by lowercase suffix, the files in folders that are not photographs.
        exclude: patterns of files and folders to skip, see `globbing.is_excluded`.
        tags: ends of the names of results, before the suffix.

    Raises:
        NothingFound: there is no photograph among them.
        ColorizeError: the only input cannot be read, or the only pattern is wrong; one of several
            becomes a rejected source.
    """
    search = _Search(patterns, outputs, exclude, Counter() if left_out is None else left_out)
    if inputs:
        found = [_or_rejected(search.input, path, len(inputs)) for path in inputs]
    elif patterns:
        found = [_or_rejected(search.pattern, pattern, len(patterns)) for pattern in patterns]
    else:
        raise ColorizeError("no input: name a file, a folder or a pattern")
    sources = itertools.chain.from_iterable(found)
    kept = [source for source in sources if not is_excluded(source.relative, exclude)]
    if not kept:
        raise NothingFound("nothing to do: --exclude leaves out all inputs")
    return _without_earlier_results(kept, inputs, tags)


def describe_left_out(left_out: Counter[str]) -> str:
    """Return one line that counts the files in folders that are not photographs, by suffix."""
    total = left_out.total()
    common = left_out.most_common(MAX_SUFFIXES)
    counts = [f"{count} {suffix or 'without a suffix'}" for suffix, count in common]
    rest = total - sum(count for _, count in common)
    if rest:
        counts.append(f"{rest} others")
    files = "1 file in another format was" if total == 1 else f"{total} files in other formats were"
    videos = sum(count for suffix, count in left_out.items() if is_video_name(f"x{suffix}"))
    remedy = ""
    if videos:
        what = "the video, name it" if videos == 1 else f"the {videos} videos, name them"
        remedy = f"; to colorize {what} or use --glob"
    if RAW_SUFFIXES & left_out.keys():
        remedy += f"; raw files need an extra: {install_command('raw')}"
    return f"{files} left out: {', '.join(counts)}{remedy}"


def _or_rejected(find: Callable[[N], list[Source]], name: N, number: int) -> list[Source]:
    """Return the sources that one of a number of names stands for, or a rejected one for it."""
    try:
        return find(name)
    except ColorizeError as error:
        if number == 1:
            raise
        reason = error.reason.removeprefix(f"{display_name(name)}: ")
        return [Source(Path(name), Path(Path(name).name), reason)]


def _without_earlier_results(
    sources: list[Source], inputs: Sequence[Path], tags: Sequence[str]
) -> list[Source]:
    named = set(inputs)
    named_stems = {(path.parent, path.stem) for path in inputs}

    def is_requested(path: Path) -> bool:
        stem = path.stem
        originals = {stem.removesuffix(tag) for tag in tags if tag and stem.endswith(tag)}
        if not originals:
            return True
        # with and without a sample number
        originals |= {re.sub(r"-\d+$", "", original) for original in originals}
        return path in named and named_stems.isdisjoint((path.parent, each) for each in originals)

    requested = [source for source in sources if is_requested(source.path)]
    if not requested:
        names = ", ".join(f"*{tag}.*" for tag in tags if tag)
        raise NothingFound(f"nothing to do: all inputs are earlier results ({names})")
    return requested


@dataclass(frozen=True)
class _Search:
    """What to take from folders and patterns, and where what is left out is counted."""

    patterns: Sequence[str]
    outputs: Sequence[Path]
    exclude: Sequence[str]
    left_out: Counter[str]

    def input(self, path: Path) -> list[Source]:
        """Return a file, or the photographs in a folder."""
        if not is_folder(path):
            return [Source(path, Path(path.name))]
        return self.store(path) if isinstance(path, RemotePath) else self.folder(path)

    def pattern(self, pattern: str) -> list[Source]:
        """Return the files of a shell pattern, relative to the part before the first wildcard."""
        if is_url(pattern):
            return self.store_pattern(pattern)
        root = Path(pattern)
        while glob.has_magic(str(root)) or not os.path.isdir(root):
            if root == root.parent:
                break
            root = root.parent
        outputs = _nested_outputs(self.outputs, root)
        failures: dict[str, OSError] = {}

        def on_error(error: OSError) -> None:
            failures[error.filename] = error

        names = expand(os.fspath(pattern), lambda path: _is_one_of(path, outputs), on_error)
        files = [path for path in map(Path, names) if outputs.isdisjoint(real_path(path).parents)]
        sources = [Source(path, path.relative_to(root)) for path in files]
        sources += [_unreadable(error, root) for error in failures.values()]
        if not sources:
            raise NothingFound(f"{display_name(pattern)}: no file matches")
        return sources

    def store_pattern(self, pattern: str) -> list[Source]:
        """Return the objects of a pattern, relative to the part before the first wildcard."""
        root, path = parse_path(pattern).parent, parse_path(pattern)
        while glob.has_magic(str(root)):
            root = root.parent
        relative = path.relative_to(root)
        depth = None if "**" in relative.parts else len(relative.parts)
        objects = list_objects(cast(RemotePath, root), depth)
        matching = ((path, below) for path, below in objects if is_match(below, str(relative)))
        return self._outside_outputs(matching, pattern)

    def store(self, folder: RemotePath) -> list[Source]:
        """Return the photographs below a folder of an object store."""
        found: list[tuple[RemotePath, Path]] = []
        for path, below in list_objects(folder):
            if any(is_hidden(part) for part in below.parts):
                continue
            if self.patterns:
                if any(is_match(below, f"**/{pattern}") for pattern in self.patterns):
                    found.append((path, below))
            elif has_image_suffix(path):
                found.append((path, below))
            elif not is_excluded(below, self.exclude):
                self.left_out[path.suffix.lower()] += 1
        return self._outside_outputs(found, absolute_name(folder))

    def _outside_outputs(
        self, objects: Iterable[tuple[RemotePath, Path]], name: str
    ) -> list[Source]:
        outputs = set(self.outputs)
        sources = [
            Source(path, relative) for path, relative in objects if outputs.isdisjoint(path.parents)
        ]
        if not sources:
            raise NothingFound(f"{display_name(name)}: no photograph found")
        return sources

    def folder(self, folder: Path) -> list[Source]:
        """Return the photographs below a folder, and rejected sources for unreadable subfolders."""
        failures: dict[str, OSError] = {}
        outputs = _nested_outputs(self.outputs, folder)

        def skip(path: str) -> bool:
            return _is_one_of(path, outputs) or self._excludes(path, folder)

        def on_error(error: OSError) -> None:
            failures[error.filename] = error

        if self.patterns:
            paths = self._matching(folder, skip, on_error)
        else:
            paths = []
            for root, files in walk(os.fspath(folder), skip, on_error):
                for path in (Path(root, name) for name in files):
                    if has_image_suffix(path):
                        paths.append(path)
                    elif not self._excludes(path, folder):
                        self.left_out[path.suffix.lower()] += 1
        sources = [Source(path, path.relative_to(folder)) for path in paths]
        sources += [_unreadable(error, folder) for error in failures.values()]
        if not sources:
            wanted = " or ".join(map(display_name, self.patterns))
            what = f"no file matches {wanted}" if self.patterns else "no photographs in it"
            if self.left_out:
                what += f"; {describe_left_out(self.left_out)}"
            raise NothingFound(f"{display_name(folder)}: {what}")
        return sorted(sources, key=lambda source: source.path)

    def _matching(
        self, folder: Path, skip: Callable[[str], bool], on_error: Callable[[OSError], None]
    ) -> list[Path]:
        """Return the files below a folder that match one of the patterns."""
        if absolute := next((p for p in self.patterns if os.path.isabs(p)), None):
            raise ColorizeError(f"{display_name(absolute)}: is not relative to the input folder")
        below = os.path.join(glob.escape(os.fspath(folder)), "**")
        names = {
            name
            for pattern in self.patterns
            for name in expand(os.path.join(below, pattern), skip, on_error)
        }
        return [Path(name) for name in names]

    def _excludes(self, path: str | Path, folder: Path) -> bool:
        return bool(self.exclude) and is_excluded(Path(path).relative_to(folder), self.exclude)


def _nested_outputs(outputs: Sequence[Path], folder: Path) -> set[Path]:
    """Return the real paths of the output folders that are inside a folder."""
    paths = [real_path(output) for output in outputs]
    return {path for path in paths if real_path(folder) in path.parents}


def _is_one_of(path: str, folders: set[Path]) -> bool:
    return bool(folders) and real_path(Path(path)) in folders


def _unreadable(error: OSError, folder: Path) -> Source:
    path = Path(error.filename)
    if path == folder:
        raise ColorizeError(f"{display_name(folder)}: {unlistable(error)}") from error
    return Source(path, path.relative_to(folder), unlistable(error))
