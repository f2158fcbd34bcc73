"""Files in an object store (`s3://…`, `gs://…`) beside those on a disk, by way of fsspec.

A name with a scheme becomes a `RemotePath`; the other functions take either kind. An object is
read whole and written whole by one request, which the stores make atomic: like a file on a disk,
an output is there whole or not at all. docs/scale.md says more.
"""

from __future__ import annotations

import glob as globbing
import hashlib
import io
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from functools import cache
from pathlib import Path, PosixPath, PurePosixPath
from typing import Any

from colorize.errors import ColorizeError, display_name, one_line
from colorize.io.checksum import hash_file

URL = re.compile(r"([a-z][a-z0-9+.-]+)://(.*)", re.DOTALL)  # two letters: no drive of Windows
EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}


class StorageError(ColorizeError):
    """A store has no such object or refuses to give or take it: it costs this photograph alone."""


class RemotePath(PosixPath):
    """The place of an object: a scheme, a bucket and a key, taken apart like a path."""

    @property
    def scheme(self) -> str:
        """Such as `s3`."""
        return self.parts[0].removesuffix(":")

    @property
    def key(self) -> str:
        """What the file system of the scheme calls it, without the scheme."""
        return str(_file_system(self.scheme).root_marker) + "/".join(self.parts[1:])

    def __fspath__(self) -> str:
        return f"{self.scheme}://{self.key}"


class _NamedBytes(io.BytesIO):
    """A file in memory that messages call by the name of the object."""

    name = ""


def is_url(name: str | None) -> bool:
    """Tell whether a name is that of an object in a store."""
    found = URL.fullmatch(name or "")
    return found is not None and found[1] != "file"


def place(name: str) -> Path:
    """Return the path that a name means: on a disk, or where it begins with a scheme, remote.

    Raises ColorizeError where the scheme is unknown or its package is absent.
    """
    found = URL.fullmatch(name)
    if found is None:
        return Path(name)
    if found[1] == "file":
        return Path(found[2])
    if os.name != "posix":
        raise ColorizeError(f"{display_name(name)}: object stores need Linux or macOS")
    _file_system(found[1])
    return RemotePath(f"{found[1]}:", found[2].lstrip("/"))


def absolute(path: Path) -> str:
    """Return the full name that manifests and reports give a path."""
    return os.fspath(path) if isinstance(path, RemotePath) else os.path.abspath(path)


def is_folder(path: Path) -> bool:
    """Tell whether there is a folder, in a store a name that others begin with."""
    if not isinstance(path, RemotePath):
        return os.path.isdir(path)
    with _error_context(path):
        return bool(_file_system(path.scheme).isdir(path.key))


def exists(path: Path) -> bool:
    """Tell whether anything has that name, a dangling link too."""
    if not isinstance(path, RemotePath):
        return os.path.lexists(path)
    with _error_context(path):
        return bool(_file_system(path.scheme).exists(path.key))


def is_file(path: Path) -> bool:
    """Tell whether there is a file or an object."""
    return os.path.isfile(path) if not isinstance(path, RemotePath) else stamp(path) != (None, None)


def stamp(path: Path) -> tuple[int, int] | tuple[None, None]:
    """Return size and time of modification in nanoseconds of a regular file, else Nones."""
    if isinstance(path, RemotePath):
        return _object_stamp(path)
    try:
        status = os.stat(path)
    except OSError:
        return None, None
    # reading a pipe would wait for ever
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else (None, None)


def _object_stamp(path: RemotePath) -> tuple[int, int] | tuple[None, None]:
    system = _file_system(path.scheme)
    try:
        with _error_context(path):
            said = system.info(path.key)
            if said["type"] != "file":
                return None, None
            modified = system.modified(path.key)
    except StorageError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None, None
        raise
    if modified.tzinfo is None:
        modified = modified.replace(tzinfo=UTC)
    return int(said["size"]), round(modified.timestamp() * 1e6) * 1000


def sha256(path: Path) -> str | None:
    """Return the sha256 of a regular file that can be read, else None."""
    if stamp(path) == (None, None):
        return None
    try:
        if isinstance(path, RemotePath):
            return hashlib.sha256(_content(path)).hexdigest()
        return hash_file(path)
    except (OSError, ColorizeError):
        return None


@contextmanager
def readable(source: Path) -> Iterator[Path | io.BytesIO]:
    """Give what `image.read` takes: the path, or the content of the object."""
    if not isinstance(source, RemotePath):
        yield source
        return
    file = _NamedBytes(_content(source))
    file.name = os.fspath(source)
    yield file


@contextmanager
def writable(target: Path) -> Iterator[Path | io.BytesIO]:
    """Give what `image.write` takes: the path, or a buffer that becomes the object at the end."""
    if not isinstance(target, RemotePath):
        yield target
        return
    file = _NamedBytes()
    file.name = os.fspath(target)
    yield file
    system = _file_system(target.scheme)
    with _error_context(target, "no such bucket"):
        if target.scheme in ("local", "memory"):  # these have folders
            system.makedirs(os.path.dirname(target.key), exist_ok=True)
        system.pipe_file(target.key, file.getvalue())


def listed(folder: RemotePath, pattern: str | None) -> Iterator[tuple[RemotePath, Path]]:
    """Yield the objects below a folder that are not hidden, and their places below it.

    pattern: as for `glob`, at any depth; None for all. Names with an empty part or `..`, which
    a path can't hold, raise ColorizeError.
    """
    system = _file_system(folder.scheme)
    with _error_context(folder):
        if pattern is None:
            found = system.find(folder.key)
        else:
            found = system.glob(f"{folder.key.rstrip('/')}/**/{pattern}")
    yield from _below(folder, found, pattern is not None)


def expanded(pattern: RemotePath) -> Iterator[tuple[RemotePath, Path]]:
    """Yield the objects of a pattern, and their places below its part before a wildcard."""
    root = pattern.parent
    while globbing.has_magic(str(root)):
        root = root.parent
    with _error_context(pattern):
        found = _file_system(pattern.scheme).glob(pattern.key)
    yield from _below(root, found, True)


def _below(
    folder: RemotePath, found: list[str], maybe_folders: bool
) -> Iterator[tuple[RemotePath, Path]]:
    marker = "/" if folder.key.startswith("/") else ""
    for key in sorted(found):
        path = RemotePath(f"{folder.scheme}:", key.lstrip("/"))
        if marker + "/".join(path.parts[1:]) != key or ".." in path.parts:
            raise ColorizeError(
                f"{display_name(f'{folder.scheme}://{key}')}: an object whose name has an empty "
                "part or dots for one; rename it"
            )
        relative = PurePosixPath(key).relative_to(folder.key)
        hidden = any(part.startswith(".") for part in relative.parts)
        if not hidden and not (maybe_folders and is_folder(path)):
            yield path, Path(relative)


def _content(path: RemotePath) -> bytes:
    with _error_context(path):
        return bytes(_file_system(path.scheme).cat_file(path.key))


@cache
def _file_system(scheme: str) -> Any:
    """Return fsspec's file system, without its cache of listings: others write there too."""
    try:
        # Here, not above: nobody else needs to wait for the import.
        import fsspec

        return fsspec.filesystem(scheme, use_listings_cache=False)
    except ImportError as error:
        extra = EXTRAS.get(scheme)
        remedy = f"pip install 'colorize-photos[{extra}]'" if extra else str(error)
        raise ColorizeError(f"{scheme}:// needs a package: {remedy}") from error
    except ValueError as error:
        raise ColorizeError(f"{scheme}://: unknown kind of store; s3:// and gs:// work") from error
    except Exception as error:
        raise ColorizeError(f"{scheme}://: {one_line(error)}") from error


@contextmanager
def _error_context(path: RemotePath, absent: str = "no such object") -> Iterator[None]:
    """Turn whatever a store's library raises into one line that names the object."""
    name = display_name(path)
    try:
        yield
    except ColorizeError:
        raise
    except FileNotFoundError as error:
        raise StorageError(f"{name}: {absent}") from error
    except Exception as error:
        raise StorageError(f"{name}: the store refuses: {one_line(error)}") from error
