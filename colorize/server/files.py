"""Temporary files of a running server: uploads, results and photographs that are kept."""

from __future__ import annotations

import secrets
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

TOKEN_BYTES = 24  # of randomness: names of files are also the tokens of kept photographs


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
