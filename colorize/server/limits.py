"""Limits of the server."""

from __future__ import annotations

from dataclasses import dataclass

MAX_BYTES = 64_000_000
MAX_PIXELS = 50_000_000
MAX_QUEUE = 32
MAX_BATCH = 8


@dataclass(frozen=True)
class Limits:
    """How large a request may be, and how many are handled at once.

    Attributes:
        max_bytes: Size of a request's body.
        max_pixels: Pixels of a photograph, all of its pages together.
        max_queue: Requests accepted and not yet answered; further ones get status 429.
        max_batch: Photographs colorized at the same time, and the largest batch of the network.
            Together they need about 6 bytes per pixel (12 at 16 bits per channel), as well as
            the memory of the encoded files.
    """

    max_bytes: int = MAX_BYTES
    max_pixels: int = MAX_PIXELS
    max_queue: int = MAX_QUEUE
    max_batch: int = MAX_BATCH
