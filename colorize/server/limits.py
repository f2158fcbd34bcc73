"""Settings of the server: its address and its limits."""

# No `from __future__ import annotations`: `option_fields` reads the types of the fields.

from dataclasses import dataclass

from colorize.option_fields import Options, option


@dataclass(frozen=True)
class Address(Options):
    """Where the server listens."""

    host: str = option(
        "127.0.0.1", "address to listen on",
        default_text="127.0.0.1, reachable from this machine only",
    )  # fmt: skip
    port: int = option(8000, "port to listen on; 0 picks a free one", minimum=0, maximum=65535)
    allowed_hosts: str = option(
        "", "names under which browsers may reach the server, separated by commas, such as that of "
        "a reverse proxy",
        default_text="addresses and names without a dot",
    )  # fmt: skip


@dataclass(frozen=True)
class Limits(Options):
    """How large a request may be, and how many are handled at the same time."""

    max_bytes: int = option(
        160_000_000, "largest request, in bytes", minimum=1, default_text="160 million"
    )
    max_pixels: int = option(
        50_000_000, "largest photograph, in pixels, all of its pages together",
        minimum=1, default_text="50 million",
    )  # fmt: skip
    max_pages: int = option(200, "most pages or frames of a photograph", minimum=1)
    max_queue: int = option(
        32, "requests accepted and not yet answered; further ones get status 429 and the time "
        "after which to retry",
        minimum=1, aliases=("queue",),
    )  # fmt: skip
    max_batch: int = option(
        8, "photographs colorized at the same time, and the network's largest batch",
        minimum=1, aliases=("batch",),
    )  # fmt: skip
    max_memory: int = option(
        5_000_000_000, "bytes of memory for the photographs in progress; the network needs more",
        minimum=1, default_text="5000 million",
    )  # fmt: skip
    max_seconds: int = option(300, "seconds that a photograph may take", minimum=1)
    max_connections: int = option(
        500, "connections at a time; further ones take the place of those whose request has been "
        "arriving for longest",
        minimum=1,
    )  # fmt: skip
    max_kept_bytes: int = option(
        1_000_000_000, "bytes of photographs kept on disk between the requests of a session; those "
        "unused for longest are dropped first; 0 keeps none",
        minimum=0, default_text="1000 million",
    )  # fmt: skip
    keep_minutes: int = option(
        60, "minutes after its last use for which such a photograph is kept", minimum=1
    )
