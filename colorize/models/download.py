"""Fetch a file of known sha256: all of it, verified, or nothing."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import secrets
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError, URLError

from tqdm import tqdm

from colorize.errors import ColorizeError
from colorize.io.checksum import CHUNK

TIMEOUT = 30.0  # seconds without an answer or a byte


def download(url: str, file: Path, sha256: str, limit: int, *, quiet: bool = False) -> None:
    """Put the content of `url` at `file`, if its sha256 is the expected one.

    The file appears under its name at once and verified; a failure leaves nothing behind. A
    transfer of more than `limit` bytes is broken off. Progress goes to stderr, unless that is
    no terminal or `quiet`. Raises ColorizeError.
    """
    try:
        with _temporary(file) as part:
            with part.open("xb") as stream:
                received = _stream(url, stream, limit, quiet)
            if received != sha256:
                raise _Failure(f"its sha256 is {received}")
            part.replace(file)
    except (OSError, http.client.HTTPException, _Failure) as error:
        raise ColorizeError(
            f"cannot download {url} to {file.parent}: {_reason(error)}; get the file with sha256 "
            f"{sha256} in another way and name it with --weights FILE"
        ) from error


class _Failure(Exception):
    """What was received is not the file."""


@contextlib.contextmanager
def _temporary(file: Path) -> Iterator[Path]:
    """Give a name beside `file` that no other process uses; remove what is left under it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{secrets.token_hex(4)}.part")
    try:
        yield part
    finally:  # of every exception, Ctrl-C included
        part.unlink(missing_ok=True)


def _stream(url: str, stream: BinaryIO, limit: int, quiet: bool) -> str:
    """Copy the content of `url` to `stream` and return its sha256."""
    digest = hashlib.sha256()
    done = 0
    with _open(url) as response:
        length = response.length  # None where the server does not say
        with _bar(url, length, quiet) as bar:
            while chunk := response.read(CHUNK):
                done += len(chunk)
                if done > limit:
                    raise _Failure(f"it is longer than {limit} bytes")
                stream.write(chunk)
                digest.update(chunk)
                bar.update(len(chunk))
    if length is not None and done != length:
        raise _Failure(f"cut off after {done} of {length} bytes")
    return digest.hexdigest()


def _open(url: str) -> http.client.HTTPResponse:
    """Return the server's answer, with the content still to be read."""
    try:
        response: http.client.HTTPResponse = urllib.request.urlopen(url, timeout=TIMEOUT)
    except HTTPError as error:
        error.close()
        raise _Failure(f"the server answers {error.code} {error.reason}") from None
    return response


def _bar(url: str, total: int | None, quiet: bool) -> tqdm[object]:
    """Return a progress bar in bytes; tqdm takes `disable=None` as "unless it is a terminal"."""
    name = url.rsplit("/", 1)[-1]
    disable = True if quiet else None
    return tqdm(total=total, desc=name, unit="B", unit_scale=True, disable=disable)


def _reason(error: Exception) -> str:
    """Return why the download failed, in a few words."""
    reason = error.reason if isinstance(error, URLError) else error
    return str(reason) or type(reason).__name__
