"""`python -m colorize.serve` is `colorize-serve`."""

import sys

from colorize.serve.command import main

if __name__ == "__main__":
    sys.exit(main())
