"""Run `colorize-serve` as `python -m colorize.server`."""

import sys

from colorize.server.cli import main

if __name__ == "__main__":
    sys.exit(main())
