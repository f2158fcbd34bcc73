"""Files in an object store (`s3://...`, `gs://...`) as well as on a disk, through fsspec.

A name with a scheme becomes a `RemotePath`; the other functions take both. An object is read and
written whole, by one request, which the stores make atomic: as on a disk, an output is there
whole or not at all. docs/scale.md says more.

Why not universal-pathlib (tried: 0.3.10)? Its paths are not `pathlib.Path` and have no
`__fspath__`, so every function that takes a path would need a second type; `rglob` silently
leaves out objects whose key has an empty part (`bucket//a.jpg`), which are an error here;
`stat().st_mtime` is 0 for stores that fsspec can ask with `modified`, and the manifest relies on
it. It would save only about a hundred lines.
"""

from __future__ import annotations

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
from typing import TYPE_CHECKING

from colorize.errors import ColorizeError, display_name, one_line
from colorize.installation import install_command
from colorize.io.checksum import hash_file
from colorize.io.deadline import call_within

if TYPE_CHECKING:
    import fsspec

URL = re.compile(r"([a-z][a-z0-9+.-]+)://(.*)", re.DOTALL)  # two letters, so not a drive of Windows
TRANSFER_TIMEOUT = 3600.0  # seconds for an object
EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}


class StorageError(ColorizeError):
    """A store lacks an object or refuses a request: only this photograph fails."""


class RemotePath(PosixPath):
    """The path of an object: a scheme, a bucket and a key."""

    @property
    def scheme(self) -> str:
        """Such as `s3`."""
        return self.parts[0].removesuffix(":")

    @property
    def key(self) -> str:
        """The name that fsspec's file system has for it, without the scheme."""
        return str(_file_system(self.scheme).root_marker) + "/".join(self.parts[1:])

    def __fspath__(self) -> str:
        return f"{self.scheme}://{self.key}"


class _NamedBytes(io.BytesIO):
    """A file in memory with the name of an object, for messages."""

    name = ""


def is_url(name: str | None) -> bool:
    """Return whether a name is that of an object in a store."""
    match = URL.fullmatch(name or "")
    return match is not None and match[1] != "file"


def parse_path(name: str) -> Path:
    """Return the path that a name means: a `RemotePath` where it begins with a scheme.

    Raises ColorizeError where the scheme is unknown or its package is not installed.
    """
    match = URL.fullmatch(name)
    if match is None:
        return Path(name)
    scheme, rest = match.groups()
    if scheme == "file":
        from urllib.request import url2pathname  # here, not above: it is slow to import

        return Path(url2pathname(rest))  # on Windows, /C:/a.jpg means C:\\a.jpg
    if os.name != "posix":
        raise ColorizeError(f"{display_name(name)}: object stores need Linux or macOS")
    _file_system(scheme)
    return RemotePath(f"{scheme}:", rest.lstrip("/"))


def absolute_name(path: Path) -> str:
    """Return the full name that manifests and reports give a path."""
    return os.fspath(path) if isinstance(path, RemotePath) else os.path.abspath(path)


def is_folder(path: Path) -> bool:
    """Return whether there is a folder; in a store, a name that other names begin with."""
    if not isinstance(path, RemotePath):
        return os.path.isdir(path)
    with _error_context(path):
        return bool(_file_system(path.scheme).isdir(path.key))


def exists(path: Path) -> bool:
    """Return whether anything has that name, including a dangling link."""
    if not isinstance(path, RemotePath):
        return os.path.lexists(path)
    with _error_context(path):
        return bool(_file_system(path.scheme).exists(path.key))


def is_file(path: Path) -> bool:
    """Return whether there is a file or an object."""
    if not isinstance(path, RemotePath):
        return os.path.isfile(path)
    return size_and_mtime(path) != (None, None)


def size_and_mtime(path: Path) -> tuple[int, int] | tuple[None, None]:
    """Return size in bytes and mtime in nanoseconds; (None, None) except for regular files."""
    if isinstance(path, RemotePath):
        return _object_size_and_mtime(path)
    try:
        status = os.stat(path)
    except OSError:
        return None, None
    # reading a pipe would wait forever
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else (None, None)


def _object_size_and_mtime(path: RemotePath) -> tuple[int, int] | tuple[None, None]:
    system = _file_system(path.scheme)
    try:
        with _error_context(path):
            info = system.info(path.key)
            if info["type"] != "file":
                return None, None
            modified = system.modified(path.key)
    except StorageError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None, None
        raise
    if modified.tzinfo is None:
        modified = modified.replace(tzinfo=UTC)
    return int(info["size"]), round(modified.timestamp() * 1e6) * 1000


def sha256(path: Path) -> str | None:
    """Return the sha256 of a regular file as 64 hex digits, None where it cannot be read."""
    if size_and_mtime(path) == (None, None):
        return None
    try:
        if isinstance(path, RemotePath):
            return hashlib.sha256(_content(path)).hexdigest()
        return hash_file(path)
    except (OSError, ColorizeError):
        return None


@contextmanager
def open_input(source: Path) -> Iterator[Path | io.BytesIO]:
    """Yield what `readers.read` takes: the path, or the content of the object."""
    if not isinstance(source, RemotePath):
        yield source
        return
    file = _NamedBytes(_content(source))
    file.name = os.fspath(source)
    yield file


@contextmanager
def open_output(target: Path) -> Iterator[Path | io.BytesIO]:
    """Yield what `writers.write` takes: the path, or a buffer that becomes the object."""
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
        call_within(TRANSFER_TIMEOUT, lambda: system.pipe_file(target.key, file.getvalue()))


def list_objects(
    folder: RemotePath, max_depth: int | None = None
) -> Iterator[tuple[RemotePath, Path]]:
    """Yield the objects below a folder that are not hidden, with their paths relative to it.

    Args:
        folder: in a store.
        max_depth: 1 for the objects in the folder only, None for those in all subfolders.

    Raises:
        ColorizeError: for names with an empty part or `..`, which a path cannot hold.
    """
    with _error_context(folder):
        found = _file_system(folder.scheme).find(folder.key, maxdepth=max_depth)
    marker = "/" if folder.key.startswith("/") else ""
    for key in sorted(found):
        path = RemotePath(f"{folder.scheme}:", key.lstrip("/"))
        if marker + "/".join(path.parts[1:]) != key or ".." in path.parts:
            raise ColorizeError(
                f"{display_name(f'{folder.scheme}://{key}')}: the name of this object has an "
                "empty part or a part of dots; rename it"
            )
        relative = PurePosixPath(key).relative_to(folder.key)
        if not any(part.startswith(".") for part in relative.parts):
            yield path, Path(relative)


def _content(path: RemotePath) -> bytes:
    with _error_context(path):
        system = _file_system(path.scheme)
        return bytes(call_within(TRANSFER_TIMEOUT, lambda: system.cat_file(path.key)))


@cache
def _file_system(scheme: str) -> fsspec.AbstractFileSystem:
    """Return fsspec's file system, without its cache of listings: others write there too."""
    if scheme in ("http", "https", "ftp"):
        raise ColorizeError(f"{scheme}:// is not read: download the photograph first")
    try:
        # here, not above: only users of a store wait for the import
        import fsspec

        return fsspec.filesystem(scheme, use_listings_cache=False)
    except ImportError as error:
        extra = EXTRAS.get(scheme)
        remedy = install_command(extra) if extra else str(error)
        raise ColorizeError(f"{scheme}:// needs a package: {remedy}") from error
    except ValueError as error:
        raise ColorizeError(f"{scheme}://: unknown store; s3:// and gs:// work") from error
    except Exception as error:
        raise ColorizeError(f"{scheme}://: {one_line(error)}") from error


@contextmanager
def _error_context(path: RemotePath, missing: str = "no such object") -> Iterator[None]:
    """Turn any exception of a store's library into a StorageError that names the object."""
    name = display_name(path)
    try:
        yield
    except ColorizeError:
        raise
    except FileNotFoundError as error:
        raise StorageError(f"{name}: {missing}") from error
    except TimeoutError as error:
        raise StorageError(
            f"{name}: the store does not answer in time: it {one_line(error)}"
        ) from error
    except Exception as error:
        raise StorageError(f"{name}: the store refuses: {one_line(error)}") from error
