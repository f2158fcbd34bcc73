"""The one exception that callers of the library need to catch, and how its messages are made."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

WINDOWS = os.name == "nt"
MAX_REASON = 200  # characters of another library's message that are repeated

_REASONS = {
    errno.ENOENT: "no such file",
    errno.EACCES: "permission denied",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.ELOOP: "a link that leads to itself",
    errno.ENAMETOOLONG: "the name is too long; give the file a shorter one",
    errno.EROFS: "the file system is read-only",
    errno.EMFILE: "too many open files; a higher limit helps (ulimit -n)",
}


class ColorizeError(Exception):
    """Bad input or a failed step; the message names the file, the reason and the remedy.

    It is one printable line: what a server or a file says in it cannot control a terminal.

    Attributes:
        reason: The message without `remedy`.
        remedy: What helps only users of the command, such as one of its options; may be empty.
    """

    def __init__(self, reason: str, remedy: str = ""):
        """Store the two parts of the message."""
        self.reason = escape(reason)
        super().__init__(self.reason)
        self.remedy = remedy

    def __str__(self) -> str:
        """Return the whole message."""
        return f"{self.reason}: {self.remedy}" if self.remedy else self.reason


def escape(text: str) -> str:
    """Return a text with line ends, control characters and the like as their escape sequences."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def display_name(source: object) -> str:
    """Return a path's or stream's name for messages: always printable, on one line.

    A name that is not printable, such as one with a newline or with bytes that are not UTF-8,
    is quoted and escaped as Python's `ascii` does.
    """
    if not isinstance(source, (str, bytes, os.PathLike)):
        source = getattr(source, "name", "stream")
        if not isinstance(source, (str, bytes)):
            return "stream"
    name = os.fsdecode(source)
    return name if name.isprintable() and name else ascii(name)


def is_closed_pipe(error: OSError) -> bool:
    """Return whether the reader of a pipe is gone, which Windows reports as EINVAL."""
    return isinstance(error, BrokenPipeError) or (WINDOWS and error.errno == errno.EINVAL)


def one_line(error: BaseException) -> str:
    """Return an exception's message on one line, shortened; its type where it has no message."""
    return " ".join(str(error).split())[:MAX_REASON] or type(error).__name__


def first_line(error: BaseException) -> str:
    """Return the first line of an exception's message; its type where it has no message."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def reason_of(error: Exception, failure: str = "") -> str:
    """Return why something failed, on one line.

    Args:
        error: what was raised.
        failure: what it means, if its message may mean nothing to users.
    """
    if isinstance(error, MemoryError):
        return "not enough memory for this picture"
    if isinstance(error, OSError) and error.errno is not None:
        return _REASONS.get(error.errno, (error.strerror or "input/output error").lower())
    return f"{failure} ({one_line(error)})" if failure else one_line(error)


def message_of(error: Exception) -> str:
    """Return the message to the user, of an OSError with the name of its file if it has one."""
    if isinstance(error, ColorizeError):
        return str(error)
    file = error.filename if isinstance(error, OSError) else None
    return ("" if file is None else f"{display_name(file)}: ") + reason_of(error)


def is_disk_full(error: BaseException) -> bool:
    """Return whether an exception, or one that led to it, means that nothing can be written."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


@contextmanager
def error_context(name: str, failure: str = "failed") -> Iterator[None]:
    """Turn any exception into a ColorizeError of one line that begins with a name.

    Image decoders raise nearly every type of exception on damaged files, so all are caught.

    Args:
        name: of the file, as `display_name` returns it.
        failure: what the exception means if its message does not tell, such as "cannot be written".
    """
    try:
        yield
    except ColorizeError as error:
        if error.reason.startswith(f"{name}: "):
            raise
        raise ColorizeError(f"{name}: {error.reason}", error.remedy) from error
    except Exception as error:
        raise ColorizeError(f"{name}: {reason_of(error, failure)}") from error
