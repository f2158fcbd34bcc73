"""`python -m colorize.server` is `colorize-serve`."""

import sys

from colorize.server.cli import main

if __name__ == "__main__":
    sys.exit(main())
