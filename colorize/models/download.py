"""Download a file of known sha256: all of it, verified, or nothing.

The library `pooch` would do most of this, but it puts no limit on the size of what a server
sends, and it needs `requests`, which the package needs for nothing else. Like this module, it
does not resume an interrupted transfer.
"""

from __future__ import annotations

import hashlib
import http.client
import urllib.request
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError, URLError

from tqdm import tqdm

from colorize.errors import ColorizeError
from colorize.io.atomic import atomic_write
from colorize.io.checksum import CHUNK

TIMEOUT = 30.0  # seconds without a response or a byte


class _Failure(Exception):
    """What was received is not the file."""


def download(url: str, file: Path, sha256: str, max_bytes: int, *, quiet: bool = False) -> None:
    """Write the content at `url` to `file`, if its sha256 is the expected one.

    The file appears under its name at once and verified; a failure leaves nothing behind.
    Proxies are those of the environment.

    Args:
        url: Address to download from.
        file: Its folder is made if it is missing.
        sha256: Expected hash, in hexadecimal.
        max_bytes: A longer transfer is aborted.
        quiet: Show no progress on stderr, which is only shown on a terminal.

    Raises:
        ColorizeError: With the reason, and how to get the file in another way.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(file) as stream:
            received = _transfer(url, stream, max_bytes, quiet)
            if received != sha256:
                raise _Failure(f"its sha256 is {received}")
    except (OSError, http.client.HTTPException, _Failure, ColorizeError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise ColorizeError(
            f"cannot download {url} to {file.parent}: {str(reason) or type(reason).__name__}; get "
            f"the file with sha256 {sha256} in another way and name it with --weights FILE"
        ) from error


def _transfer(url: str, stream: BinaryIO, max_bytes: int, quiet: bool) -> str:
    """Copy the content at `url` to `stream` and return its sha256."""
    digest, done = hashlib.sha256(), 0
    try:
        response = urllib.request.urlopen(url, timeout=TIMEOUT)
    except HTTPError as error:
        error.close()
        raise _Failure(f"the server answers {error.code} {error.reason}") from None
    with response:
        total = response.length  # None where the server does not say
        # tqdm takes `disable=None` as "unless it is a terminal"
        with tqdm(
            total=total, desc=url.rsplit("/", 1)[-1], unit="B", unit_scale=True,
            disable=True if quiet else None,
        ) as progress:  # fmt: skip
            while chunk := response.read(CHUNK):
                done += len(chunk)
                if done > max_bytes:
                    raise _Failure(f"it is longer than {max_bytes} bytes")
                stream.write(chunk)
                digest.update(chunk)
                progress.update(len(chunk))
    if total is not None and done != total:
        raise _Failure(f"cut off after {done} of {total} bytes")
    return digest.hexdigest()
