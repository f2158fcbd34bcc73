"""The ASGI application: routes, queue limit, error responses and security headers.

docs/serve.md has the reasons for Starlette without FastAPI.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import mimetypes
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import PathLike, StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from colorize._version import __version__
from colorize.errors import ColorizeError
from colorize.models.metadata import ModelMetadata
from colorize.options import DEFAULT_STYLE, supported_options
from colorize.runtime.base import Runner
from colorize.server.docs_page import docs_page
from colorize.server.errors import ApiError
from colorize.server.files import WorkFolder, is_disk_full
from colorize.server.jobs import ColorizeJob, EncodedImage, Job, PreviewJob, without_path
from colorize.server.kept import KeptPhotos
from colorize.server.limits import Limits
from colorize.server.openapi import MEDIA_TYPES, openapi_document
from colorize.server.origins import refuse_foreign_requests
from colorize.server.parameters import OPTIONS, PHOTO, parse_preview_side, parse_request
from colorize.server.processes import ClientDisconnected, DiskFull, TimeLimitExceeded
from colorize.server.responses import FileResult
from colorize.server.upload import CopyKept, LimitedBody, Upload, UploadBudget, read_upload
from colorize.server.worker import RequestWorker, ServerStopping, Ticket

CLIENT_CLOSED_REQUEST = 499  # nginx's status for a client that did not wait; nobody receives it
MAX_RETRY_AFTER = 60  # seconds
EXPIRY_INTERVAL = 60.0  # seconds between searches for kept photographs whose time is over
STATIC = Path(__file__).parent / "static"

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

# Some Windows registries call .js text/plain, which browsers refuse to run with nosniff.
mimetypes.add_type("text/javascript", ".js")

log = logging.getLogger("colorize.server")

Handler = Callable[[Request, LimitedBody, ExitStack], Awaitable[Response]]


def make_app(
    runner: Runner,
    name: str = "compact",
    limits: Limits | None = None,
    allowed_hosts: Iterable[str] = (),
) -> Starlette:
    """Return the ASGI application, for uvicorn or another ASGI server.

    Its `state.service` is the `Service`.

    Args:
        runner: The network. A `DynamicBatcher` is used as it is, others are put into one.
        name: Name of the network, for /healthz.
        limits: Default: those of `Limits`.
        allowed_hosts: Names of the server, see `refuse_foreign_requests`.
    """
    service = Service(runner, name, limits or Limits())

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        background = [
            asyncio.create_task(service.drop_expired_photos()),
            asyncio.create_task(asyncio.to_thread(service.worker.warm_up)),
        ]
        yield
        for task in background:
            task.cancel()
        await asyncio.to_thread(service.close)

    app = Starlette(
        routes=[
            Route("/colorize", service.colorize, methods=["POST"]),
            Route("/preview", service.preview, methods=["POST"]),
            Route("/preview/{token}", service.forget, methods=["DELETE"]),
            Route("/healthz", service.health),
            Route("/openapi.json", service.openapi),
            Route("/docs", service.docs),
            Route("/", service.page),
            Mount("/static", service.static),
        ],
        middleware=[
            Middleware(with_security_headers),
            Middleware(refuse_foreign_requests, allowed_hosts),
        ],
        exception_handlers={ApiError: _api_error, HTTPException: _http_error},
        lifespan=lifespan,
    )
    app.state.service = service
    return app


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
        self.static = _StaticFiles(directory=STATIC)
        self.receiving = 0  # requests whose body has not come yet
        self.accepted = 0  # requests with a complete body that are not answered yet
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

    async def _respond(self, handler: Handler, request: Request) -> Response:
        """Return the response to a request that carries a photograph, or the reason for none."""
        body = LimitedBody(request, self.limits.max_bytes, self.uploads)
        resources = ExitStack()
        resources.callback(body.release)
        try:
            self._check_queue()  # before the body is sent for nothing
            return await handler(request, body, resources)
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

    async def _receive(
        self, body: LimitedBody, resources: ExitStack, copy_kept: CopyKept | None = None
    ) -> Upload:
        """Return what a request carries, and count it as accepted until `resources` is closed."""
        self.receiving += 1
        try:
            upload = await read_upload(body, self.folder, copy_kept)
        finally:
            self.receiving -= 1
        resources.callback(upload.close)
        self._check_queue()
        self.accepted += 1
        resources.callback(self._leave_queue)
        return upload

    def _check_queue(self) -> None:
        """Raise ApiError (429) if max_queue requests are accepted already."""
        if self.accepted >= self.limits.max_queue:
            seconds = math.ceil(self.accepted * self.worker.seconds_per_photo)
            message = "the server has too many requests; try again later"
            raise ApiError(429, message, retry_after=min(seconds, MAX_RETRY_AFTER))

    def _leave_queue(self) -> None:
        self.accepted -= 1

    async def _run(self, job: Job, request: Request, resources: ExitStack) -> EncodedImage:
        """Return the result of a job. Raises ApiError (422) for input that cannot be used."""
        resources.callback(job.result.unlink, missing_ok=True)
        try:
            return await _outcome(self.worker.submit(job), request)
        except ColorizeError as error:
            raise ApiError(422, without_path(error, job.photo)) from None

    async def _colorize(
        self, request: Request, body: LimitedBody, resources: ExitStack
    ) -> Response:
        query = request.query_params.multi_items()
        parse_request(query)  # reports a mistake in the query before the photograph is read
        upload = await self._receive(body, resources, self.kept.copy)
        job = ColorizeJob(
            upload.photo,
            self.folder.new_path(),
            parse_request(query, upload.fields),
            self.limits.max_pixels,
            upload.extra_files,
        )
        image = await self._run(job, request, resources)
        self.answered += 1
        headers = {"Colorize-Notes": json.dumps(image.notes)} if image.notes else {}  # ASCII
        upload.close()
        return FileResult(job.result, MEDIA_TYPES[image.format], headers, resources.pop_all())

    async def _preview(self, request: Request, body: LimitedBody, resources: ExitStack) -> Response:
        side = parse_preview_side(request.query_params.multi_items())
        upload = await self._receive(body, resources)
        if upload.fields or upload.extra_files:
            raise ApiError(422, f"the form may have a file '{PHOTO}' only")
        job = PreviewJob(upload.photo, self.folder.new_path(), side, self.limits.max_pixels)
        image = await self._run(job, request, resources)
        token = await asyncio.to_thread(self.kept.keep, upload.photo)
        headers = {"Colorize-Size": f"{image.width}x{image.height}"}
        if token is not None:
            headers["Colorize-Token"] = token
        return FileResult(job.result, MEDIA_TYPES[image.format], headers, resources.pop_all())

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
                "receiving": self.receiving,
                "accepted": self.accepted,
                "answered": self.answered,
                "batches": {str(size): count for size, count in batches},
            }
        )

    async def openapi(self, request: Request) -> Response:
        """GET /openapi.json."""
        return JSONResponse(self.document)

    async def docs(self, request: Request) -> Response:
        """GET /docs, the OpenAPI document as a page."""
        host = request.headers.get("host", "localhost")
        return HTMLResponse(docs_page(self.document, f"{request.url.scheme}://{host}"))

    async def page(self, request: Request) -> Response:
        """GET /, the page for people."""
        return await self.static.get_response("index.html", request.scope)


class _StaticFiles(StaticFiles):
    """Static files that browsers check for changes before each use, by their ETag."""

    def file_response(
        self, full_path: PathLike, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = "no-cache"
        return response


def with_security_headers(app: ASGIApp) -> ASGIApp:
    """Return an application that sends SECURITY_HEADERS with every response."""
    added = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *added]
            await send(message)

        await app(scope, receive, send_with_headers)

    return wrapped


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
    left = asyncio.ensure_future(_wait_for_disconnect(request))
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


async def _wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _consume_exception(done: asyncio.Future[EncodedImage]) -> None:
    """Retrieve the exception of a job nobody waits for, so that asyncio does not log it."""
    if not done.cancelled():
        done.exception()


async def _api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    headers = None if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return JSONResponse({"error": error.message}, error.status, headers)


async def _http_error(request: Request, error: Exception) -> Response:
    """Return the response to an unknown path or method."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail.lower()}, error.status_code, error.headers)
