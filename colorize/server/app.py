"""The ASGI application: routes, error responses, security headers, static files.

docs/serve.md has the reasons for Starlette without FastAPI.
"""

from __future__ import annotations

import asyncio
import mimetypes
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import PathLike, StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from colorize.runtime.base import Runner
from colorize.server.docs_page import docs_page
from colorize.server.errors import ApiError
from colorize.server.limits import Limits
from colorize.server.origins import refuse_foreign_requests
from colorize.server.service import Service

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
    static = _StaticFiles(directory=STATIC)

    async def openapi(request: Request) -> Response:
        return JSONResponse(service.document)

    async def docs(request: Request) -> Response:
        host = request.headers.get("host", "localhost")
        return HTMLResponse(docs_page(service.document, f"{request.url.scheme}://{host}"))

    async def page(request: Request) -> Response:
        return await static.get_response("index.html", request.scope)

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
            Route("/zip", service.create_zip, methods=["POST"]),
            Route("/zip/{token}", service.zip_file, methods=["GET", "POST"]),
            Route("/zip/{token}/end", service.end_zip, methods=["POST"]),
            Route("/healthz", service.health),
            Route("/openapi.json", openapi),
            Route("/docs", docs),
            Route("/", page),
            Mount("/static", static),
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


async def _api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    headers = None if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return JSONResponse({"error": error.message}, error.status, headers)


async def _http_error(request: Request, error: Exception) -> Response:
    """Return the response to an unknown path or method."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail.lower()}, error.status_code, error.headers)
