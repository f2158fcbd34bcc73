"""Soft-encoded targets, class rebalancing and decoding as torch tensors.

Source: Zhang, Isola, Efros, *Colorful Image Colorization*, ECCV 2016, sections 2.1 to 2.3. The
bins and their soft encoding are those of `colorize.color.quantization`.
"""

from __future__ import annotations

import functools

import torch

from colorize.color import quantization
from colorize.color.types import Array
from colorize.decoding import annealed_mean as arrays


@functools.cache
def soft_encode_table() -> tuple[torch.Tensor, torch.Tensor]:
    """Return `quantization.soft_encode_table` as tensors, (65536, 5) int64 and float32."""
    bins, weights = quantization.soft_encode_table()
    return torch.from_numpy(bins), torch.from_numpy(weights)


def rebalancing_weights(prior: torch.Tensor, uniform_share: float = 0.5) -> torch.Tensor:
    """Return the class weights w of ECCV16, eq. 4: w ∝ 1 / ((1-λ)·p + λ/Q), Σ p·w = 1.

    prior: (Q,) the bins' shares of all pixels, sum 1. `uniform_share` is the paper's λ.
    """
    weights = 1 / ((1 - uniform_share) * prior + uniform_share / prior.numel())
    return weights / (prior * weights).sum()


def annealed_mean(
    logits: torch.Tensor, temperature: float = 1.0, log_offset: Array | None = None
) -> torch.Tensor:
    """Return `decoding.annealed_mean` of logits (b, 313, h, w), (b, 2, h, w), without gradient."""
    values = logits.detach().float().cpu().numpy()
    ab = arrays.annealed_mean(values, temperature, log_offset=log_offset)
    return torch.from_numpy(ab).to(logits.device)
