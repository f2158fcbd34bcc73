"""Error responses."""

from __future__ import annotations

MAX_QUOTED = 40  # characters of a client's text that a message repeats


class ApiError(Exception):
    """A response other than 200: its status and one line that names what is wrong."""

    def __init__(self, status: int, message: str, retry_after: int | None = None):
        """Create an error response.

        Args:
            status: HTTP status, 400 to 599.
            message: One line for the client.
            retry_after: Seconds after which the same request may succeed, or None.
        """
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after = retry_after


def quoted(text: str) -> str:
    """Return a client's text for use in a message: in quotes, ASCII only, shortened."""
    return ascii(text if len(text) <= MAX_QUOTED else text[: MAX_QUOTED - 1] + "…")
