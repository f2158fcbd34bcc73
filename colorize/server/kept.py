"""Photographs that clients uploaded once and refer to again by a random token."""

from __future__ import annotations

import os
import shutil
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from colorize.server.files import WorkFolder


@dataclass(frozen=True)
class _Entry:
    path: Path
    bytes: int
    last_used: float  # time.monotonic()


class KeptPhotos:
    """Encoded photographs in a temporary folder, limited in bytes and in time. Thread-safe.

    A token is the only access control that a photograph has.
    """

    def __init__(self, folder: WorkFolder, max_bytes: int, seconds: float):
        """Start without photographs.

        Args:
            folder: Where they lie.
            max_bytes: All photographs together; the ones unused for longest are dropped first.
            seconds: A photograph unused for longer is dropped.
        """
        self.folder = folder
        self.max_bytes = max_bytes
        self.seconds = seconds
        self._entries: OrderedDict[str, _Entry] = OrderedDict()  # the one used last at the end
        self._lock = Lock()

    def keep(self, photo: Path) -> str | None:
        """Take over a file; return its token, None (and leave the file) if it is too large."""
        size = photo.stat().st_size
        if size > self.max_bytes:
            return None
        path = self.folder.new_path()
        photo.replace(path)
        with self._lock:
            self._entries[path.name] = _Entry(path, size, time.monotonic())
            while sum(entry.bytes for entry in self._entries.values()) > self.max_bytes:
                self._remove(next(iter(self._entries)))
        return path.name

    def copy(self, token: str) -> Path | None:
        """Return a new file with a photograph's content, None if it is unknown or was dropped."""
        self.drop_expired()
        with self._lock:
            entry = self._entries.pop(token, None)
            if entry is None:
                return None
            self._entries[token] = _Entry(entry.path, entry.bytes, time.monotonic())
            path = self.folder.new_path()
            try:
                os.link(entry.path, path)
            except OSError:  # the file system has no hard links
                shutil.copyfile(entry.path, path)
            return path

    def drop(self, token: str) -> bool:
        """Delete a photograph; return whether there was one."""
        with self._lock:
            return token in self._entries and self._remove(token)

    def drop_expired(self) -> None:
        """Delete the photographs that were not used for too long."""
        with self._lock:
            oldest = time.monotonic() - self.seconds
            expired = [token for token, each in self._entries.items() if each.last_used < oldest]
            for token in expired:
                self._remove(token)

    def _remove(self, token: str) -> bool:
        self._entries.pop(token).path.unlink(missing_ok=True)
        return True
