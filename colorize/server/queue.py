"""How many requests the server has at a time, and what it answers to more of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from colorize.server.errors import ApiError

MAX_RETRY_AFTER = 60  # seconds


class RequestQueue:
    """Counts requests with a photograph: while it arrives, and until they are answered."""

    def __init__(self, max_queue: int, seconds_per_photo: Callable[[], float]):
        """Start empty.

        Args:
            max_queue: Requests that may be accepted and not yet answered.
            seconds_per_photo: Says how long one takes, for those that are told to come back.
        """
        self.max_queue = max_queue
        self.receiving = 0  # requests whose body has not come yet
        self.accepted = 0  # requests with a complete body that are not answered yet
        self._seconds_per_photo = seconds_per_photo

    def check(self) -> None:
        """Raise ApiError (429) if the queue is full."""
        if self.accepted >= self.max_queue:
            seconds = math.ceil(self.accepted * self._seconds_per_photo())
            message = "the server has too many requests; try again later"
            raise ApiError(429, message, retry_after=min(seconds, MAX_RETRY_AFTER))

    @contextmanager
    def receive(self) -> Iterator[None]:
        """Count a request as receiving within the context."""
        self.receiving += 1
        try:
            yield
        finally:
            self.receiving -= 1

    @contextmanager
    def accept(self) -> Iterator[None]:
        """Count a request as accepted within the context. Raises ApiError (429), see `check`."""
        self.check()
        self.accepted += 1
        try:
            yield
        finally:
            self.accepted -= 1
