"""The body of a request: as long as allowed, raw or as a form, kept on disk where it is long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.types import Message

from colorize.server.errors import Refusal, shown
from colorize.server.options import FILES

PHOTO = "photo"  # the form's field with the photograph
SECONDS = 120.0  # that a body may take to arrive
IN_MEMORY = 1 << 20  # bytes; longer bodies go to a temporary file
MAX_FIELDS = 64
MAX_FIELD_BYTES = 64 << 10
DRAINED_SECONDS = 2.0


@dataclass
class Upload:
    """A request's photograph, and the parameters and other files in its form."""

    photo: BinaryIO
    fields: list[tuple[str, str]] = field(default_factory=list)
    others: dict[str, BinaryIO] = field(default_factory=dict)

    def close(self) -> None:
        """Delete the files."""
        for file in (self.photo, *self.others.values()):
            file.close()


class Body:
    """The body of a request, of which no more than allowed is kept."""

    def __init__(self, request: Request, max_bytes: int):
        """Take a request of which nothing is read yet."""
        self.max_bytes = max_bytes
        self.received = 0
        self.complete = False
        self._receive = request.receive
        self.request = Request(request.scope, self._limited)

    def check_length(self) -> None:
        """Raise Refusal (413) for a body that says that it is too long."""
        length = self.request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self.max_bytes:
            raise self._too_long()

    async def drain(self) -> None:
        """Read on for a moment: a client that still sends would miss the answer to it."""
        most = self.received + self.max_bytes
        with suppress(asyncio.TimeoutError):
            while not self.complete and self.received < most:
                await asyncio.wait_for(self._next(), DRAINED_SECONDS)

    async def _limited(self) -> Message:
        message = await self._next()
        if self.received > self.max_bytes:
            raise self._too_long()
        return message

    async def _next(self) -> Message:
        message = await self._receive()
        self.received += len(message.get("body", b""))
        self.complete = not message.get("more_body", False)
        return message

    def _too_long(self) -> Refusal:
        most = f"{self.max_bytes / 1e6:g} MB"
        return Refusal(413, f"the request is longer than the {most} that this server takes")


async def read_upload(body: Body) -> Upload:
    """Return what a body holds, however it comes.

    Raises Refusal for one that is too long (413), too slow (408), no form though it says so
    (400), or without a photograph (422).
    """
    body.check_length()
    try:
        return await asyncio.wait_for(_read(body.request), SECONDS)
    except TimeoutError:
        raise Refusal(408, f"the photograph took more than {SECONDS:g} s to arrive") from None


async def _read(request: Request) -> Upload:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return await (_read_form(request) if kind == "multipart/form-data" else _read_raw(request))


async def _read_raw(request: Request) -> Upload:
    """Return a body that is the photograph; of its type the content decides, as with files."""
    file = cast(BinaryIO, SpooledTemporaryFile(IN_MEMORY))
    try:
        async for chunk in request.stream():
            file.write(chunk)
        return _checked(Upload(file))
    except BaseException:
        file.close()
        raise


async def _read_form(request: Request) -> Upload:
    parser: _FormParser

    async def whole() -> AsyncGenerator[bytes, None]:
        async for chunk in request.stream():
            yield chunk
        if not parser.ended:  # told from in here, so that the parser deletes what it has
            raise MultiPartException("Its end is missing.")

    parser = _FormParser(
        request.headers,
        whole(),
        max_files=1 + len(FILES),
        max_fields=MAX_FIELDS,
        max_part_size=MAX_FIELD_BYTES,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        reason = " ".join(error.message.split()).rstrip(".").lower()
        raise Refusal(400, f"the form can't be read: {reason}") from None
    try:
        return _from_form(form.multi_items())
    except BaseException:
        await form.close()
        raise


class _FormParser(MultiPartParser):
    """Starlette's, which also tells whether it came to the form's end."""

    ended = False

    def on_end(self) -> None:
        self.ended = True


def _from_form(items: list[tuple[str, Any]]) -> Upload:
    fields = [(name, value) for name, value in items if isinstance(value, str)]
    files: dict[str, BinaryIO] = {}
    for name, value in items:
        if not isinstance(value, UploadFile):
            continue
        if name not in (PHOTO, *FILES):
            raise Refusal(422, f"the form's file is called {shown(name)}: call it '{PHOTO}'")
        if name in files:
            raise Refusal(422, f"the form has two files called '{name}'")
        files[name] = value.file
    if PHOTO not in files:
        raise Refusal(422, f"the form has no file called '{PHOTO}'")
    return _checked(Upload(files.pop(PHOTO), fields, files))


def _checked(upload: Upload) -> Upload:
    if upload.photo.seek(0, 2) == 0:
        raise Refusal(422, "the photograph is empty")
    upload.photo.seek(0)
    return upload
