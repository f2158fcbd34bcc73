"""Train a network: python -m colorize.training, the same as `colorize train`."""

import sys

from colorize.installation import run_with_torch

if __name__ == "__main__":
    sys.exit(run_with_torch("colorize.training.cli", "training"))
