"""Export a network: python -m colorize.export, the same as `colorize export`."""

import sys

from colorize.installation import run_with_torch

if __name__ == "__main__":
    sys.exit(run_with_torch("colorize.export.cli", "exporting"))
