"""The application: which address answers what, with which limits, and in which words."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from colorize._version import __version__
from colorize.errors import ColorizeError
from colorize.pipeline import MAX_NETWORK_SIZE, Colorizer
from colorize.server.errors import Refusal
from colorize.server.limits import Limits
from colorize.server.openapi import MEDIA_TYPES, document, reference
from colorize.server.options import MAX_SIZE, read_wish, usable
from colorize.server.page import FILES, PageFile
from colorize.server.upload import Body, Upload, read_upload
from colorize.server.worker import Abandoned, Job, Picture, Work, without_name

GONE = 499  # what nginx logs for a client that did not wait; nobody reads it
MAX_RETRY_AFTER = 60  # seconds

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

log = logging.getLogger("colorize.server")


class Service:
    """What the application knows between requests."""

    def __init__(self, colorizer: Colorizer, name: str, limits: Limits):
        """Take a colorizer, the name of its network, and limits."""
        self.name = name
        self.limits = limits
        self.device = colorizer.device
        self.parameters = usable(colorizer)
        self.defaults = {
            name: value
            for name in self.parameters
            if isinstance(value := getattr(colorizer, name, None), (int, float))
        }
        self.document = document(limits, colorizer.metadata.size_divisor)
        self.work = Work(colorizer, limits)
        self.accepted = 0  # requests that are not answered yet
        self.answered = 0  # photographs colorized

    async def colorize(self, request: Request) -> Response:
        """Answer POST /colorize."""
        body = Body(request, self.limits.max_bytes)
        try:
            with self._place():
                return await self._colorized(request, body)
        except Refusal:
            await body.drain()
            raise
        except ClientDisconnect:
            return Response(status_code=GONE)
        except Exception:
            log.exception("a photograph made the server fail")
            raise Refusal(500, "the server failed at this photograph; its log says why") from None

    @contextmanager
    def _place(self) -> Iterator[None]:
        """Hold a place in the queue. Raises Refusal (429) if there is none."""
        if self.accepted >= self.limits.queue:
            wait = math.ceil(self.accepted * self.work.seconds)
            raise Refusal(
                429, "too many photographs at once: try again", min(wait, MAX_RETRY_AFTER)
            )
        self.accepted += 1
        try:
            yield
        finally:
            self.accepted -= 1

    async def _colorized(self, request: Request, body: Body) -> Response:
        given = request.query_params.multi_items()
        read_wish(given)  # a mistake there is told before the photograph comes
        upload = await read_upload(body)
        try:
            job = Job(upload.photo, read_wish(given, upload.fields), upload.others)
            picture = await self._finished(job, request)
        except ColorizeError as error:
            raise Refusal(422, _told(error, upload)) from None
        except Abandoned:
            return Response(status_code=GONE)
        finally:
            upload.close()
        self.answered += 1
        return _answer(picture)

    async def _finished(self, job: Job, request: Request) -> Picture:
        """Return the job's picture. Raises Abandoned when the client leaves before."""
        work = self.work.submit(job)
        done = asyncio.ensure_future(asyncio.wrap_future(work))
        gone = asyncio.ensure_future(_gone(request))
        try:
            await asyncio.wait((done, gone), return_when=asyncio.FIRST_COMPLETED)
            if done.done():
                return done.result()
            job.stop.set()  # what has begun ends at its next step; its place is taken until then
            if not work.cancel():
                await asyncio.wait((done,))
            raise Abandoned
        finally:
            gone.cancel()
            job.stop.set()
            done.add_done_callback(_noticed)

    async def health(self, request: Request) -> Response:
        """Answer GET /healthz."""
        return JSONResponse(
            {
                "status": "ok",
                "version": __version__,
                "model": self.name,
                "device": self.device,
                "max_bytes": self.limits.max_bytes,
                "max_pixels": self.limits.max_pixels,
                "parameters": self.parameters,
                "defaults": self.defaults,
                "queue": self.limits.queue,
                "accepted": self.accepted,
                "answered": self.answered,
                "batches": {str(n): count for n, count in sorted(self._batches().items())},
            }
        )

    def _batches(self) -> dict[int, int]:
        return dict(self.work.runner.batch_sizes)

    async def openapi(self, request: Request) -> Response:
        """Answer GET /openapi.json."""
        return JSONResponse(self.document)

    async def docs(self, request: Request) -> Response:
        """Answer GET /docs, the same as a page."""
        host = request.headers.get("host", "localhost")
        page = reference(self.document, f"{request.scope['scheme']}://{host}")
        return Response(page, media_type="text/html")


def make_app(
    colorizer: Colorizer, name: str = "compact", limits: Limits | None = None
) -> Starlette:
    """Return the application (ASGI), for uvicorn or any other server of its kind.

    colorizer: its network is used; the settings come with each request. name: the network's.
    """
    service = Service(colorizer, name, limits or Limits())

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(service.work.close)

    return Starlette(
        routes=[
            Route("/colorize", service.colorize, methods=["POST"]),
            Route("/healthz", service.health),
            Route("/openapi.json", service.openapi),
            Route("/docs", service.docs),
            *(Route(path, _file(file)) for path, file in FILES.items()),
        ],
        middleware=[Middleware(_Headers)],
        exception_handlers={
            Refusal: _refused,
            HTTPException: _http_error,
        },
        lifespan=lifespan,
    )


class _Headers:
    """Adds to every answer the headers that keep a browser careful."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def careful(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = SECURITY_HEADERS.items()
                headers = [(name.lower().encode(), value.encode()) for name, value in added]
                message["headers"] = [*message.get("headers", []), *headers]
            await send(message)

        await self.app(scope, receive, careful if scope["type"] == "http" else send)


def _file(file: PageFile) -> Any:
    """Return what answers with a file of the page."""

    async def answer(request: Request) -> Response:
        if request.headers.get("if-none-match") == file.etag:
            return Response(status_code=304, headers={"ETag": file.etag})
        headers = {"ETag": file.etag, "Cache-Control": "no-cache"}
        return Response(file.content, media_type=file.type, headers=headers)

    return answer


def _answer(picture: Picture) -> Response:
    headers = {"Cache-Control": "no-store"}
    if picture.notes:
        headers["Colorize-Notes"] = json.dumps(picture.notes)  # in ASCII, on one line
    return Response(picture.content, media_type=MEDIA_TYPES[picture.format], headers=headers)


def _told(error: ColorizeError, upload: Upload) -> str:
    """Return what a client is told of an error: the server's limits, nothing of its options."""
    text = without_name(error, upload.photo)
    text = text.replace(f" up to {MAX_NETWORK_SIZE}", f" up to {MAX_SIZE}")
    return text.replace(": allow it with --max-pixels", ", the most that this server takes")


def _noticed(done: asyncio.Future[Picture]) -> None:
    """Take notice of a failure that nobody waits for, which asyncio would complain about."""
    if not done.cancelled():
        done.exception()


async def _gone(request: Request) -> None:
    """Wait until the client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _error(status: int, reason: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": reason}, status, headers)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    headers = None if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return _error(error.status, error.reason, headers)


async def _http_error(request: Request, error: Exception) -> Response:
    """Answer for an address or method that there is not."""
    assert isinstance(error, HTTPException)
    return _error(error.status_code, error.detail.lower(), dict(error.headers or {}))
