"""The folder next to an output in which unfinished work is kept, so that it can be resumed.

Its name has a digest of all that the output depends on: another command does not find it.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from colorize.errors import ColorizeError, display_name, error_context
from colorize.io.atomic import lock_file, remove_stale_temp_files

WINDOWS = os.name == "nt"

PIECE_SUFFIX = ".piece"
FOLDER_NAME = re.compile(r".*\.unfinished-[0-9a-f]{12}", re.DOTALL)
MAX_NAME_BYTES = 200  # of the output's name in that of the folder; a name may have 255
LOCK, FINISHED = "lock", "finished"


@contextmanager
def unfinished_folder(
    target: str | os.PathLike[str], settings: Mapping[str, object], *, keep: bool = True
) -> Iterator[Path]:
    """Hold the folder for the unfinished work on an output; it is removed after success.

    Args:
        target: the output.
        settings: what the output depends on, as JSON values.
        keep: whether the folder stays after an exception, if there is a piece in it.

    Raises:
        ColorizeError: another process is working on the same.
    """
    name = display_name(target)
    path = unfinished_path(target, settings)
    with error_context(name, "cannot be written"):
        path.mkdir(exist_ok=True)
        lock = open(path / LOCK, "wb")
    try:
        with lock:
            _hold(lock, name)
            remove_stale_temp_files(path)
            try:
                yield path
            except BaseException:
                if not keep or not any(path.glob(f"*{PIECE_SUFFIX}")):
                    shutil.rmtree(path, ignore_errors=True)
                raise
            (path / FINISHED).touch()
            shutil.rmtree(path, ignore_errors=True)
    finally:
        if os.path.isdir(path) and os.listdir(path) == [LOCK]:
            _remove_unlocked(path)  # Windows kept the lock, which was open


def _hold(lock: IO[bytes], name: str) -> None:
    """Lock a file. Raises ColorizeError where another process has locked it."""
    try:
        lock_file(lock.fileno())
    except BlockingIOError as error:
        raise ColorizeError(f"{name}: another process is writing it already") from error
    except OSError:  # a file system without locks
        pass


def unfinished_path(target: str | os.PathLike[str], settings: Mapping[str, object]) -> Path:
    """Return the folder for the unfinished work on an output."""
    text = json.dumps(settings, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return Path(os.path.dirname(target), f"{_prefix(target)}{digest}")


def unfinished_folders(target: str | os.PathLike[str]) -> list[Path]:
    """Return the folders with unfinished work on an output, with any settings."""
    pattern = glob.escape(_prefix(target)) + "*"
    return sorted(Path(os.path.dirname(target)).glob(pattern))


def _prefix(target: str | os.PathLike[str]) -> str:
    name = os.path.basename(os.fspath(target))
    while len(os.fsencode(name)) > MAX_NAME_BYTES:
        name = name[:-1]
    return f"{name}.unfinished-"


def remove_finished(folder: str | os.PathLike[str]) -> None:
    """Remove what is left of the work on outputs in a folder that were finished meanwhile."""
    for entry in os.scandir(folder):
        if FOLDER_NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
            content = set(os.listdir(entry.path))
            if FINISHED in content or content == {LOCK}:
                _remove_unlocked(Path(entry.path))


def _remove_unlocked(path: Path) -> None:
    try:
        with open(path / LOCK, "ab") as lock:
            lock_file(lock.fileno())
            if not WINDOWS:  # while it is locked, so that nobody goes on with it
                shutil.rmtree(path, ignore_errors=True)
        shutil.rmtree(path, ignore_errors=True)  # Windows removes closed files only
    except OSError:  # another process is at work
        pass
