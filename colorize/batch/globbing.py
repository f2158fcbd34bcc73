"""Files below a folder, and shell patterns that ignore case.

Nothing here recurses over folders, and `**` follows no links to folders.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePath

from colorize.errors import reason_of

# What network storage, operating systems and archivers put among people's files: thumbnails,
# recycle bins, snapshots. Compared without regard to case.
SYSTEM_FOLDERS = frozenset(
    {
        "@eadir", "#recycle", "#snapshot", "@tmp", "@sharebin",  # Synology
        "@recycle", "@recently-snapshot", "@transcode", "@__thumb",  # QNAP
        "$recycle.bin", "recycler", "recycled", "system volume information", "found.000",  # Windows
        "lost+found", "network trash folder", "temporary items", "__macosx", ".trash",
    }
)  # fmt: skip


SYSTEM_FILES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini"})

Skip = Callable[[str], bool]
OnError = Callable[[OSError], None]


def is_hidden(name: str) -> bool:
    """Return whether a file or folder of this name is left out of folders."""
    return name.startswith(".") or name.casefold() in SYSTEM_FOLDERS | SYSTEM_FILES


def _no_folder(path: str) -> bool:
    return False


def _ignore(error: OSError) -> None:
    pass


def unlistable(error: OSError) -> str:
    """Return that a folder can't be listed, and why."""
    return f"can't list this folder: {reason_of(error)}"


def walk(
    folder: str, skip: Skip = _no_folder, on_error: OnError = _ignore
) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder below one, itself first, with the names of its files; none are hidden.

    os.walk of Python 3.11 recurses, which ends at a depth of a thousand folders.

    Args:
        folder: where to begin.
        skip: whether to leave out a folder, by its path.
        on_error: called for a folder that can't be listed.
    """
    pending = [folder]
    while pending:
        path = pending.pop()
        try:
            with os.scandir(path) as entries:
                listed = sorted(
                    (entry for entry in entries if not is_hidden(entry.name)),
                    key=lambda entry: entry.name,
                )
        except OSError as error:
            on_error(error)
            continue
        files, folders = [], []
        for entry in listed:
            if not os.path.isdir(entry.path):  # entry.is_dir() raises for a link in a loop
                files.append(entry.name)
            elif not entry.is_symlink() and not skip(entry.path):
                folders.append(entry.path)
        yield path, files
        pending += reversed(folders)


def expand(pattern: str, skip: Skip = _no_folder, on_error: OnError = _ignore) -> list[str]:
    """Return the files that a shell's pattern names, sorted, each once.

    `**` stands for any number of folders and follows no links, so it ends; `*`, `?` and `[...]`
    do not match hidden names. Upper and lower case are the same, unless a name without wildcards
    exists as it is written.

    Args:
        pattern: absolute, or relative to the working folder.
        skip: whether `**` leaves out a folder, by its path.
        on_error: called for a folder that can't be listed.
    """
    drive, rest = os.path.splitdrive(pattern)
    parts = re.split(r"[/\\]+" if os.sep == "\\" else "/+", rest)
    found = [drive]
    if parts[0] == "":
        found, parts = [drive + os.sep], parts[1:]
    for number, part in enumerate(parts):
        is_last = number == len(parts) - 1
        if part == "**":
            found = [path for base in found for path in _below(base, is_last, skip, on_error)]
        else:
            found = [path for base in found for path in _matching(base, part, on_error)]
        found = list(dict.fromkeys(found))
    return sorted(path for path in found if not os.path.isdir(path))


def _below(base: str, files: bool, skip: Skip, on_error: OnError) -> Iterator[str]:
    """Yield the folders below a folder, itself included, or the files in all of them."""
    for path, names in walk(base or os.curdir, skip, on_error):
        folder = path if base else os.path.normpath(path)
        folder = "" if folder == os.curdir else folder
        if files:
            yield from (os.path.join(folder, name) for name in names)
        else:
            yield folder


def _matching(base: str, part: str, on_error: OnError) -> list[str]:
    """Return the paths of what is in a folder and matches one part of a pattern."""
    if not glob.has_magic(part) and os.path.lexists(path := os.path.join(base, part)):
        return [path]
    try:
        names = os.listdir(base or os.curdir)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        on_error(error)
        return []
    hidden = part.startswith(".")
    return [
        os.path.join(base, name)
        for name in names
        if _is_match(name, part) and (hidden or not is_hidden(name))
    ]


def _is_match(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name.casefold(), pattern.casefold())


def is_match(relative: PurePath, pattern: str) -> bool:
    """Return whether a path below a folder matches all of a pattern that is relative to it."""
    return _match(relative.parts, _parts(pattern), whole=True)


def is_excluded(relative: PurePath, patterns: Sequence[str]) -> bool:
    """Return whether a file, or a folder that contains it, matches one of the patterns.

    Args:
        relative: path below an input folder.
        patterns: `*.tif` or `backs` at any depth, `1950/*.tif` from the input folder on, with
            `**` for any number of folders; `backs/` is a folder only. Case is ignored.
    """
    for pattern in patterns:
        parts = _parts(pattern)
        if len(parts) == 1 and not pattern.startswith(("/", os.sep)):
            parts.insert(0, "**")
        if pattern.endswith(("/", os.sep)):
            parts.append("*")
        if _match(relative.parts, parts, whole=False):
            return True
    return False


def _parts(pattern: str) -> list[str]:
    separators = r"[/\\]+" if os.sep == "\\" else "/+"
    return [part for part in re.split(separators, pattern) if part]


def _match(names: Sequence[str], pattern: Sequence[str], *, whole: bool) -> bool:
    """Return whether a path matches a pattern: all of it, or else its beginning."""
    if not pattern:
        return not (whole and names)
    rest = pattern[1:]
    if pattern[0] == "**":
        starts = range(len(names) + 1)
        return any(_match(names[start:], rest, whole=whole) for start in starts)
    return bool(names) and _is_match(names[0], pattern[0]) and _match(names[1:], rest, whole=whole)
