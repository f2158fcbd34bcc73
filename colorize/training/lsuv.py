"""A start from scratch: weights that keep the signal's size in every layer, by photographs.

Stands for the k-means initialization that the ECCV16 authors used: both are driven by data and
give every layer outputs of unit variance. Mishkin, Matas, *All you need is a good init*
(layer-sequential unit variance), ICLR 2016.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

LAST = 0.1  # deviation of the last layer's output: near no color, or no preference


@torch.no_grad()
def lsuv_init(network: nn.Module, last: nn.Conv2d, *inputs: torch.Tensor) -> None:
    """Set every trained convolution to orthogonal weights, scaled to outputs of deviation 1.

    The layers are scaled in the order in which the network runs them on `inputs`, each on what
    the scaled ones before put out. `last`'s outputs get the deviation 0.1. Batch normalizations
    stay as they are but for their running statistics, which start anew.
    """
    hooks = []
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and layer.weight.requires_grad:
            plain = torch.empty(layer.weight.shape, device=layer.weight.device)
            layer.weight.copy_(nn.init.orthogonal_(plain))  # which needs contiguous memory
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
            hooks.append(layer.register_forward_hook(_scale_to(LAST if layer is last else 1.0)))
    network.train()
    try:
        network(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.reset_running_stats()


def _scale_to(deviation: float) -> Any:
    """Return a hook that scales a layer so that its output has the deviation."""

    def hook(layer: nn.Module, inputs: Any, output: torch.Tensor) -> torch.Tensor:
        factor = deviation / output.std().clamp(min=1e-6)
        layer.weight.mul_(factor)  # type: ignore[operator]
        return output * factor

    return hook
