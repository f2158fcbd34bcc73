"""Why a request is not answered with a picture."""

from __future__ import annotations


class Refusal(Exception):
    """An answer other than 200: its status and one line that says what is wrong.

    retry_after: seconds after which the same request may well succeed.
    """

    def __init__(self, status: int, reason: str, retry_after: int | None = None):
        """Take the status, the line and the seconds."""
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


def shown(text: str) -> str:
    """Return what a client sent as messages give it: quoted, printable and short."""
    return ascii(text if len(text) <= 40 else text[:39] + "…")
