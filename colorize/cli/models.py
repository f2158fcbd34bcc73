"""`colorize models`: list, download, verify or locate weights."""

from __future__ import annotations

from collections.abc import Sequence

from colorize.cli.messages import DONE, FAILED, log_line, print_line
from colorize.command_parser import CommandParser
from colorize.errors import ColorizeError
from colorize.models import registry, weights_files

EPILOG = """\
Published weights are downloaded on first use to the user's cache folder, or to the folder that
the environment variable COLORIZE_CACHE names, and their sha256 is checked before they are read.
COLORIZE_MIRROR names an address below which they are looked for first.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """List, download, verify or locate weights, and return the exit status."""
    arguments = parser()
    args = arguments.parse_args(argv)
    if args.action != "list" and args.name is None:
        arguments.error(f"{args.action} needs the NAME of a network")
    try:
        if args.action == "list":
            for model in registry.available_models():
                place = weights_files.weights_path(model.name)
                state = "not downloaded yet" if place is None else str(place)
                print_line(f"{model.name}: {model.description}")
                print_line(f"    {model.cost}, {model.license}, {state}")
        elif args.action == "verify":
            print_line(f"{weights_files.verify(args.name)}: sha256 verified")
        else:
            print_line(str(weights_files.ensure_weights(args.name)))
    except ColorizeError as error:
        log_line(str(error))
        return FAILED
    return DONE


def parser() -> CommandParser:
    """Return the parser of `colorize models`."""
    result = CommandParser(
        prog="colorize models",
        description="List the networks, download their weights ahead of time, verify them.",
        epilog=EPILOG,
    )
    result.add_argument(
        "action", nargs="?", choices=("list", "download", "verify", "path"), default="list",
        help="list the networks (default); download the weights of NAME; verify their hash; "
        "print their path, after downloading them if needed",
    )  # fmt: skip
    result.add_argument(
        "name",
        nargs="?",
        choices=tuple(registry.MODELS),
        metavar="NAME",
        help=", ".join(registry.MODELS),
    )
    return result
