"""Photographs that clients uploaded once and refer to again by a random token."""

from __future__ import annotations

import secrets
import shutil
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import BinaryIO

TOKEN_BYTES = 24  # of randomness; a token is the only access control that a photograph has


@dataclass(frozen=True)
class _Entry:
    path: Path
    bytes: int
    last_used: float  # time.monotonic()


class KeptPhotos:
    """Encoded photographs in a temporary folder, limited in bytes and in time. Thread-safe."""

    def __init__(self, max_bytes: int, seconds: float):
        """Start without photographs; the folder is created for the first one.

        Args:
            max_bytes: All photographs together; the ones unused for longest are dropped first.
            seconds: A photograph unused for longer is dropped.
        """
        self.max_bytes = max_bytes
        self.seconds = seconds
        self._folder: TemporaryDirectory[str] | None = None
        self._entries: OrderedDict[str, _Entry] = OrderedDict()  # the one used last at the end
        self._lock = Lock()

    def keep(self, photo: BinaryIO) -> str | None:
        """Copy a photograph and return its token, or None if it is larger than all may be."""
        size = photo.seek(0, 2)
        photo.seek(0)
        if size > self.max_bytes:
            return None
        token = secrets.token_urlsafe(TOKEN_BYTES)
        with self._lock:
            if self._folder is None:
                self._folder = TemporaryDirectory(prefix="colorize-serve-")
            path = Path(self._folder.name) / token
        try:
            with path.open("xb") as copy:
                shutil.copyfileobj(photo, copy, 1 << 20)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        photo.seek(0)
        with self._lock:
            self._entries[token] = _Entry(path, size, time.monotonic())
            while sum(entry.bytes for entry in self._entries.values()) > self.max_bytes:
                self._remove(next(iter(self._entries)))
        return token

    def open(self, token: str) -> BinaryIO | None:
        """Return a new stream of a photograph, or None if it is unknown or was dropped."""
        self.drop_expired()
        with self._lock:
            entry = self._entries.pop(token, None)
            if entry is None:
                return None
            self._entries[token] = _Entry(entry.path, entry.bytes, time.monotonic())
            return entry.path.open("rb")

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

    def close(self) -> None:
        """Delete all photographs and the folder."""
        with self._lock:
            self._entries.clear()
            if self._folder is not None:
                self._folder.cleanup()

    def _remove(self, token: str) -> bool:
        self._entries.pop(token).path.unlink(missing_ok=True)
        return True
