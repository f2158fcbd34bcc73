"""The stretch of L to full contrast, as in `color.autocontrast`, on batches of torch tensors."""

from __future__ import annotations

import torch

from colorize.color.autocontrast import CLIPPED, MIN_RANGE
from colorize.models.base import Network


def stretch_lightness(lightness: torch.Tensor, amount: float | torch.Tensor) -> torch.Tensor:
    """Return L, (b, 1, h, w) in [0, 100], between itself and its stretch to full contrast.

    As `color.autocontrast.stretch_lightness`.

    Args:
        lightness: Crops of photographs.
        amount: 0 leaves them as they are, 1 gives the stretch; for all, or (b, 1, 1, 1).
    """
    values = lightness.flatten(1)
    clipped = int(CLIPPED * values.shape[1])
    low = values.kthvalue(clipped + 1, dim=1).values.view(-1, 1, 1, 1)
    high = values.kthvalue(values.shape[1] - clipped, dim=1).values.view(-1, 1, 1, 1)
    missing = (MIN_RANGE - (high - low)).clamp(min=0)
    share = (low + high) / 200
    low, high = low - missing * share, high + missing * (1 - share)
    stretched = ((lightness - low) * (100 / (high - low))).clamp(0, 100)
    return lightness + amount * (stretched - lightness)


def as_seen_by(network: Network, lightness: torch.Tensor) -> torch.Tensor:
    """Return L, (b, 1, h, w), stretched as far as the network wants it."""
    amount = network.metadata.input_autocontrast
    return stretch_lightness(lightness, amount) if amount > 0 else lightness
