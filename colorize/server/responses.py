"""Responses that are files, sent in pieces as fast as the client takes them."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

CHUNK = 1 << 18  # bytes in memory at a time


class FileResult(Response):
    """A temporary file as a response."""

    def __init__(self, path: Path, media_type: str, headers: dict[str, str], resources: ExitStack):
        """Create the response.

        Args:
            path: The file.
            media_type: Its Content-Type.
            headers: Further headers.
            resources: Closed when the response has been sent, or its client is gone.
        """
        length = str(path.stat().st_size)
        super().__init__(
            media_type=media_type,
            headers={"Cache-Control": "no-store", "Content-Length": length, **headers},
        )
        self._path = path
        self._resources = resources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file. Between pieces the server waits for the client, see `connections`."""
        with self._resources, self._path.open("rb") as file:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            while chunk := file.read(CHUNK):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body"})


async def wait_for_disconnect(request: Request) -> None:
    """Return when a client, whose whole request was received, closes the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
