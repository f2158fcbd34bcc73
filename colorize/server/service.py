"""The endpoints for photographs, and the state that requests share."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from colorize._version import __version__
from colorize.errors import ColorizeError, is_disk_full
from colorize.models.metadata import ModelMetadata
from colorize.option_fields import supported_options
from colorize.options import DEFAULT_STYLE
from colorize.runtime.base import Runner
from colorize.server.errors import ApiError
from colorize.server.files import WorkFolder
from colorize.server.jobs import ColorizeJob, EncodedImage, Job, PreviewJob, without_path
from colorize.server.kept import KeptPhotos
from colorize.server.limits import Limits
from colorize.server.openapi import openapi_document
from colorize.server.parameters import (
    OPTIONS,
    PHOTO,
    Query,
    parse_file_name,
    parse_preview_side,
    parse_request,
)
from colorize.server.processes import ClientDisconnected, DiskFull, TimeLimitExceeded
from colorize.server.queue import RequestQueue
from colorize.server.responses import FileResult, wait_for_disconnect
from colorize.server.schemas import MEDIA_TYPES
from colorize.server.upload import CopyKept, LimitedBody, Upload, UploadBudget, read_upload
from colorize.server.worker import RequestWorker, ServerStopping, Ticket
from colorize.server.zips import ZipDownloads

CLIENT_CLOSED_REQUEST = 499  # nginx's status for a client that did not wait; nobody receives it
EXPIRY_INTERVAL = 60.0  # seconds between searches for kept photographs whose time is over

log = logging.getLogger("colorize.server")


class Service:
    """The endpoints and the state that requests share."""

    def __init__(self, runner: Runner, name: str, limits: Limits):
        """Create the state; see `make_app`."""
        metadata = runner.metadata
        self.name = name
        self.limits = limits
        supported = supported_options(metadata, OPTIONS.values())
        self.parameters = [option.name for option in supported]
        self.defaults = _defaults(metadata, self.parameters)
        self.styles = {name: asdict(style) for name, style in metadata.styles.items()}
        self.document = openapi_document(limits, metadata.size_divisor, metadata.input_size)
        self.worker = RequestWorker(runner, limits)
        self.folder = WorkFolder()
        self.kept = KeptPhotos(self.folder, limits.max_kept_bytes, 60 * limits.keep_minutes)
        self.uploads = UploadBudget(limits.max_queue * limits.max_bytes)
        self.zips = ZipDownloads(limits.max_queue)
        self.queue = RequestQueue(limits.max_queue, lambda: self.worker.seconds_per_photo)
        self.answered = 0  # photographs colorized

    def close(self) -> bool:
        """Give up what is left; return whether all threads ended."""
        ended = self.worker.close()
        self.folder.close()
        return ended

    async def colorize(self, request: Request) -> Response:
        """POST /colorize."""
        return await self._respond(self._colorize, request)

    async def preview(self, request: Request) -> Response:
        """POST /preview."""
        return await self._respond(self._preview, request)

    async def create_zip(self, request: Request) -> Response:
        """POST /zip."""
        return JSONResponse({"token": self.zips.create()}, 201, {"Cache-Control": "no-store"})

    async def zip_file(self, request: Request) -> Response:
        """GET and POST /zip/{token}."""
        if request.method == "POST":
            return await self._respond(self._add_to_zip, request)
        download = self.zips.find(request.path_params["token"])
        # HEAD asks about the download, and must not begin it
        return Response() if request.method == "HEAD" else download.open()

    async def end_zip(self, request: Request) -> Response:
        """POST /zip/{token}/end."""
        self.zips.find(request.path_params["token"]).end()
        return Response(status_code=204)

    async def forget(self, request: Request) -> Response:
        """DELETE /preview/{token}."""
        if not self.kept.drop(request.path_params["token"]):
            raise ApiError(404, "this photograph is no longer kept")
        return Response(status_code=204)

    async def drop_expired_photos(self) -> None:
        """Delete kept photographs when their time is over, forever."""
        while True:
            await asyncio.sleep(EXPIRY_INTERVAL)
            await asyncio.to_thread(self.kept.drop_expired)

    async def _respond(
        self, handler: Callable[[PhotoRequest], Awaitable[Response]], request: Request
    ) -> Response:
        """Return the response to a request that carries a photograph, or the reason for none."""
        body = LimitedBody(request, self.limits.max_bytes, self.uploads)
        resources = ExitStack()
        resources.callback(body.release)
        try:
            self.queue.check()  # before the body is sent for nothing
            return await handler(PhotoRequest(self, request, body, resources))
        except ApiError:
            resources.close()
            await body.discard_rest()
            raise
        except (ClientDisconnect, ClientDisconnected):
            return Response(status_code=CLIENT_CLOSED_REQUEST)
        except ServerStopping:
            raise ApiError(503, "the server is stopping") from None
        except TimeLimitExceeded:
            seconds = self.limits.max_seconds
            raise ApiError(503, f"the photograph takes more than {seconds} s") from None
        except Exception as error:
            if isinstance(error, DiskFull) or is_disk_full(error):
                raise ApiError(507, "the server's disk is full") from None
            log.exception("internal error")
            raise ApiError(500, "internal error; the server's log has the details") from None
        finally:
            resources.close()

    async def _colorize(self, photo: PhotoRequest) -> Response:
        image, path, headers = await photo.colorize(photo.query)
        return photo.respond(path, image, headers)

    async def _add_to_zip(self, photo: PhotoRequest) -> Response:
        download = self.zips.find(photo.request.path_params["token"])
        name, query = parse_file_name(photo.query)
        image, path, headers = await photo.colorize(query)
        await download.add(name, image.format, path)
        return Response(status_code=204, headers=headers)

    async def _preview(self, photo: PhotoRequest) -> Response:
        side = parse_preview_side(photo.query)
        upload = await photo.receive()
        if upload.fields or upload.extra_files:
            raise ApiError(422, f"the form may have a file '{PHOTO}' only")
        job = PreviewJob(upload.photo, self.folder.new_path(), side, self.limits.max_pixels)
        image = await photo.run(job)
        token = await asyncio.to_thread(self.kept.keep, upload.photo)
        headers = {"Colorize-Size": f"{image.width}x{image.height}"}
        if token is not None:
            headers["Colorize-Token"] = token
        return photo.respond(job.result, image, headers)

    async def health(self, request: Request) -> Response:
        """GET /healthz."""
        batches = sorted(self.worker.runner.batch_sizes.copy().items())
        return JSONResponse(
            {
                "status": "ok",
                "version": __version__,
                "model": self.name,
                "device": self.worker.runner.device,
                "max_bytes": self.limits.max_bytes,
                "max_pixels": self.limits.max_pixels,
                "parameters": self.parameters,
                "defaults": self.defaults,
                "styles": self.styles,
                "queue": self.limits.max_queue,
                "receiving": self.queue.receiving,
                "accepted": self.queue.accepted,
                "answered": self.answered,
                "batches": {str(size): count for size, count in batches},
            }
        )


@dataclass(frozen=True)
class PhotoRequest:
    """A request that carries a photograph, while it is answered.

    Attributes:
        service: What it shares with others.
        request: As it came.
        body: Of the request, read only once.
        resources: What is released after the response.
    """

    service: Service
    request: Request
    body: LimitedBody
    resources: ExitStack

    @property
    def query(self) -> Query:
        """The parameters in the address."""
        return self.request.query_params.multi_items()

    async def receive(self, copy_kept: CopyKept | None = None) -> Upload:
        """Return what the body carries, and count the request as accepted until its end."""
        queue = self.service.queue
        with queue.receive():
            upload = await read_upload(self.body, self.service.folder, copy_kept)
        self.resources.callback(upload.close)
        self.resources.enter_context(queue.accept())
        return upload

    async def run(self, job: Job) -> EncodedImage:
        """Return the result of a job. Raises ApiError (422) for input that cannot be used."""
        self.resources.callback(job.result.unlink, missing_ok=True)
        try:
            return await _outcome(self.service.worker.submit(job), self.request)
        except ColorizeError as error:
            raise ApiError(422, without_path(error, job.photo)) from None

    async def colorize(self, query: Query) -> tuple[EncodedImage, Path, dict[str, str]]:
        """Return the picture that is asked for, its file, and headers of the response."""
        parse_request(query)  # reports a mistake in the query before the photograph is read
        service = self.service
        upload = await self.receive(service.kept.copy)
        job = ColorizeJob(
            upload.photo,
            service.folder.new_path(),
            parse_request(query, upload.fields),
            service.limits.max_pixels,
            upload.extra_files,
            service.limits.max_pages,
        )
        image = await self.run(job)
        upload.close()
        service.answered += 1
        headers = {"Colorize-Notes": json.dumps(image.notes)} if image.notes else {}  # ASCII
        return image, job.result, headers

    def respond(self, path: Path, image: EncodedImage, headers: dict[str, str]) -> Response:
        """Return a response with the file of a picture, which it deletes when it is sent."""
        return FileResult(path, MEDIA_TYPES[image.format], headers, self.resources.pop_all())


def _defaults(metadata: ModelMetadata, parameters: list[str]) -> dict[str, float]:
    """Return the default values of numeric parameters, those of the default style included."""
    defaults: dict[str, Any] = {name: OPTIONS[name].default for name in parameters}
    defaults["size"] = metadata.input_size
    if DEFAULT_STYLE in metadata.styles:
        defaults |= asdict(metadata.styles[DEFAULT_STYLE])
    return {
        name: value
        for name, value in defaults.items()
        if name in parameters and isinstance(value, (int, float))
    }


async def _outcome(ticket: Ticket, request: Request) -> EncodedImage:
    """Return the result of a job. Raises ClientDisconnected if the client leaves before."""
    done = asyncio.ensure_future(asyncio.wrap_future(ticket.future))
    left = asyncio.ensure_future(wait_for_disconnect(request))
    try:
        await asyncio.wait((done, left), return_when=asyncio.FIRST_COMPLETED)
        if done.done():
            return done.result()
        if not ticket.future.cancel():  # a running job keeps its queue slot until it has ended
            ticket.cancel()
            await asyncio.wait((done,))
        raise ClientDisconnected
    finally:
        left.cancel()
        ticket.cancel()
        done.add_done_callback(_consume_exception)


def _consume_exception(done: asyncio.Future[EncodedImage]) -> None:
    """Retrieve the exception of a job nobody waits for, so that asyncio does not log it."""
    if not done.cancelled():
        done.exception()
