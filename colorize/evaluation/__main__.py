"""Measure colorizations: python -m colorize.evaluation, the same as `colorize evaluate`."""

import sys

from colorize.installation import run_with_torch

if __name__ == "__main__":
    sys.exit(run_with_torch("colorize.evaluation.cli", "evaluation"))
