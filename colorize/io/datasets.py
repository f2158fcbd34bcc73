"""Collections of photographs, in folders and tar files, for training and evaluation."""

from __future__ import annotations

import lzma
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from colorize.errors import ColorizeError, display_name


def iter_files(sources: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of every file in folders (recursively) and tar files."""
    for source in sources:
        if source.is_dir():
            for path in sorted(p for p in source.rglob("*") if p.is_file()):
                yield str(path.relative_to(source)), path.read_bytes()
        elif source.is_file():
            yield from _iter_tar(source)
        else:
            raise ColorizeError(f"{source}: no such folder or tar file")


def _iter_tar(source: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(source) as tar:
            for member in tar:
                stream = tar.extractfile(member) if member.isfile() else None
                if stream is not None:
                    yield member.name, stream.read()
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise ColorizeError(
            f"{display_name(source)}: not a tar file, or a damaged one; name a tar file or a "
            "folder of photographs"
        ) from error
