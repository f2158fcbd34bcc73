"""ZIP files that are downloaded while their photographs are still being colorized."""

from __future__ import annotations

import asyncio
import io
import re
import secrets
import time
import zipfile
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from colorize.io.formats import FORMATS
from colorize.server.errors import ApiError
from colorize.server.files import TOKEN_BYTES
from colorize.server.responses import CHUNK, wait_for_disconnect

IDLE_TIMEOUT = 600.0  # seconds after which a ZIP file ends to which nothing is added
OPENING_TIMEOUT = 20.0  # seconds that a photograph waits for the download to begin
MAX_NAME = 120  # characters of a name


@dataclass(eq=False)
class _Entry:
    name: str
    path: Path
    written: asyncio.Future[None] = field(default_factory=asyncio.Future)


class ZipDownload:
    """One ZIP file: photographs are added by some requests and sent as the response to another."""

    def __init__(self) -> None:
        """Start without photographs and without a download."""
        self.last_used = time.monotonic()
        self._entries: asyncio.Queue[_Entry | None] = asyncio.Queue()
        self._opened = asyncio.Event()
        self._over = asyncio.Event()
        self._names: set[str] = set()

    async def add(self, name: str, format: str, path: Path) -> None:
        """Send a file; return when it is on its way.

        Args:
            name: That of the photograph; the file gets one like it.
            format: The file's format, "JPEG", "PNG", ...
            path: The file.

        Raises:
            ApiError: 409 where nobody downloads the ZIP file, 410 where it has ended.
        """
        try:
            await asyncio.wait_for(self._opened.wait(), OPENING_TIMEOUT)
        except TimeoutError:
            raise ApiError(409, "nobody downloads this ZIP file") from None
        entry = _Entry(self._unused(result_name(name, format)), path)
        over = asyncio.ensure_future(self._over.wait())
        self._entries.put_nowait(entry)
        await asyncio.wait((entry.written, over), return_when=asyncio.FIRST_COMPLETED)
        over.cancel()
        if not entry.written.done():
            raise ApiError(410, "the download of this ZIP file has ended")

    def end(self) -> None:
        """Let the download end after what was added."""
        self._entries.put_nowait(None)

    def open(self) -> ZipResponse:
        """Return the response that is the ZIP file. Raises ApiError (409) the second time."""
        if self._opened.is_set():
            raise ApiError(409, "this ZIP file is downloaded already")
        self._opened.set()
        return ZipResponse(self)

    async def next(self) -> _Entry | None:
        """Return the next file, None at the end."""
        self.last_used = time.monotonic()
        try:
            return await asyncio.wait_for(self._entries.get(), IDLE_TIMEOUT)
        except TimeoutError:
            return None

    def close(self) -> None:
        """Refuse everything that is not sent yet."""
        self._over.set()

    @property
    def is_over(self) -> bool:
        """Whether the download has ended, or never began."""
        idle = time.monotonic() - self.last_used > IDLE_TIMEOUT and not self._opened.is_set()
        return self._over.is_set() or idle

    def _unused(self, name: str) -> str:
        stem, dot, suffix = name.rpartition(".")
        unused, number = name, 1
        while unused.lower() in self._names:
            number += 1
            unused = f"{stem} ({number}){dot}{suffix}"
        self._names.add(unused.lower())
        return unused


class ZipDownloads:
    """The ZIP files of a server, by random tokens."""

    def __init__(self, most: int):
        """Start without any; at most `most` at a time."""
        self.most = most
        self._downloads: dict[str, ZipDownload] = {}

    def create(self) -> str:
        """Return the token of a new one. Raises ApiError (429) if there are too many."""
        for token in [token for token, each in self._downloads.items() if each.is_over]:
            del self._downloads[token]
        if len(self._downloads) >= self.most:
            raise ApiError(429, "the server has too many ZIP files; try again later", 30)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self._downloads[token] = ZipDownload()
        return token

    def find(self, token: str) -> ZipDownload:
        """Return a ZIP file by its token. Raises ApiError (404)."""
        try:
            return self._downloads[token]
        except KeyError:
            raise ApiError(404, "there is no such ZIP file") from None


class ZipResponse(Response):
    """A ZIP file as a response that goes on until the file is complete."""

    def __init__(self, download: ZipDownload):
        """Create the response."""
        super().__init__(
            media_type="application/zip",
            headers={
                "Cache-Control": "no-store",
                "Content-Disposition": 'attachment; filename="colorized.zip"',
            },
        )
        del self.headers["content-length"]
        self._download = download

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file."""
        left = asyncio.ensure_future(wait_for_disconnect(Request(scope, receive)))
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            await self._send_entries(send, left)
        except ClientDisconnect:
            return
        finally:
            self._download.close()
            left.cancel()

    async def _send_entries(self, send: Send, left: asyncio.Future[None]) -> None:
        buffer = _Buffer()
        # "Deflated" without compression: the pictures are compressed already, and not every
        # program reads stored files whose sizes follow them.
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=0) as archive:
            while (entry := await _first_of(self._download.next(), left)) is not None:
                for _ in _written(archive, entry):
                    await send(
                        {"type": "http.response.body", "body": buffer.take(), "more_body": True}
                    )
                    if left.done():
                        raise ClientDisconnect
                entry.written.set_result(None)
        await send({"type": "http.response.body", "body": buffer.take()})


class _Buffer(io.RawIOBase):
    """A file that can only be written; what was written is taken from it."""

    def __init__(self) -> None:
        self._content = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._content += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._content)
        self._content.clear()
        return taken


def _written(archive: zipfile.ZipFile, entry: _Entry) -> Iterator[None]:
    """Write an entry piece by piece; yields after each."""
    info = zipfile.ZipInfo(entry.name, time.localtime()[:6])
    info.compress_type = archive.compression
    info.file_size = entry.path.stat().st_size
    with entry.path.open("rb") as file, archive.open(info, "w") as target:
        while chunk := file.read(CHUNK):
            target.write(chunk)
            yield
    yield  # what closing the entry wrote


async def _first_of(
    entry: Coroutine[Any, Any, _Entry | None], left: asyncio.Future[None]
) -> _Entry | None:
    """Return an entry when there is one. Raises ClientDisconnect if the client leaves before."""
    task = asyncio.ensure_future(entry)
    await asyncio.wait((task, left), return_when=asyncio.FIRST_COMPLETED)
    if not task.done():
        task.cancel()
        raise ClientDisconnect
    return task.result()


def result_name(name: str, format: str) -> str:
    """Return the name of a result in a ZIP file: `old.jpg` becomes `old.colorized.jpg`.

    Only the last part of a path is used, without characters that are special to some system.
    """
    base = re.split(r"[/\\]", name)[-1].lstrip(". ")
    base = re.sub(r'[\x00-\x1f\x7f<>:"|?*]', "_", base)
    stem, dot, suffix = base.rpartition(".")
    if not dot:
        stem, suffix = base, ""
    suffixes = FORMATS[format].suffixes
    kept = f".{suffix.lower()}" in suffixes
    return f"{stem[:MAX_NAME] or 'photograph'}.colorized{'.' + suffix if kept else suffixes[0]}"
