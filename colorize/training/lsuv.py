"""Layer-sequential unit-variance initialization, for training from scratch.

Mishkin, Matas, *All you need is a good init*, ICLR 2016. It replaces the k-means initialization of
the ECCV16 authors: both are data-driven and give every layer outputs of unit variance.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

LAST_STD = 0.1  # of the last layer's output: near no color, or no preference

Hook = Callable[[nn.Module, tuple[torch.Tensor, ...], torch.Tensor], torch.Tensor]


@torch.no_grad()
def lsuv_init(network: nn.Module, last: nn.Conv2d, *inputs: torch.Tensor) -> None:
    """Set every trained convolution to orthogonal weights, scaled to outputs of unit variance.

    Layers are scaled in the order in which the network runs them, each on the outputs of those
    already scaled. Batch normalization keeps its weights; its running statistics are reset.

    Args:
        network: Changed in place.
        last: Its last layer, whose outputs get a standard deviation of 0.1 instead.
        *inputs: A batch of what the network takes.
    """
    hooks = []
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and layer.weight.requires_grad:
            contiguous = torch.empty(layer.weight.shape, device=layer.weight.device)
            layer.weight.copy_(nn.init.orthogonal_(contiguous))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
            std = LAST_STD if layer is last else 1.0
            hooks.append(layer.register_forward_hook(_scale_output(layer, std)))
    network.train()
    try:
        network(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.reset_running_stats()


def _scale_output(layer: nn.Conv2d | nn.ConvTranspose2d, std: float) -> Hook:
    """Return a hook that scales the layer's weights so that its output has the deviation."""

    def hook(
        module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor
    ) -> torch.Tensor:
        factor = std / output.std().clamp(min=1e-6)
        layer.weight.mul_(factor)
        return output * factor

    return hook
