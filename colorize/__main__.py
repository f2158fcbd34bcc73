"""python -m colorize, and the entry point of the installed command."""

import sys
from typing import NoReturn


def run() -> NoReturn:
    """Run the command as a process; Ctrl-C while it is being imported ends it in one line."""
    try:
        from colorize.cli import run as run_command
    except KeyboardInterrupt:
        sys.stderr.write("colorize: interrupted\n")
        sys.exit(130)
    run_command()


if __name__ == "__main__":
    run()
