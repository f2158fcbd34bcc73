"""uvicorn with connections that slow clients cannot keep from others, and an end in time."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import Callable
from typing import cast

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_TIMEOUT = 15.0  # seconds in which the head of a request must arrive
SEND_TIMEOUT = 30.0  # seconds in which a client must take SEND_BUFFER bytes of a response
SEND_BUFFER = 1 << 19
SHUTDOWN_TIMEOUT = 30  # seconds that accepted requests have to finish, in three steps:
GIVE_UP_AFTER = 25.0  # then those that still run are answered with an error,
ABORT_AFTER = 28.0  # and then connections are closed that are still open
BACKLOG = 100  # connections that are accepted at once, before those are closed that are too many
OTHER_FILES = 64  # descriptors besides those of connections: libraries, worker processes


class BoundedConnection(H11Protocol):
    """A connection with timeouts, one of at most `max_connections`.

    Where there are that many, a new one takes the place of the one whose request has been arriving
    for longest, so that requests which come at once are always served.
    """

    max_connections = 500

    _arriving_since: float | None = None  # None while a complete request is being answered
    _head_timer: asyncio.TimerHandle | None = None
    _send_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept a connection, in place of another one if there are too many."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(SEND_BUFFER)
        self._await_request()
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT, transport.abort)
        if len(self.connections) > self.max_connections:
            slowest = self._slowest()
            self.connections.discard(slowest)  # the loop closes it only after accepting others
            slowest.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Handle bytes of a request."""
        super().data_received(data)
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            if self._head_timer is None:
                self._head_timer = self.loop.call_later(HEAD_TIMEOUT, self.transport.abort)
            return
        self._cancel_head_timer()
        if not cycle.more_body:
            self._arriving_since = None

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._await_request()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Give up the connection unless the client takes what is buffered."""
        super().pause_writing()
        if self._send_timer is None:
            self._send_timer = self.loop.call_later(SEND_TIMEOUT, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on with a response."""
        super().resume_writing()
        self._cancel_send_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._cancel_head_timer()
        self._cancel_send_timer()
        super().connection_lost(exc)

    def _await_request(self) -> None:
        self._arriving_since = time.monotonic()

    def _slowest(self) -> BoundedConnection:
        """Return the connection whose request has been arriving for longest; this one is newest."""
        others = [cast(BoundedConnection, connection) for connection in self.connections]
        arriving = [each for each in others if each._arriving_since is not None]
        return min(arriving, key=lambda each: each._arriving_since or 0)

    def _cancel_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _cancel_send_timer(self) -> None:
        if self._send_timer is not None:
            self._send_timer.cancel()
            self._send_timer = None


def connections_possible(wanted: int) -> int:
    """Return how many of the wanted connections the limit of open files allows."""
    if sys.platform == "win32":
        return wanted
    import resource

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return wanted
    # a request has a connection and often a temporary file
    return max(1, min(wanted, (files - OTHER_FILES - BACKLOG) // 2))


class BoundedServer(uvicorn.Server):
    """A server of bounded connections that stops within SHUTDOWN_TIMEOUT."""

    def __init__(self, config: uvicorn.Config, max_connections: int, give_up: Callable[[], None]):
        """Create the server.

        Args:
            config: uvicorn's settings; those of the protocol are set here.
            max_connections: Connections at a time; fewer if the limit of open files is lower.
            give_up: Called when it is time to answer the requests that are not finished.
        """
        most = connections_possible(max_connections)
        protocol = type("Connection", (BoundedConnection,), {"max_connections": most})
        config.http = protocol
        config.backlog = BACKLOG
        config.timeout_graceful_shutdown = SHUTDOWN_TIMEOUT
        super().__init__(config)
        self._give_up = give_up

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish the accepted requests, for some time."""
        loop = asyncio.get_running_loop()
        timers = [
            loop.call_later(GIVE_UP_AFTER, self._give_up),
            loop.call_later(ABORT_AFTER, self._abort_connections),
        ]
        try:
            await super().shutdown(sockets)
        finally:
            for timer in timers:
                timer.cancel()

    def _abort_connections(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()
