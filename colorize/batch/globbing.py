"""Files below a folder, and shell patterns: no recursion, and no link to a folder under `**`."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from collections.abc import Callable, Iterator

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
    do not match hidden names.

    Args:
        pattern: absolute, or relative to the working folder.
        skip: whether `**` leaves out a folder, by its path.
        on_error: called for a folder below `**` that can't be listed.
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
        elif glob.has_magic(part):
            found = [path for base in found for path in _matching(base, part)]
        else:
            found = [path for path in (os.path.join(base, part) for base in found)
                     if os.path.lexists(path)]  # fmt: skip
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


def _matching(base: str, part: str) -> list[str]:
    try:
        names = os.listdir(base or os.curdir)
    except OSError:
        return []
    hidden = part.startswith(".")
    return [
        os.path.join(base, name)
        for name in names
        if fnmatch.fnmatch(name, part) and (hidden or not is_hidden(name))
    ]
