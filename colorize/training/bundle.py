"""The former name of `python -m colorize.training.make_weights`, until the next release."""

import sys

from colorize.installation import run_with_torch

if __name__ == "__main__":
    sys.exit(run_with_torch("colorize.training.weights_file", "training"))
