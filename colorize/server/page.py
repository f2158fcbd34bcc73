"""The page at `/`, a few files that are read once and served from memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True)
class PageFile:
    """A file that a browser asks for: its content, media type, and a tag that changes with it."""

    content: bytes
    type: str
    etag: str


def _read(name: str, type: str) -> PageFile:
    content = resources.files("colorize.server").joinpath("static", name).read_bytes()
    return PageFile(content, type, f'"{hashlib.sha256(content).hexdigest()[:16]}"')


FILES = {
    "/": _read("page.html", "text/html"),
    "/page.css": _read("page.css", "text/css"),
    "/page.js": _read("page.js", "text/javascript"),
    "/icon.svg": _read("icon.svg", "image/svg+xml"),
}
