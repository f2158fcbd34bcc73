"""`colorize models`: list, download, verify or locate weights."""

from __future__ import annotations

from collections.abc import Sequence

from colorize.cli.arguments import models_parser
from colorize.cli.messages import DONE, FAILED, log_line, print_line
from colorize.errors import ColorizeError
from colorize.models import registry, weights_files


def main(argv: Sequence[str] | None = None) -> int:
    """List, download, verify or locate weights, and return the exit status."""
    arguments = models_parser()
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
