"""Temporary files of a running server: uploads, results and photographs that are kept."""

from __future__ import annotations

import errno
import secrets
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

TOKEN_BYTES = 24  # of randomness: names of files are also the tokens of kept photographs
DISK_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))  # Windows has no EDQUOT


class WorkFolder:
    """A temporary folder, created when it is needed first. Thread-safe."""

    def __init__(self) -> None:
        """Return a folder that does not exist yet."""
        self._folder: TemporaryDirectory[str] | None = None
        self._lock = Lock()

    def new_path(self) -> Path:
        """Return the path of a file that does not exist, with an unpredictable name."""
        with self._lock:
            if self._folder is None:
                self._folder = TemporaryDirectory(
                    prefix="colorize-serve-", ignore_cleanup_errors=True
                )
            return Path(self._folder.name) / secrets.token_urlsafe(TOKEN_BYTES)

    def close(self) -> None:
        """Delete the folder with everything in it."""
        with self._lock:
            if self._folder is not None:
                self._folder.cleanup()
                self._folder = None


def is_disk_full(error: BaseException) -> bool:
    """Return whether an error, or one of those that caused it, means that there is no space."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in DISK_FULL:
            return True
        cause = cause.__cause__ or cause.__context__
    return False
