"""What differs between the networks in training: targets, inputs, trained layers, optimizer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from colorize.color.quantization import bin_centers
from colorize.errors import ColorizeError
from colorize.models.base import Network
from colorize.models.compact import Compact, Encoder
from colorize.models.eccv16 import AB_SCALE, ECCV16
from colorize.models.siggraph17 import SIGGRAPH17
from colorize.training.config import TrainConfig
from colorize.training.encoders import build_encoder
from colorize.training.pretrained import load_imagenet


@dataclass(frozen=True)
class ParamGroup:
    """Parameters that share a learning rate."""

    params: list[nn.Parameter]
    lr_mult: float  # of the run's learning rate


@dataclass(frozen=True)
class Recipe:
    """How one network is trained."""

    stride: int  # crop pixels per target pixel, as in the network's metadata
    takes_hints: bool  # likewise
    build: Callable[[TrainConfig], Network]
    optimizer: type[torch.optim.Adam]  # or its subclass AdamW


def _build_compact(config: TrainConfig) -> Compact:
    """Return the network with the encoder's ImageNet weights, part of which is frozen."""
    encoder, first = build_encoder(config.encoder), config.unfreeze_from
    load_imagenet(encoder)
    encoder.requires_grad_(config.encoder_lr_mult > 0)
    if first > 0:
        if not isinstance(encoder, Encoder):
            raise ColorizeError(f"--unfreeze-from does not work with --encoder {config.encoder}")
        encoder.stem.requires_grad_(False)
        encoder.blocks[:first].requires_grad_(False)
    return Compact(config.widths, input_autocontrast=config.input_autocontrast, encoder=encoder)


def _build_eccv16(config: TrainConfig) -> ECCV16:
    """Return the network; the bins' centers, its last layer, stay as they are."""
    network = ECCV16()
    with torch.no_grad():
        network.model_out.weight.copy_(
            torch.from_numpy(bin_centers()).T[:, :, None, None] / AB_SCALE
        )
    network.model_out.requires_grad_(False)
    return network


def _build_siggraph17(config: TrainConfig) -> SIGGRAPH17:
    """Return the network; its classification head is unused and stays as it is."""
    network = SIGGRAPH17()
    network.model_class.requires_grad_(False)
    return network


def param_groups(network: Network, config: TrainConfig) -> list[ParamGroup]:
    """Return the trained parameters; those of `compact`'s encoder are a separate group."""
    if not isinstance(network, Compact):
        return [ParamGroup([p for p in network.parameters() if p.requires_grad], 1.0)]
    groups = [ParamGroup(list(network.decoder.parameters()), 1.0)]
    encoder = [p for p in network.encoder.parameters() if p.requires_grad]
    if encoder:
        groups.append(ParamGroup(encoder, config.encoder_lr_mult))
    return groups


def last_layer(network: Network) -> nn.Conv2d | None:
    """Return the last trained layer of a network trained from scratch; None for `compact`."""
    layer: nn.Module | None = None
    if isinstance(network, ECCV16):
        layer = network.model8[-1]
    elif isinstance(network, SIGGRAPH17):
        layer = network.model_out[0]
    assert layer is None or isinstance(layer, nn.Conv2d)
    return layer


RECIPES = {
    "compact": Recipe(4, False, _build_compact, torch.optim.AdamW),
    "eccv16": Recipe(4, False, _build_eccv16, torch.optim.Adam),
    "siggraph17": Recipe(1, True, _build_siggraph17, torch.optim.Adam),
}
