"""Request bodies: a photograph, raw or in a form, limited in size and time, spooled to disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.types import Message

from colorize.server.errors import ApiError, quoted
from colorize.server.parameters import FILES, PHOTO, TOKEN

UPLOAD_TIMEOUT = 120.0  # seconds in which a body must arrive
SPOOL_BYTES = 1 << 20  # longer bodies go to a temporary file
MAX_FIELDS = 64
MAX_FIELD_BYTES = 64 << 10
DISCARD_TIMEOUT = 2.0  # seconds without data after which the rest of a rejected body is dropped


@dataclass
class Upload:
    """The contents of a body: the photograph, and the parameters and other files of its form."""

    photo: BinaryIO
    fields: list[tuple[str, str]] = field(default_factory=list)
    extra_files: dict[str, BinaryIO] = field(default_factory=dict)

    def close(self) -> None:
        """Delete the temporary files."""
        for file in (self.photo, *self.extra_files.values()):
            file.close()


class LimitedBody:
    """The body of a request, received up to a number of bytes."""

    def __init__(self, request: Request, max_bytes: int):
        """Wrap a request whose body has not been read yet."""
        self.max_bytes = max_bytes
        self.received = 0
        self.complete = False
        self._receive = request.receive
        self.request = Request(request.scope, self._receive_limited)

    def check_content_length(self) -> None:
        """Raise ApiError (413) if the Content-Length header announces too many bytes."""
        length = self.request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self.max_bytes:
            raise self._too_long()

    async def discard_rest(self) -> None:
        """Receive and drop more of the body: a client that still sends would miss the response."""
        stop_at = self.received + self.max_bytes
        with suppress(TimeoutError):
            while not self.complete and self.received < stop_at:
                await asyncio.wait_for(self._receive_counted(), DISCARD_TIMEOUT)

    async def _receive_limited(self) -> Message:
        message = await self._receive_counted()
        if self.received > self.max_bytes:
            raise self._too_long()
        return message

    async def _receive_counted(self) -> Message:
        message = await self._receive()
        self.received += len(message.get("body", b""))
        self.complete = not message.get("more_body", False)
        return message

    def _too_long(self) -> ApiError:
        limit = f"{self.max_bytes / 1e6:g} MB"
        return ApiError(413, f"the request is larger than this server's limit of {limit}")


OpenKept = Callable[[str], BinaryIO | None]
"""Returns the photograph kept under a token, None if there is none."""


async def read_upload(body: LimitedBody, open_kept: OpenKept | None = None) -> Upload:
    """Return the contents of a body, which is a form or the photograph itself.

    Args:
        body: The body.
        open_kept: Called with the token of a form that has one in place of a photograph. None
            where forms must have a photograph.

    Raises:
        ApiError: 413 for a body that is too long, 408 for one that arrives too slowly, 400 for a
            malformed form, 404 for the token of no photograph, 422 for a body without a photograph.
    """
    body.check_content_length()
    content_type = body.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    # Any other type is ignored: curl calls every body application/x-www-form-urlencoded.
    is_form = content_type == "multipart/form-data"
    upload = _read_form(body.request, open_kept) if is_form else _read_raw(body.request)
    try:
        return await asyncio.wait_for(upload, UPLOAD_TIMEOUT)
    except TimeoutError:
        message = f"the photograph took more than {UPLOAD_TIMEOUT:g} s to arrive"
        raise ApiError(408, message) from None


async def _read_raw(request: Request) -> Upload:
    file = cast(BinaryIO, SpooledTemporaryFile(SPOOL_BYTES))
    try:
        async for chunk in request.stream():
            file.write(chunk)
        return _require_photo(Upload(file))
    except BaseException:
        file.close()
        raise


async def _read_form(request: Request, open_kept: OpenKept | None) -> Upload:
    parser: _FormParser

    async def stream() -> AsyncGenerator[bytes, None]:
        async for chunk in request.stream():
            yield chunk
        if not parser.ended:  # raised in here, so that the parser deletes its temporary files
            raise MultiPartException("Its end is missing.")

    parser = _FormParser(
        request.headers,
        stream(),
        max_files=1 + len(FILES),
        max_fields=MAX_FIELDS,
        max_part_size=MAX_FIELD_BYTES,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        reason = " ".join(error.message.split()).rstrip(".").lower()
        raise ApiError(400, f"malformed form: {reason}") from None
    try:
        return _from_form(form.multi_items(), open_kept)
    except BaseException:
        await form.close()
        raise


class _FormParser(MultiPartParser):
    """Starlette's parser, which also records whether it has seen the end of the form."""

    ended = False

    def on_end(self) -> None:
        self.ended = True


def _from_form(items: list[tuple[str, UploadFile | str]], open_kept: OpenKept | None) -> Upload:
    fields: list[tuple[str, str]] = []
    files: dict[str, BinaryIO] = {}
    for name, value in items:
        if isinstance(value, str):
            fields.append((name, value))
        elif name not in (PHOTO, *FILES):
            raise ApiError(422, f"unknown file field {quoted(name)}: name it '{PHOTO}'")
        elif name in files:
            raise ApiError(422, f"the form has more than one file '{name}'")
        else:
            files[name] = value.file
    if open_kept is not None:
        tokens = [value for name, value in fields if name == TOKEN]
        fields = [(name, value) for name, value in fields if name != TOKEN]
        if tokens and PHOTO not in files:
            return Upload(_open_kept(tokens, open_kept), fields, files)
    if PHOTO not in files:
        raise ApiError(422, f"the form has no file '{PHOTO}'")
    return _require_photo(Upload(files.pop(PHOTO), fields, files))


def _open_kept(tokens: list[str], open_kept: OpenKept) -> BinaryIO:
    if len(tokens) > 1:
        raise ApiError(422, f"{TOKEN} is given more than once")
    photo = open_kept(tokens[0])
    if photo is None:
        raise ApiError(404, "this photograph is no longer kept; send it again")
    return photo


def _require_photo(upload: Upload) -> Upload:
    if upload.photo.seek(0, 2) == 0:
        raise ApiError(422, "the photograph is empty")
    upload.photo.seek(0)
    return upload
