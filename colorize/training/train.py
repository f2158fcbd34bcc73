"""The former name of `python -m colorize.training`, until the next release."""

import sys

from colorize.installation import run_with_torch

if __name__ == "__main__":
    sys.exit(run_with_torch("colorize.training.cli", "training"))
