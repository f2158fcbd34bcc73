"""The outside of image files: opening a source, replacing a target, naming what went wrong."""

from __future__ import annotations

import errno
import io
import os
import re
import secrets
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any, BinaryIO, cast

from colorize.errors import ColorizeError

try:
    import fcntl
except ImportError:  # Windows, where a file in use cannot be removed anyway
    fcntl = None  # type: ignore[assignment]

_UNREADABLE = "damaged, incomplete or of an unsupported kind"
MAX_STREAM_BYTES = 4 << 30  # a pipe is read into memory: 4 GiB
TEMPORARY_NAME = re.compile(r"\..*\.colorize-[0-9a-f]{12}\.tmp")


def display_name(source: object) -> str:
    """Return the name of a path or stream as messages give it: one line, always printable."""
    if not isinstance(source, (str, bytes, os.PathLike)):
        source = getattr(source, "name", "stream")
        if not isinstance(source, (str, bytes)):
            return "stream"
    name = os.fsdecode(source)
    return name if name.isprintable() and name else ascii(name)


@contextmanager
def error_context(
    name: str,
    failure: str = _UNREADABLE,
    file: BinaryIO | None = None,
) -> Iterator[None]:
    """Turn whatever fails inside into a ColorizeError of one line that begins with the name.

    Decoders raise nearly every exception there is on damaged files, so all are caught.

    failure: what an exception means that does not say so itself.
    file: the file being written, if one is; it is asked whether the disk is full, since
        encoders keep that to themselves.
    """
    try:
        with _quiet_pillow():
            yield
    except ColorizeError as error:
        if str(error).startswith(f"{name}: "):
            raise
        raise ColorizeError(f"{name}: {error}") from error
    except Exception as error:
        cause = _write_error(file) or error
        raise ColorizeError(f"{name}: {_reason(cause, failure)}") from error


@contextmanager
def open_source(source: Any, name: str) -> Iterator[BinaryIO]:
    """Open a path, or make a stream seekable; raise ColorizeError for what is no file."""
    if not isinstance(source, (str, bytes, os.PathLike)):
        with error_context(name):
            stream = _seekable(source)
        yield stream
        return
    with error_context(name):
        _check_regular(source)
        file = open(source, "rb")
    with file:
        yield file


@contextmanager
def atomic_write(target: Any, name: str) -> Iterator[BinaryIO]:
    """Give a file to write to, which becomes the target when all went well, else disappears."""
    if not isinstance(target, (str, bytes, os.PathLike)):
        buffer = io.BytesIO()
        yield buffer
        with error_context(name):
            target.write(buffer.getbuffer())
            target.flush()
        return
    path = os.fsdecode(target)
    with error_context(name):
        temporary, file = _new_temporary(path)
    try:
        yield file
        with error_context(name):
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


def remove_stale_temp_files(folder: str | os.PathLike[str]) -> int:
    """Remove temporary files that a killed run left in a folder; return how many there were.

    Those of a run that still writes are locked and stay.
    """
    return sum(_removed(entry.path) for entry in os.scandir(folder) if is_temp_file(entry.name))


def is_temp_file(name: str) -> bool:
    """Tell whether a file name is that of an output not yet finished."""
    return TEMPORARY_NAME.fullmatch(name) is not None


def _check_regular(path: str | bytes | os.PathLike[str]) -> None:
    if os.path.islink(path) and not os.path.exists(path):
        raise ColorizeError("is a link that leads nowhere")
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise ColorizeError("is a folder, not a picture")
    if not stat.S_ISREG(status.st_mode):
        raise ColorizeError("is no regular file (pipes are read through -)")
    if status.st_size == 0:
        raise ColorizeError("is empty")


def _seekable(stream: BinaryIO) -> BinaryIO:
    with suppress(AttributeError, OSError):
        if stream.seekable():
            if stream.seek(0, os.SEEK_END) == 0:
                raise ColorizeError("is empty")
            return stream
    content = stream.read(MAX_STREAM_BYTES + 1)
    if not content:
        raise ColorizeError("is empty")
    if len(content) > MAX_STREAM_BYTES:
        raise ColorizeError(f"more than {MAX_STREAM_BYTES >> 30} GiB through a pipe: give a file")
    return io.BytesIO(content)


def _new_temporary(path: str) -> tuple[str, BinaryIO]:
    if os.path.isdir(path):
        raise ColorizeError("is a folder: give the name of a file")
    folder, name = os.path.split(path)
    while len(os.fsencode(name)) > 200:  # names may have 255 bytes, and ours has 24 more
        name = name[:-1]
    temporary = os.path.join(folder, f".{name}.colorize-{secrets.token_hex(6)}.tmp")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    file = cast(BinaryIO, os.fdopen(os.open(temporary, flags, 0o666), "w+b"))
    _lock(file.fileno())
    return temporary, file


def _lock(descriptor: int) -> bool:
    """Lock an open file for this process; the lock ends with it, however it is killed."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _removed(path: str) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
        try:
            if not _lock(descriptor):
                return False
        finally:
            os.close(descriptor)
        os.unlink(path)
    except OSError:
        return False
    return True


_REASONS = {
    errno.ENOENT: "no such file",
    errno.EACCES: "permission denied",
    errno.ENOSPC: "the disk is full",
    errno.ELOOP: "a link that leads to itself",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EROFS: "the file system is read-only",
}


def _write_error(file: BinaryIO | None) -> OSError | None:
    if file is None or isinstance(file, io.BytesIO):
        return None
    try:
        file.write(bytes(1 << 20))
        file.flush()
    except OSError as error:
        return error
    return None


def _reason(error: Exception, failure: str) -> str:
    if isinstance(error, MemoryError):
        return "not enough memory for this picture"
    if isinstance(error, OSError) and error.errno is not None:
        return _REASONS.get(error.errno, (error.strerror or "input/output error").lower())
    text = " ".join(str(error).split())[:200]
    return f"{failure} ({text or type(error).__name__})"


_quiet_lock = Lock()
_quiet_users = 0
_quiet_filter: Any = None


@contextmanager
def _quiet_pillow() -> Iterator[None]:
    """Keep Pillow's warnings about odd tags from the user while any thread is inside.

    warnings.catch_warnings would not do: threads that leave in another order than they
    entered would restore each other's filters.
    """
    _enter_quiet()
    try:
        yield
    finally:
        _leave_quiet()


def _enter_quiet() -> None:
    global _quiet_users, _quiet_filter
    with _quiet_lock:
        _quiet_users += 1
        if _quiet_users == 1:
            _quiet_filter = ("ignore", None, Warning, re.compile(r"PIL\."), 0)
            warnings.filters.insert(0, _quiet_filter)  # type: ignore[attr-defined]


def _leave_quiet() -> None:
    global _quiet_users
    with _quiet_lock:
        _quiet_users -= 1
        if _quiet_users == 0:
            with suppress(ValueError):
                warnings.filters.remove(_quiet_filter)  # type: ignore[attr-defined]
