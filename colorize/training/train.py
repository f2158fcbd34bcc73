"""The former name of `python -m colorize.training`, until the next release."""

import sys

from colorize.training.cli import main

if __name__ == "__main__":
    sys.exit(main())
