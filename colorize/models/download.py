"""Download a file of known sha256: all of it, verified, or nothing under its name.

The library `pooch` would do most of this, but it puts no limit on the size of what a server
sends, does not resume an interrupted transfer, and needs `requests`, which the package needs for
nothing else.
"""

from __future__ import annotations

import http.client
import os
import secrets
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast
from urllib.error import HTTPError, URLError

from tqdm import tqdm

from colorize.errors import ColorizeError, reason_of
from colorize.io.atomic import lock_file
from colorize.io.checksum import CHUNK, hash_file
from colorize.io.deadline import start

TIMEOUT = 30.0  # seconds without a response or a byte
ATTEMPTS = 20  # at one address
FRUITLESS_ATTEMPTS = 3  # of them, that receive nothing
PAUSE = 1.0  # seconds after the first fruitless attempt, twice as many after the next
SLOWEST = 5000  # bytes per second; at this rate the largest weights take two days
SLOWEST_OVER = 60.0  # seconds
LONGEST = 6 * 3600.0  # seconds at one address; what came until then is kept
GIVING_UP = 0.5  # seconds
BUSY = (429, 500, 502, 503, 504)  # statuses that may be others soon


class _Failure(Exception):
    """What was received is not the file."""


class _Incomplete(_Failure):
    """What was received is a part of the file."""


class _Busy(_Failure):
    """The server may send the file later."""


@dataclass
class _Progress:
    """How far a transfer is, between the thread that makes it and the one that watches it."""

    received: int = 0  # bytes
    given_up: bool = False


def download(
    url: str | Sequence[str], file: Path, sha256: str, max_bytes: int, *, quiet: bool = False
) -> None:
    """Write the content at `url` to `file`, if its sha256 is the expected one.

    The file appears under its name at once and verified. What an interrupted download received
    is kept next to it, in a hidden file, and the next call continues there. Proxies are those of
    the environment.

    Args:
        url: Address to download from, or several, which are tried in order.
        file: Its folder is made if it is missing.
        sha256: Expected hash, in hexadecimal.
        max_bytes: A longer transfer is aborted.
        quiet: Show no progress on stderr, which is only shown on a terminal.

    Raises:
        ColorizeError: With the reasons, and how to get the file in another way.
    """
    reasons = []
    for address in [url] if isinstance(url, str) else url:
        try:
            _download(address, file, sha256, max_bytes, quiet)
            return
        except (OSError, http.client.HTTPException, _Failure) as error:
            cause = error.reason if isinstance(error, URLError) else error
            reason = reason_of(cause) if isinstance(cause, Exception) else cause
            reasons.append(f"{address} to {file.parent}: {reason}")
    raise ColorizeError(
        f"cannot download {', nor '.join(reasons)}; get the file with sha256 {sha256} in another "
        "way and name it with --weights FILE"
    )


def _download(url: str, file: Path, sha256: str, max_bytes: int, quiet: bool) -> None:
    """Do the same from one address; raises what goes wrong."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with _partial_file(file) as (path, stream):
        resumed = _size(stream) > 0
        deadline = time.monotonic() + LONGEST
        while True:
            _transfer_all(url, stream, max_bytes, quiet, file.name, deadline)
            stream.flush()
            found = hash_file(path)
            if found == sha256:
                break
            stream.truncate(0)
            if not resumed:
                raise _Failure(f"its sha256 is {found}")
            resumed = False  # what was there before may be to blame
        if os.name == "nt":
            stream.close()  # Windows cannot rename an open file
        os.replace(path, file)


@contextmanager
def _partial_file(file: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Open what an earlier download of the file left behind, or an empty file, to append to it.

    It is removed afterward if it is empty. While it is open, no other process opens it.
    """
    path, stream = _open_partial_file(file)
    try:
        with stream:
            yield path, stream
    finally:
        with suppress(OSError):
            if path.stat().st_size == 0:
                path.unlink()


def _open_partial_file(file: Path) -> tuple[Path, BinaryIO]:
    for path in file.parent.glob(f".{file.name}.colorize-*.tmp"):
        with suppress(OSError):  # locked, by another download that is under way, or gone
            stream = cast(BinaryIO, path.open("r+b"))
            try:
                lock_file(stream.fileno())
                if os.path.samestat(os.fstat(stream.fileno()), path.stat()):
                    return path, stream
                stream.close()
            except OSError:
                stream.close()
                raise
    path = file.with_name(f".{file.name}.colorize-{secrets.token_hex(6)}.tmp")
    stream = cast(BinaryIO, path.open("x+b"))
    try:
        lock_file(stream.fileno())
    except BlockingIOError:  # another download found the file before it was locked, and took it
        stream.close()
        return _open_partial_file(file)
    except OSError:
        pass  # the file system has no locks
    return path, stream


def _size(stream: BinaryIO) -> int:
    return stream.seek(0, os.SEEK_END)


def _transfer_all(
    url: str, stream: BinaryIO, max_bytes: int, quiet: bool, name: str, deadline: float
) -> None:
    """Append what the stream lacks, in several attempts."""
    fruitless = 0
    for attempt in range(1, ATTEMPTS + 1):
        before = _size(stream)
        try:
            return _watch(
                lambda progress: _transfer(url, stream, max_bytes, quiet, name, progress), deadline
            )
        except (OSError, http.client.HTTPException, _Incomplete, _Busy) as error:
            if _size(stream) <= before:
                fruitless += 1
            if attempt == ATTEMPTS or fruitless == FRUITLESS_ATTEMPTS or not _is_temporary(error):
                raise
            if fruitless:
                time.sleep(PAUSE * 2 ** (fruitless - 1))
    return None


def _is_temporary(error: Exception) -> bool:
    """Return whether another attempt may succeed: not where the disk is full, for instance."""
    network = (URLError, ConnectionError, TimeoutError, http.client.HTTPException)
    return isinstance(error, (*network, _Incomplete, _Busy))


def _watch(transfer: Callable[[_Progress], None], deadline: float) -> None:
    """Run a transfer. Raises _Failure where it brings too little in a minute, or takes too long."""
    progress = _Progress()
    future = start(lambda: transfer(progress))
    try:
        while True:
            counted, since = progress.received, time.monotonic()
            wait([future], min(SLOWEST_OVER, max(deadline - since, 0)))
            if future.done():
                return future.result()
            if time.monotonic() >= deadline:
                raise _Failure(
                    f"it takes more than {LONGEST / 3600:g} hours; run it again to go on"
                )
            if progress.received - counted < SLOWEST * (time.monotonic() - since):
                raise _Failure(f"it sends less than {SLOWEST / 1000:g} kB a second")
    finally:
        progress.given_up = True
        wait([future], GIVING_UP)  # so that it ends before its file is closed


def _transfer(
    url: str, stream: BinaryIO, max_bytes: int, quiet: bool, name: str, progress: _Progress
) -> None:
    """Append the rest of the content at `url`, or all of it where the server sends no parts."""
    begin = _size(stream)
    headers = {"Range": f"bytes={begin}-"} if begin else {}
    try:
        response = urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=TIMEOUT
        )
    except HTTPError as error:
        error.close()
        if begin and error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # nothing is lacking; the hash decides
        kind = _Busy if error.code in BUSY else _Failure
        raise kind(f"the server answers {error.code} {error.reason}") from None
    with response:
        if not response.headers.get("Content-Range", "").startswith(f"bytes {begin}-"):
            begin = 0
            stream.seek(0)
            stream.truncate()
        # None where the server does not say
        total = None if response.length is None else begin + response.length
        done = begin
        # tqdm takes `disable=None` as "unless it is a terminal"
        with tqdm(
            total=total, initial=begin, desc=name, unit="B", unit_scale=True,
            disable=True if quiet else None,
        ) as bar:  # fmt: skip
            while chunk := response.read1(CHUNK):  # what has come, where `read` waits for more
                if progress.given_up:
                    return
                done += len(chunk)
                if done > max_bytes:
                    stream.truncate(0)
                    raise _Failure(f"it is longer than {max_bytes} bytes")
                stream.write(chunk)
                progress.received += len(chunk)
                bar.update(len(chunk))
    if total is not None and done != total:
        raise _Incomplete(f"cut off after {done} of {total} bytes")
