"""A server on a free port of this machine, in a thread, and requests to it."""

from __future__ import annotations

import http.client
import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import uvicorn
from PIL import Image

BOUNDARY = "a-line-that-is-in-no-photograph"


def picture(format: str = "JPEG", width: int = 60, height: int = 40, seed: int = 0) -> bytes:
    """Return a small photograph as a file of some format."""
    noise = np.random.default_rng(seed).integers(0, 256, (height // 10, width // 10), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize((width, height)).save(file, format)
    return file.getvalue()


PHOTO = picture()


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def error(self) -> str:
        """The line of a failure; fails where it is more, or the body holds anything else."""
        assert self.headers["content-type"] == "application/json", self.body[:200]
        told = json.loads(self.body)
        assert list(told) == ["error"]
        line: str = told["error"]
        assert line and "\n" not in line and "Traceback" not in line and len(line) < 400
        return line


@dataclass(frozen=True)
class Server:
    """Where a server listens."""

    port: int

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Return the answer to one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            headers = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def post(self, photo: bytes, query: str = "", **headers: str) -> Answer:
        """Return the answer to a photograph as the body."""
        return self.request("POST", "/colorize" + query, photo, **headers)

    def post_form(self, photo: bytes, name: str = "a.jpg", **fields: str) -> Answer:
        """Return the answer to a photograph in a form."""
        body, kind = form(photo, name, **fields)
        return self.post(body, content_type=kind)

    def health(self) -> dict[str, Any]:
        """Return what /healthz says."""
        answer = self.request("GET", "/healthz")
        assert answer.status == 200
        result: dict[str, Any] = json.loads(answer.body)
        return result


def form(photo: bytes, name: str = "a.jpg", **fields: str) -> tuple[bytes, str]:
    """Return a form with a photograph and its content type."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        for field, value in fields.items()
    ]
    head = f'Content-Disposition: form-data; name="photo"; filename="{name}"'
    start = "".join(parts) + f"--{BOUNDARY}\r\n{head}\r\nContent-Type: image/jpeg\r\n\r\n"
    body = start.encode() + photo + f"\r\n--{BOUNDARY}--\r\n".encode()
    return body, f"multipart/form-data; boundary={BOUNDARY}"


@contextmanager
def running(app: Any) -> Iterator[Server]:
    """Give a server that runs an application, and stop it in the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http="h11", ws="none", log_level="critical", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield Server(listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()
        assert not thread.is_alive()


def wait_until(true: Callable[[], bool]) -> None:
    """Wait until something is so; fail if that takes more than 20 s."""
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
