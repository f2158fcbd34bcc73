"""Print how often each ab bin occurs: python -m colorize.training.prior PHOTOGRAPHS."""

import sys

from colorize.installation import run_with_torch

if __name__ == "__main__":
    sys.exit(run_with_torch("colorize.training.color_prior", "training"))
