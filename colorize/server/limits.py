"""How much one server takes on."""

from __future__ import annotations

from dataclasses import dataclass

MAX_BYTES = 64_000_000
MAX_PIXELS = 50_000_000
QUEUE = 32
BATCH = 8


@dataclass(frozen=True)
class Limits:
    """What a request may ask for, and how many may at once.

    max_bytes: of a request's body. max_pixels: of all pages of its photograph together.
    queue: requests accepted and not yet answered; the next one is told to come back.
    batch: photographs in work at once, and in one forward of the network. DynamicBatcher they take
    about 6 bytes for each pixel, 12 at 16 bits a channel, beside what the files take.
    """

    max_bytes: int = MAX_BYTES
    max_pixels: int = MAX_PIXELS
    queue: int = QUEUE
    batch: int = BATCH
