"""Writing a file so that its name shows the old content or the whole new one, never a part."""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO, cast

from colorize.errors import ColorizeError, display_name, error_context
from colorize.io.source import PathOrStream

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]
try:
    import msvcrt
except ImportError:  # every other system
    msvcrt = None  # type: ignore[assignment]

_CHANGED = "another file has appeared under this name meanwhile, and is kept: run again"
LOCKED_BYTE = 0x7FFFFFFE  # of Windows' locks, which others can neither read nor write: no file's
ADDED_BYTES = 27  # to the name of an output in that of its temporary file
MAX_NAME_BYTES = 200  # of what is taken of it: a name may have 255
MAX_WINDOWS_PATH = 259  # characters, unless long paths are switched on
TEMPORARY_NAME = re.compile(r"\..*\.colorize-[0-9a-f]{12}\.tmp")


@dataclass(frozen=True)
class Found:
    """What was at an output's path when its job began: an output may replace only that.

    Attributes:
        identity: device, inode, size and mtime in nanoseconds; None where there was nothing.
        mode: permission bits that the output must not exceed.
    """

    identity: tuple[int, int, int, int] | None
    mode: int = 0o666

    @classmethod
    def at(
        cls, path: str | os.PathLike[str], source: str | os.PathLike[str] | None = None
    ) -> Found:
        """Look at a path; a new output gets no more permissions than its source has."""
        status = _lstat(path)
        if status is not None:
            regular = stat.S_ISREG(status.st_mode)
            return cls(_identity(status), stat.S_IMODE(status.st_mode) if regular else 0o666)
        with suppress(OSError):
            if source is not None:
                return cls(None, stat.S_IMODE(os.stat(source).st_mode) | stat.S_IWUSR)
        return cls(None)


@contextmanager
def atomic_write(target: PathOrStream, found: Found | None = None) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces the target on success and is removed on failure.

    For a target that is a stream, the file is a buffer whose content is written at the end.

    Args:
        target: a path or a stream.
        found: what the file may replace; None for anything.

    Raises:
        ColorizeError: naming the target, where it cannot be written, or where something else has
            appeared at its path.
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
        try:
            temporary, file = _open_temporary(path)
        except FileNotFoundError as error:
            if os.path.isdir(os.path.dirname(path) or os.curdir):
                raise
            raise ColorizeError("no such folder") from error
    try:
        if found is not None and os.name == "posix":
            with suppress(OSError):
                os.fchmod(file.fileno(), os.fstat(file.fileno()).st_mode & found.mode)
        yield file
        with error_context(name, "cannot be written"):
            file.flush()
            if fcntl is None:
                file.close()  # Windows cannot rename an open file
            _put_in_place(temporary, path, found)
            file.close()
    except BaseException:
        with suppress(OSError):  # on a full disk, closing fails as well
            file.close()
        with suppress(OSError):
            os.unlink(temporary)
        raise


def check_replaceable(target: str | os.PathLike[str]) -> None:
    """Raise ColorizeError for an existing output that is neither a file nor a link to one."""
    for look in (os.lstat, os.stat):
        try:
            mode = look(target).st_mode
        except OSError:  # missing, or a link that leads nowhere
            return
        if not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            raise ColorizeError(f"{display_name(target)} is {what}; choose another output")


def _put_in_place(temporary: str, path: str, found: Found | None) -> None:
    """Rename a file to a path, unless something else than what was found is there."""
    if found is None:
        os.replace(temporary, path)
        return
    status = _lstat(path)
    if (None if status is None else _identity(status)) != found.identity:
        raise ColorizeError(_CHANGED)
    if status is not None:
        os.replace(temporary, path)
        return
    try:
        os.link(temporary, path)  # which, other than a rename, never replaces a file
    except FileExistsError as error:
        raise ColorizeError(_CHANGED) from error
    except OSError:  # a file system without hard links
        os.replace(temporary, path)
    else:
        os.unlink(temporary)


def _lstat(path: str | os.PathLike[str]) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except OSError:
        return None


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


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
    system has no locks.
    """
    if fcntl is not None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    position = os.lseek(descriptor, 0, os.SEEK_CUR)
    os.lseek(descriptor, LOCKED_BYTE, os.SEEK_SET)
    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except PermissionError as error:
        raise BlockingIOError(*error.args) from error
    finally:
        os.lseek(descriptor, position, os.SEEK_SET)


def _open_temporary(path: str) -> tuple[str, BinaryIO]:
    if os.path.isdir(path):
        raise ColorizeError("is a folder: give the name of a file")
    folder, name = os.path.split(path)
    room = MAX_NAME_BYTES
    if fcntl is None:
        room = min(room, MAX_WINDOWS_PATH - len(os.path.abspath(folder)) - 1 - ADDED_BYTES)
    while name and len(os.fsencode(name)) > room:
        name = name[:-1]
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    while True:
        temporary = os.path.join(folder, f".{name}.colorize-{os.urandom(6).hex()}.tmp")
        file = cast(BinaryIO, os.fdopen(os.open(temporary, flags, 0o666), "w+b"))
        if _is_ours(temporary, file):
            return temporary, file
        file.close()


def _is_ours(temporary: str, file: BinaryIO) -> bool:
    """Lock a new file; return False where another run removed it before it was locked."""
    try:
        lock_file(file.fileno())
    except BlockingIOError:  # it is being removed
        return False
    except OSError:  # a file system without locks
        return True
    status = _lstat(temporary)
    return status is not None and os.path.samestat(status, os.fstat(file.fileno()))


def _remove_unlocked(path: str) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
        try:
            lock_file(descriptor)
            if fcntl is not None:  # while it is locked, so that nobody begins to write it
                os.unlink(path)
        finally:
            os.close(descriptor)
        if fcntl is None:
            os.unlink(path)  # Windows refuses while the file is open
    except OSError:
        return False
    return True
