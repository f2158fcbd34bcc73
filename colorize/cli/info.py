"""`colorize info`: what files say of themselves."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence

from colorize.cli.messages import DONE, FAILED, log_line, print_line, printable
from colorize.command_parser import CommandParser
from colorize.errors import ColorizeError, display_name


def main(argv: Sequence[str] | None = None) -> int:
    """Print what each file says of itself, and return 1 if one cannot be read."""
    parser = CommandParser(
        prog="colorize info",
        description="Print format, size, mode and profile of files, and the record of how their "
        "colors were computed.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="photographs")
    parser.add_argument("--json", action="store_true", help="print one JSON object per file")
    args = parser.parse_args(argv)

    from colorize.io.info import describe, read_info  # here: --help does not wait for Pillow

    status = DONE
    for name in args.files:
        try:
            info = read_info(name)
        except ColorizeError as error:
            log_line(str(error))
            status = FAILED
            continue
        if args.json:
            values = {"file": name, **dataclasses.asdict(info)}
            values["colorized"] = info.origin.is_colorized
            print_line(json.dumps(values))
            continue
        print_line(printable(f"{display_name(name)}:", sys.stdout))
        for line in describe(info):
            print_line(printable(f"  {line}", sys.stdout))
    return status
