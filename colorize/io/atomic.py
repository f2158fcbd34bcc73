"""Writing a file so that its name shows the old content or the whole new one, never a part."""

from __future__ import annotations

import io
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, cast

from colorize.errors import ColorizeError, display_name, error_context
from colorize.io.source import PathOrStream

try:
    import fcntl
except ImportError:  # Windows, where a file in use cannot be removed anyway
    fcntl = None  # type: ignore[assignment]

TEMPORARY_NAME = re.compile(r"\..*\.colorize-[0-9a-f]{12}\.tmp")


@contextmanager
def atomic_write(target: PathOrStream) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces the target on success and is removed on failure.

    For a target that is a stream, the file is a buffer whose content is written at the end.

    Raises ColorizeError, naming the target, where it cannot be written.
    """
    name = display_name(target)
    if not isinstance(target, (str, bytes, os.PathLike)):
        buffer = io.BytesIO()
        yield buffer
        with error_context(name, "cannot be written"):
            target.write(buffer.getbuffer())
            target.flush()
        return
    path = os.fsdecode(target)
    with error_context(name, "cannot be written"):
        temporary, file = _open_temporary(path)
    try:
        yield file
        with error_context(name, "cannot be written"):
            file.flush()
            if fcntl is None:
                file.close()  # Windows cannot rename an open file
            os.replace(temporary, path)
            file.close()
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        with suppress(OSError):  # on a full disk, closing fails as well
            file.close()
        raise


@contextmanager
def disk_errors_revealed(file: BinaryIO | None) -> Iterator[None]:
    """Raise the OSError behind an encoder's failure: most of them do not say that a disk is full.

    Args:
        file: the one being written; after a failure, a write to it is tried.
    """
    try:
        yield
    except ColorizeError:
        raise
    except Exception as error:
        if file is not None and not isinstance(file, io.BytesIO):
            try:
                file.write(bytes(1 << 20))
                file.flush()
            except OSError as cause:
                raise cause from error
        raise


def remove_stale_temp_files(folder: str | os.PathLike[str]) -> int:
    """Remove temporary files that a killed run left in a folder; return how many there were.

    A run that is still writing holds a lock on its temporary file, which therefore stays.
    """
    names = (entry.path for entry in os.scandir(folder) if is_temp_file(entry.name))
    return sum(map(_remove_unlocked, names))


def is_temp_file(name: str) -> bool:
    """Return whether a file name is that of an unfinished output."""
    return TEMPORARY_NAME.fullmatch(name) is not None


def lock_file(descriptor: int) -> None:
    """Lock an open file until this process closes it or ends, however it ends.

    Raises BlockingIOError where another process holds the lock, another OSError where the file
    system has no locks. Does nothing on Windows.
    """
    if fcntl is not None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _open_temporary(path: str) -> tuple[str, BinaryIO]:
    if os.path.isdir(path):
        raise ColorizeError("is a folder: give the name of a file")
    folder, name = os.path.split(path)
    while len(os.fsencode(name)) > 200:  # of the 255 bytes that a name may have, 24 are added
        name = name[:-1]
    temporary = os.path.join(folder, f".{name}.colorize-{secrets.token_hex(6)}.tmp")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    file = cast(BinaryIO, os.fdopen(os.open(temporary, flags, 0o666), "w+b"))
    with suppress(OSError):
        lock_file(file.fileno())
    return temporary, file


def _remove_unlocked(path: str) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
        try:
            lock_file(descriptor)
        finally:
            os.close(descriptor)
        os.unlink(path)
    except OSError:
        return False
    return True
