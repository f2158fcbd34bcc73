"""Which requests a browser may send: to this server by its own names, from its own pages.

Without this, a foreign page could use a server that listens on this machine only: by a name of its
own that it points to 127.0.0.1 (DNS rebinding), or by a form that a browser sends without asking.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from colorize.server.errors import quoted

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
LOCAL_SUFFIXES = (".localhost", ".local")  # RFC 6761, RFC 6762: never in the public DNS


def refuse_foreign_requests(app: ASGIApp, allowed_hosts: Iterable[str] = ()) -> ASGIApp:
    """Return an application that responds with status 403 to requests of foreign pages.

    Args:
        app: The application.
        allowed_hosts: Names under which the server can be reached besides those of
            `is_local_name`, such as that of a reverse proxy.
    """
    allowed = {name.strip().lower().rstrip(".") for name in allowed_hosts}

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refusal = _refusal(scope["method"], Headers(scope=scope), allowed)
            if refusal:
                app_or_error: ASGIApp = JSONResponse({"error": refusal}, 403)
                await app_or_error(scope, receive, send)
                return
        await app(scope, receive, send)

    return wrapped


def _refusal(method: str, headers: Headers, allowed: set[str]) -> str | None:
    """Return why a request is refused, None if it is not."""
    host = headers.get("host", "")  # HTTP/1.0 may have none; browsers always send it
    name = _name(host)
    if host and not (is_local_name(name) or name in allowed):
        return f"this server is not to be reached as {quoted(host)}; its owner can allow that name"
    if method in SAFE_METHODS:
        return None
    site = headers.get("sec-fetch-site")  # only sent to https and to localhost
    origin = headers.get("origin")  # sent by browsers with every other method, not by programs
    if site is not None:
        foreign = site not in ("same-origin", "none")
    elif origin is not None:
        source = urlsplit(origin).netloc.lower()
        foreign = source != host.lower() and _name(source) not in allowed
    else:
        foreign = False
    return "requests of other sites' pages are refused" if foreign else None


def is_local_name(name: str) -> bool:
    """Return whether a host's name cannot be in the public DNS, where a stranger could point it.

    These are addresses, names without a dot, such as those of a home network, and `.local`.
    """
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return bool(name) and ("." not in name or name.endswith(LOCAL_SUFFIXES))
    return True


def _name(host: str) -> str:
    """Return the name of a Host header or the like, without port and brackets, "" if malformed."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""
