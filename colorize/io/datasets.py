"""Collections of photographs, in folders and tar files, for training and evaluation."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from colorize.errors import ColorizeError


def iter_files(sources: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of every file in folders (recursively) and tar files."""
    for source in sources:
        if source.is_dir():
            for path in sorted(p for p in source.rglob("*") if p.is_file()):
                yield str(path.relative_to(source)), path.read_bytes()
        elif source.is_file():
            with tarfile.open(source) as tar:
                for member in tar:
                    stream = tar.extractfile(member) if member.isfile() else None
                    if stream is not None:
                        yield member.name, stream.read()
        else:
            raise ColorizeError(f"{source}: no such folder or tar file")
