"""How often each ab bin occurs in photographs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch.nn import functional as F

from colorize.color.quantization import NUM_BINS
from colorize.errors import ColorizeError, message_of
from colorize.training.data.dataset import PhotoDataset, load_dataset
from colorize.training.soft_encoding import soft_encode_table


def compute_prior(photos: PhotoDataset, stride: int) -> torch.Tensor:
    """Return the bins' shares of all target pixels, (313,) float32, sum 1.

    Each target pixel, the mean of stride×stride pixels, counts by its soft encoding, that is, the
    empirical distribution is smoothed with the Gaussian of the targets (ECCV16, section 2.2).
    """
    counts = torch.zeros(65536, dtype=torch.int64)
    for i in range(len(photos)):
        ab = photos.photo(i)[..., 1:].cpu().movedim(-1, 0).contiguous().float()
        a, b = F.avg_pool2d(ab, stride).round().long().flatten(1)
        counts += torch.bincount(a * 256 + b, minlength=65536)
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
        prior = compute_prior(load_dataset(args.photographs), stride=4)
    except (ColorizeError, OSError) as error:
        sys.stderr.write(f"prior: {message_of(error)}\n")
        return 1
    json.dump([round(p, 8) for p in prior.tolist()], sys.stdout)
    sys.stdout.write("\n")
    return 0
