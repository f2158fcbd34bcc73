"""The sha256 of files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from colorize.io.source import open_regular

CHUNK = 1 << 20  # bytes read at a time


def hash_file(file: Path) -> str:
    """Return the sha256 of the file's content, 64 hex digits. Raises OSError."""
    digest = hashlib.sha256()
    with open_regular(file) as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
