"""The 313 ab bins of ECCV16 for training: soft encoding of colors, decoding of distributions.

Inference has the bins and the decoding from `bins`, without torch.

Source: Zhang, Isola, Efros, *Colorful Image Colorization*, ECCV 2016, sections 2.1 and 2.3.
"""

from __future__ import annotations

import functools

import torch

from colorize.color import quantization as arrays
from colorize.color.quantization import Q as Q
from colorize.color.quantization import centers

NEIGHBORS = 5  # bins a color is spread over
SIGMA = 5.0  # of the Gaussian that spreads it, in ab units


@functools.cache
def bin_centers() -> torch.Tensor:
    """Return the centers of the bins, (313, 2) float32 ab, sorted by a, then by b."""
    return torch.tensor(centers())


def soft_encode(
    ab: torch.Tensor, neighbors: int = NEIGHBORS, sigma: float = SIGMA
) -> tuple[torch.Tensor, torch.Tensor]:
    """Spread each color over its nearest bins with Gaussian weights that sum to 1.

    ab: (n, 2) in ab units. Returns the bins (n, k) int64, nearest first, and their
    weights (n, k) float32.
    """
    distance = torch.cdist(ab.float(), bin_centers().to(ab.device))  # (n, 313)
    nearest, bins = distance.topk(neighbors, dim=1, largest=False)
    # Relative to the nearest bin: the same after normalizing, and never 0 / 0 far from the gamut.
    squared = nearest.square() - nearest[:, :1].square()
    weights = torch.exp(-squared / (2 * sigma**2))
    return bins, weights / weights.sum(dim=1, keepdim=True)


@functools.cache
def soft_encode_table() -> tuple[torch.Tensor, torch.Tensor]:
    """Return `soft_encode` of every whole (a, b) in -128..127, to look targets up in.

    Bins (65536, 5) int64 and weights (65536, 5) float32; row (a + 128) * 256 + (b + 128).
    """
    axis = torch.arange(-128, 128, dtype=torch.float32)
    return soft_encode(torch.cartesian_prod(axis, axis))


def rebalancing_weights(prior: torch.Tensor, uniform_share: float = 0.5) -> torch.Tensor:
    """Return the class weights w of ECCV16, eq. 4: w ∝ 1 / ((1-λ)·p + λ/Q), Σ p·w = 1.

    prior: (Q,) the bins' shares of all pixels, sum 1. `uniform_share` is the paper's λ.
    """
    weights = 1 / ((1 - uniform_share) * prior + uniform_share / prior.numel())
    return weights / (prior * weights).sum()


def decode(
    logits: torch.Tensor,
    temperature: float = 1.0,
    centers: torch.Tensor | None = None,
    log_offset: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the annealed mean of the distribution, as `bins.decode` does, without gradient."""
    given = [None if x is None else x.detach().float().cpu().numpy() for x in (centers, log_offset)]
    ab = arrays.decode(logits.detach().float().cpu().numpy(), temperature, *given)
    return torch.from_numpy(ab).to(logits.device)


def rebalance_offset(weights: torch.Tensor, rebalance: float) -> torch.Tensor:
    """Return what to subtract from the logits, as `bins.rebalance_offset` does."""
    return torch.from_numpy(arrays.rebalance_offset(weights.cpu().numpy(), rebalance))
