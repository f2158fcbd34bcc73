"""Request bodies: a photograph, raw or in a form, limited in size and time, spooled to disk."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.types import Message

from colorize.server.errors import ApiError, quoted
from colorize.server.files import WorkFolder
from colorize.server.parameters import FILES, PHOTO, TOKEN

UPLOAD_TIMEOUT = 120.0  # seconds in which a body must arrive
STALL_TIMEOUT = 20.0  # seconds without any of it after which it is given up
MAX_FIELDS = 64
MAX_FIELD_BYTES = 64 << 10
DISCARD_TIMEOUT = 3.0  # seconds in which the rest of a rejected body may still arrive


@dataclass
class Upload:
    """The contents of a body: the photograph, and the parameters and other files of its form.

    The files are temporary ones.
    """

    photo: Path
    fields: list[tuple[str, str]] = field(default_factory=list)
    extra_files: dict[str, Path] = field(default_factory=dict)

    def close(self) -> None:
        """Delete the files that are still there."""
        for path in (self.photo, *self.extra_files.values()):
            path.unlink(missing_ok=True)


class UploadBudget:
    """Bytes that bodies may have together while they are received and worked on."""

    def __init__(self, total: int):
        """Start with all of it free."""
        self.total = total
        self.used = 0

    def take(self, amount: int) -> None:
        """Count bytes that arrived. Raises ApiError (429) for more than there may be."""
        self.used += amount
        if self.used > self.total:
            raise ApiError(429, "the server has too many uploads; try again later", retry_after=5)


class LimitedBody:
    """The body of a request, received up to a number of bytes."""

    def __init__(self, request: Request, max_bytes: int, budget: UploadBudget):
        """Wrap a request whose body has not been read yet."""
        self.max_bytes = max_bytes
        self.received = 0
        self.complete = False
        self._receive = request.receive
        self._budget = budget
        self._taken = 0
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
            async with asyncio.timeout(DISCARD_TIMEOUT):
                while not self.complete and self.received < stop_at:
                    await self._receive_counted()

    def release(self) -> None:
        """Return the body's bytes to the budget, once its files are deleted."""
        self._budget.used -= self._taken
        self._taken = 0

    async def _receive_limited(self) -> Message:
        async with asyncio.timeout(STALL_TIMEOUT):
            message = await self._receive_counted()
        if self.received > self.max_bytes:
            raise self._too_long()
        amount = len(message.get("body", b""))
        self._taken += amount
        self._budget.take(amount)
        return message

    async def _receive_counted(self) -> Message:
        message = await self._receive()
        self.received += len(message.get("body", b""))
        self.complete = not message.get("more_body", False)
        return message

    def _too_long(self) -> ApiError:
        limit = f"{self.max_bytes / 1e6:g} MB"
        return ApiError(413, f"the request is larger than this server's limit of {limit}")


CopyKept = Callable[[str], Path | None]
"""Returns a new file with the photograph kept under a token, None if there is none."""


async def read_upload(
    body: LimitedBody, folder: WorkFolder, copy_kept: CopyKept | None = None
) -> Upload:
    """Return the contents of a body, which is a form or the photograph itself.

    Args:
        body: The body.
        folder: Where its files go.
        copy_kept: Called with the token of a form that has one in place of a photograph. None
            where forms must have a photograph.

    Raises:
        ApiError: 413 for a body that is too long, 408 for one that arrives too slowly, 400 for a
            malformed form, 404 for the token of no photograph, 422 for a body without a photograph,
            429 where there are too many at a time.
    """
    body.check_content_length()
    content_type = body.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    # Any other type is ignored: curl calls every body application/x-www-form-urlencoded.
    try:
        async with asyncio.timeout(UPLOAD_TIMEOUT):
            if content_type == "multipart/form-data":
                return await _read_form(body.request, folder, copy_kept)
            return await _read_raw(body.request, folder)
    except TimeoutError:
        message = f"the photograph took more than {UPLOAD_TIMEOUT:g} s to arrive, or stopped midway"
        raise ApiError(408, message) from None


async def _read_raw(request: Request, folder: WorkFolder) -> Upload:
    upload = Upload(folder.new_path())
    try:
        with upload.photo.open("xb") as file:
            async for chunk in request.stream():
                file.write(chunk)
        return _require_photo(upload)
    except BaseException:
        upload.close()
        raise


async def _read_form(request: Request, folder: WorkFolder, copy_kept: CopyKept | None) -> Upload:
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
        return await asyncio.to_thread(_from_form, form.multi_items(), folder, copy_kept)
    finally:
        await form.close()


class _FormParser(MultiPartParser):
    """Starlette's parser, which also records whether it has seen the end of the form."""

    ended = False
    spool_max_size = 1 << 20  # longer files are written to disk

    def on_end(self) -> None:
        self.ended = True


def _from_form(
    items: list[tuple[str, UploadFile | str]], folder: WorkFolder, copy_kept: CopyKept | None
) -> Upload:
    fields: list[tuple[str, str]] = []
    files: dict[str, UploadFile] = {}
    for name, value in items:
        if isinstance(value, str):
            fields.append((name, value))
        elif name not in (PHOTO, *FILES):
            raise ApiError(422, f"unknown file field {quoted(name)}: name it '{PHOTO}'")
        elif name in files:
            raise ApiError(422, f"the form has more than one file '{name}'")
        else:
            files[name] = value
    tokens: list[str] = []
    if copy_kept is not None:
        tokens = [value for name, value in fields if name == TOKEN]
        fields = [(name, value) for name, value in fields if name != TOKEN]
    if PHOTO not in files and not tokens:
        raise ApiError(422, f"the form has no file '{PHOTO}'")
    paths = {name: folder.new_path() for name in files if name != PHOTO}
    upload = Upload(folder.new_path(), fields, paths)
    try:
        if PHOTO in files:
            _copy(files[PHOTO], upload.photo)
        elif copy_kept is not None:
            upload.photo = _copy_kept(tokens, copy_kept)
        for name, path in paths.items():
            _copy(files[name], path)
        return _require_photo(upload)
    except BaseException:
        upload.close()
        raise


def _copy(file: UploadFile, path: Path) -> None:
    file.file.seek(0)
    with path.open("xb") as copy:
        shutil.copyfileobj(file.file, copy, 1 << 20)


def _copy_kept(tokens: list[str], copy_kept: CopyKept) -> Path:
    if len(tokens) > 1:
        raise ApiError(422, f"{TOKEN} is given more than once")
    photo = copy_kept(tokens[0])
    if photo is None:
        raise ApiError(404, "this photograph is no longer kept; send it again")
    return photo


def _require_photo(upload: Upload) -> Upload:
    if upload.photo.stat().st_size == 0:
        raise ApiError(422, "the photograph is empty")
    return upload
