"""The exponential moving average of a network's weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel


def make_ema(network: nn.Module, decay: float) -> AveragedModel:
    """Return a copy of the network that follows its weights, faster at the beginning.

    Args:
        network: Its weights and buffers are averaged.
        decay: The share of the average that each update keeps; at update n at most
            (1 + n) / (10 + n).
    """

    def update_ema(
        average: Sequence[torch.Tensor], current: Sequence[torch.Tensor], count: int | torch.Tensor
    ) -> None:
        kept = min(decay, (1 + int(count)) / (10 + int(count)))
        if average[0].is_floating_point():  # all have the same type
            torch._foreach_lerp_(list(average), list(current), 1 - kept)
        else:  # counters of batch normalization
            for old, new in zip(average, current, strict=True):
                old.copy_(new)

    return AveragedModel(network, multi_avg_fn=update_ema, use_buffers=True)
