"""The command `colorize-serve`."""

from __future__ import annotations

import argparse
import ipaddress
import logging
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING

from colorize._version import __version__
from colorize.errors import ColorizeError
from colorize.installation import install_command
from colorize.models.registry import MODELS
from colorize.options import add_arguments, from_arguments
from colorize.runtime.threads import limit_blas_threads
from colorize.server.limits import Address, Limits

if TYPE_CHECKING:
    from colorize.runtime.base import Runner

SHUTDOWN_TIMEOUT = 30  # seconds that accepted requests have to finish
DONE, FAILED = 0, 1

EPILOG = """\
Ctrl-C or SIGTERM stops the server once it has answered the requests it accepted. There is no
login: anyone who can reach the address can use the server. docs/serve.md describes the HTTP API.
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = argparse.ArgumentParser(
        prog="colorize-serve",
        description="Colorize photographs in a browser or over HTTP.",
        epilog=EPILOG,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"colorize {__version__}")
    add_arguments(parser.add_argument_group("address"), Address)
    network = parser.add_argument_group("network")
    network.add_argument(
        "--model", choices=list(MODELS), default="compact", help="network (default: compact)"
    )
    network.add_argument("--weights", metavar="FILE", help="weights file to use for --model")
    device = network.add_mutually_exclusive_group()
    device.add_argument("--gpu", action="store_true", help="run on the GPU: CUDA, else Apple MPS")
    device.add_argument("--device", metavar="NAME", help="PyTorch device (default: cpu)")
    add_arguments(parser.add_argument_group("limits"), Limits)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server until a signal stops it; return the exit status."""
    args = make_parser().parse_args(argv)
    limit_blas_threads()
    try:
        _require_extra()
        with _listen(args.host, args.port) as listener:
            return _serve(args, listener)
    except ColorizeError as error:
        _log(str(error))
        return FAILED
    except KeyboardInterrupt:  # while the network loads; later uvicorn handles it
        return DONE


def _require_extra() -> None:
    try:
        import python_multipart  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise ColorizeError(f"the server needs an extra: {install_command('serve')}") from error


def _listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises ColorizeError if the address cannot be used."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=1024)
    except (OSError, UnicodeError) as error:
        reason = str(error) if isinstance(error, UnicodeError) else error.strerror or str(error)
        reason = reason.lower().partition(" (while")[0]  # which repeats the address
        remedy = "choose another --host or --port"
        raise ColorizeError(f"{host} port {port}: cannot listen: {reason}; {remedy}") from error


def _serve(args: argparse.Namespace, listener: socket.socket) -> int:
    import uvicorn

    from colorize.server.app import make_app

    limits = from_arguments(Limits, args)
    runner = _load_network(args)
    config = uvicorn.Config(
        make_app(runner, args.model, limits),
        http="h11",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT,
    )
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # the client gets the warnings
    _announce(args, runner, listener)
    server = uvicorn.Server(config)

    def stop(number: int, frame: FrameType | None) -> None:
        server.should_exit = True

    # for signals before uvicorn installs its own handlers, and for the one it raises again after
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server.run(sockets=[listener])
    return DONE


def _load_network(args: argparse.Namespace) -> Runner:
    from colorize.runtime.load import load_runner

    device = "gpu" if args.gpu else args.device or "cpu"
    return load_runner(
        args.model, weights=args.weights, device=device, throughput=True, quiet=False
    )


def _announce(args: argparse.Namespace, runner: Runner, listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    address = f"[{host}]" if ":" in host else host
    _log(f"{args.model} on {runner.device} at http://{address}:{port} (Ctrl-C stops)")
    if not ipaddress.ip_address(host).is_loopback:
        _log("warning: other machines can reach this address, and there is no login")


def _log(message: str) -> None:
    """Print one line on standard error."""
    with suppress(OSError):  # the terminal may be gone
        sys.stderr.write(f"colorize-serve: {message}\n")
        sys.stderr.flush()
