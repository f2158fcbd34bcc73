"""Train a network: python -m colorize.training PHOTOGRAPHS... --out RUN."""

import sys

from colorize.training.cli import main

if __name__ == "__main__":
    sys.exit(main())
