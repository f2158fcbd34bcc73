"""Random weights under which a deep network's output still depends on its input."""

import torch
from torch import nn


def lively(network: nn.Module) -> nn.Module:
    """Return the network with seeded weights that keep the signal's size in every layer."""
    generator = torch.Generator().manual_seed(0)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            if layer.bias is not None:
                nn.init.normal_(layer.bias, std=0.1, generator=generator)
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5, generator=generator)
            nn.init.normal_(layer.bias, std=0.2, generator=generator)
            nn.init.normal_(layer.running_mean, std=0.2, generator=generator)
            nn.init.uniform_(layer.running_var, 0.5, 1.5, generator=generator)
    return network.eval().requires_grad_(False)
