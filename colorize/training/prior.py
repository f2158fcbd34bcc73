"""How often each ab bin occurs in photographs: python -m colorize.training.prior PHOTOGRAPHS."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from colorize.color.quantization import NUM_BINS
from colorize.errors import ColorizeError
from colorize.training import data
from colorize.training.soft_encoding import soft_encode_table


def compute_prior(photographs: data.Photographs) -> torch.Tensor:
    """Return the bins' shares of all pixels, (313,) float32, sum 1.

    Each pixel counts by its soft encoding, that is, the empirical distribution is smoothed with
    the Gaussian of the targets (ECCV16, section 2.2).
    """
    counts = np.zeros(65536, np.int64)
    for ab in photographs.ab:
        index = (ab[0].astype(np.int64) + 128) * 256 + ab[1] + 128
        counts += np.bincount(index.ravel(), minlength=65536)
    return prior_of_counts(torch.from_numpy(counts))


def prior_of_counts(counts: torch.Tensor) -> torch.Tensor:
    """Return the prior of colors that occur so often; counts: (65536,), by the table's rows."""
    bins, weights = soft_encode_table()
    total = torch.zeros(NUM_BINS, dtype=torch.float64)
    mass = weights.double() * counts[:, None]
    total.scatter_add_(0, bins.flatten(), mass.flatten())
    return (total / total.sum()).float()


def main(argv: Sequence[str] | None = None) -> int:
    """Print the prior as JSON and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m colorize.training.prior",
        description="Print how often each of the 313 ab bins occurs in color photographs.",
    )
    parser.add_argument("photographs", nargs="+", type=Path, help="folders and tar files")
    args = parser.parse_args(argv)
    try:
        prior = compute_prior(data.load(args.photographs))
    except (ColorizeError, OSError) as error:
        sys.stderr.write(f"prior: {error}\n")
        return 1
    json.dump([round(p, 8) for p in prior.tolist()], sys.stdout)
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
