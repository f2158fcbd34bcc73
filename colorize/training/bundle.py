"""The former name of `python -m colorize.training.make_weights`, until the next release."""

import sys

from colorize.training.make_weights import main

if __name__ == "__main__":
    sys.exit(main())
