"""Opening what a photograph is read from: a path, or a stream, which may be a pipe."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from colorize.errors import ColorizeError, display_name, error_context

MAX_STREAM_BYTES = 4 << 30  # a pipe is read into memory

PathOrStream = str | bytes | os.PathLike[str] | os.PathLike[bytes] | BinaryIO


@contextmanager
def open_source(source: PathOrStream) -> Iterator[BinaryIO]:
    """Open a path for reading, or make a stream seekable.

    Raises ColorizeError, naming the source, where it is empty or not a regular file.
    """
    name = display_name(source)
    if not isinstance(source, (str, bytes, os.PathLike)):
        with error_context(name, "cannot be read"):
            stream = _seekable(source)
        yield stream
        return
    with error_context(name, "cannot be opened"):
        _check_regular(source)
        file = open(source, "rb")
    with file:
        yield file


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file for reading. Raises OSError, also for a pipe, which nobody may ever write to."""
    if not stat.S_ISREG(os.stat(path).st_mode) and not os.path.isdir(path):
        raise OSError("is not a regular file")
    return open(path, "rb")


def _check_regular(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> None:
    if os.path.islink(path) and not os.path.exists(path):
        raise ColorizeError("is a link that leads nowhere")
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise ColorizeError("is a folder, not a picture")
    if not stat.S_ISREG(status.st_mode):
        raise ColorizeError("is not a regular file (to read from a pipe, give -)")
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
