"""The command `colorize serve`, also `colorize-serve`."""

from __future__ import annotations

import argparse
import ipaddress
import logging
import os
import signal
import socket
import sys
import webbrowser
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread
from types import FrameType
from typing import TYPE_CHECKING

from colorize.command_parser import WEIGHTS_HELP, CommandParser, add_arguments, from_arguments
from colorize.errors import ColorizeError, reason_of
from colorize.installation import install_command
from colorize.models.registry import MODELS
from colorize.runtime.threads import limit_blas_threads
from colorize.server.limits import Address, Limits

if TYPE_CHECKING:
    from colorize.runtime.base import Runner

DONE, FAILED = 0, 1

# Reserved for documentation (RFC 5737, RFC 3849), so no machine has them.
DOCUMENTATION_ADDRESS = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}

EPILOG = """\
Ctrl-C or SIGTERM stops the server once it has answered the requests it accepted. There is no
login: anyone who can reach the address can use the server. docs/serve.md describes the HTTP API.
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = CommandParser(
        prog="colorize serve",
        description="Colorize photographs in a browser or over HTTP.",
        epilog=EPILOG,
    )
    address = parser.add_argument_group("address")
    add_arguments(address, Address)
    address.add_argument("--open", action="store_true", help="open the page in the browser")
    network = parser.add_argument_group("network")
    network.add_argument(
        "--model", choices=list(MODELS), default="compact", help="network (default: compact)"
    )
    network.add_argument("--weights", metavar="FILE", help=WEIGHTS_HELP)
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
        reason = reason_of(error).partition(" (while")[0]  # which repeats the address
        remedy = "choose another --host or --port"
        raise ColorizeError(f"{host} port {port}: cannot listen: {reason}; {remedy}") from error


def _serve(args: argparse.Namespace, listener: socket.socket) -> int:
    import uvicorn

    from colorize.server.app import make_app
    from colorize.server.connections import BoundedServer

    limits = from_arguments(Limits, args)
    runner = _load_network(args, limits)
    app = make_app(runner, args.model, limits, filter(None, args.allowed_hosts.split(",")))
    config = uvicorn.Config(
        app,
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
    )
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # the client gets the warnings
    address = _announce(args, runner, listener)
    service = app.state.service
    server = BoundedServer(config, limits.max_connections, service.worker.stop)

    def stop(number: int, frame: FrameType | None) -> None:
        server.should_exit = True

    # for signals before uvicorn installs its own handlers, and for the one it raises again after
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    if args.open:  # in a thread: some browsers return only when they are closed
        Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    server.run(sockets=[listener])
    if not service.close():  # the network still runs, and exiting would wait for it
        os._exit(DONE)
    return DONE


def _load_network(args: argparse.Namespace, limits: Limits) -> Runner:
    from colorize.runtime.load import load_runner

    return load_runner(
        args.model,
        weights=args.weights,
        device="gpu" if args.gpu else args.device or "cpu",
        throughput=True,
        max_batch=limits.max_batch,
        quiet=False,
    )


def _announce(args: argparse.Namespace, runner: Runner, listener: socket.socket) -> str:
    """Print where the server listens; return the address for a browser on this machine."""
    host, port = listener.getsockname()[:2]
    ip = ipaddress.ip_address(host)
    _log(f"{args.model} on {runner.device} at {_url(host, port)} (Ctrl-C stops)")
    if ip.is_unspecified and (own := _own_address(listener.family)):
        _log(f"on a phone or another computer in this network: {_url(own, port)}")
    if not ip.is_loopback:
        _log("warning: other machines can reach this address, and there is no login")
    if ip.is_unspecified:
        host = "::1" if ip.version == 6 else "127.0.0.1"
    return _url(host, port)


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _own_address(family: socket.AddressFamily) -> str | None:
    """Return the address from which this machine reaches its network, None without one.

    Connecting a datagram socket sends nothing; it only looks up the route.
    """
    target = DOCUMENTATION_ADDRESS[family]
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((target, 9))
            address: str = probe.getsockname()[0]
            return address
    except OSError:
        return None


def _log(message: str) -> None:
    """Print one line on standard error."""
    with suppress(OSError):  # the terminal may be gone
        sys.stderr.write(f"colorize: {message}\n")
        sys.stderr.flush()
