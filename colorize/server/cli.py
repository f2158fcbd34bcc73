"""The command `colorize-serve`."""

from __future__ import annotations

import argparse
import ipaddress
import logging
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING

from colorize._version import __version__
from colorize.errors import ColorizeError
from colorize.models.registry import MODELS
from colorize.runtime.threads import limit_blas_threads
from colorize.server.limits import BATCH, MAX_BYTES, MAX_PIXELS, QUEUE, Limits

if TYPE_CHECKING:
    from colorize.pipeline import Colorizer

PORT = 8000
GRACE = 30  # seconds that photographs in work have when the server is told to stop
DONE, FAILED = 0, 1

EPILOG = """\
Ctrl-C or SIGTERM stops the server after it has answered what it accepted. There is no login:
whoever reaches the address can use it. docs/serve.md describes the requests.
"""


def parser() -> argparse.ArgumentParser:
    """Return the arguments of `colorize-serve`."""
    result = argparse.ArgumentParser(
        prog="colorize-serve",
        description="Colorize photographs in a browser or over HTTP.",
        epilog=EPILOG,
        allow_abbrev=False,
    )
    result.add_argument("--version", action="version", version=f"colorize {__version__}")
    where = result.add_argument_group("address")
    where.add_argument(
        "--host", metavar="ADDRESS", default="127.0.0.1",
        help="where to listen (default: 127.0.0.1, this machine alone)",
    )  # fmt: skip
    where.add_argument(
        "--port", type=_whole(0, 65535), metavar="N", default=PORT,
        help=f"default: {PORT}; 0 takes any that is free",
    )  # fmt: skip
    network = result.add_argument_group("network")
    network.add_argument(
        "--model", choices=list(MODELS), default="compact", help="default: compact"
    )
    network.add_argument("--weights", metavar="FILE", help="weights of your own for --model")
    device = network.add_mutually_exclusive_group()
    device.add_argument("--gpu", action="store_true", help="run on the GPU: CUDA, else Apple MPS")
    device.add_argument("--device", metavar="NAME", help="torch device (default: cpu)")
    limits = result.add_argument_group("limits")
    limits.add_argument(
        "--max-bytes", type=_whole(1), metavar="N", default=MAX_BYTES,
        help=f"of a request (default: {MAX_BYTES // 10**6} million)",
    )  # fmt: skip
    limits.add_argument(
        "--max-pixels", type=_whole(1), metavar="N", default=MAX_PIXELS,
        help=f"of a photograph (default: {MAX_PIXELS // 10**6} million)",
    )  # fmt: skip
    limits.add_argument(
        "--queue", type=_whole(1), metavar="N", default=QUEUE,
        help=f"requests at once; more are told to come back later (default: {QUEUE})",
    )  # fmt: skip
    limits.add_argument(
        "--batch", type=_whole(1), metavar="N", default=BATCH,
        help="photographs in work at once, which go through the network together "
        f"(default: {BATCH})",
    )  # fmt: skip
    return result


def _whole(low: int, high: int | None = None) -> Callable[[str], int]:
    """Return what reads a whole number in a range, for argparse."""

    def number(text: str) -> int:
        with suppress(ValueError):
            if low <= int(text) and (high is None or int(text) <= high):
                return int(text)
        most = "" if high is None else f" to {high}"
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {low}{most}")

    return number


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server until it is told to stop; return the exit status."""
    args = parser().parse_args(argv)
    limit_blas_threads()
    try:
        _check_extra()
        with _listening(args.host, args.port) as listener:
            return _serve(args, listener)
    except ColorizeError as error:
        _say(str(error))
        return FAILED
    except KeyboardInterrupt:  # while the network is loaded; later uvicorn takes it
        return DONE


def _check_extra() -> None:
    try:
        import python_multipart  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise ColorizeError("the server needs: pip install 'colorize-photos[serve]'") from error


def _listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises ColorizeError where that can't be."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=1024)
    except (OSError, UnicodeError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        reason = reason.partition(" (while")[0]  # the address stands before it already
        remedy = "choose another --host or --port"
        raise ColorizeError(f"{host} port {port}: can't listen: {reason}; {remedy}") from error


def _serve(args: argparse.Namespace, listener: socket.socket) -> int:
    import uvicorn

    from colorize.server.app import make_app

    limits = Limits(args.max_bytes, args.max_pixels, args.queue, args.batch)
    colorizer = _colorizer(args)
    config = uvicorn.Config(
        make_app(colorizer, args.model, limits),
        http="h11",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # the client is told
    _announce(args, colorizer, listener)
    server = uvicorn.Server(config)

    def stop(number: int, frame: FrameType | None) -> None:
        server.should_exit = True

    # before uvicorn's own handlers are there, and after, when it raises once more what stopped it
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server.run(sockets=[listener])
    return DONE


def _colorizer(args: argparse.Namespace) -> Colorizer:
    from colorize.pipeline import Colorizer
    from colorize.runtime.load import prefer_onnx

    where = "gpu" if args.gpu else args.device or "cpu"
    sooner = prefer_onnx(args.model, args.weights, where, single=False)
    return Colorizer.from_pretrained(
        args.model, weights=args.weights, device=where, backend="onnx" if sooner else None,
        quiet=False,
    )  # fmt: skip


def _announce(args: argparse.Namespace, colorizer: Colorizer, listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    address = f"[{host}]" if ":" in host else host
    _say(f"{args.model} on {colorizer.device} at http://{address}:{port} (Ctrl-C stops)")
    if not ipaddress.ip_address(host).is_loopback:
        _say("warning: other machines can reach this address, and there is no login")


def _say(message: str) -> None:
    """Print one line on standard error."""
    with suppress(OSError):  # the terminal may be gone
        sys.stderr.write(f"colorize-serve: {message}\n")
        sys.stderr.flush()
