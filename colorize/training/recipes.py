"""What differs between the networks in training: how they are made, fed, and optimized."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from colorize.color.quantization import bin_centers
from colorize.errors import ColorizeError
from colorize.models.base import Network
from colorize.models.compact import Compact, Encoder
from colorize.models.eccv16 import AB_SCALE, ECCV16
from colorize.models.siggraph17 import SIGGRAPH17
from colorize.training import augmentation as simulate
from colorize.training import data
from colorize.training.config import Settings
from colorize.training.encoders import build_encoder
from colorize.training.losses import SoftTargets
from colorize.training.pretrained import load_imagenet

Inputs = tuple[torch.Tensor, ...]
Groups = list[dict[str, Any]]


@dataclass(frozen=True)
class Recipe:
    """How one network is trained."""

    stride: int  # input pixels per pixel of the targets
    build: Callable[[Settings], Network]
    inputs: Callable[[Settings, data.Batch, np.random.Generator], Inputs]
    groups: Callable[[Any, Settings], Groups]  # of parameters; "share" of the learning rate
    optimizer: Callable[..., torch.optim.Optimizer]
    last: Callable[[Any], nn.Conv2d | None]  # the last layer, where training is from scratch


def _build_compact(settings: Settings) -> Compact:
    """Return the network with the encoder's ImageNet weights, of which a part is frozen."""
    encoder, first = build_encoder(settings.encoder), settings.encoder_from
    load_imagenet(settings.encoder, encoder)
    encoder.requires_grad_(settings.encoder_rate > 0)
    if first > 0:
        if not isinstance(encoder, Encoder):
            raise ColorizeError(f"--encoder-from: not with --encoder {settings.encoder}")
        encoder.stem.requires_grad_(False)
        encoder.blocks[:first].requires_grad_(False)
    return Compact(settings.widths, encoder=encoder)


def _build_eccv16(settings: Settings) -> ECCV16:
    """Return the network with the bins' centers as its own, which stay."""
    network = ECCV16()
    with torch.no_grad():
        network.model_out.weight.copy_(
            torch.from_numpy(bin_centers()).T[:, :, None, None] / AB_SCALE
        )
    network.model_out.requires_grad_(False)
    return network


def _build_siggraph17(settings: Settings) -> SIGGRAPH17:
    """Return the network; its head for classification is not used, and stays."""
    network = SIGGRAPH17()
    network.model_class.requires_grad_(False)
    return network


def _aged(settings: Settings, batch: data.Batch, rng: np.random.Generator) -> torch.Tensor:
    """Return L, some of it sharpened, some like an old photograph's."""
    sharpened = simulate.sharpen(batch.lightness, rng, settings.sharpened)
    return simulate.degrade(sharpened, rng, settings.degraded)


def _compact_inputs(settings: Settings, batch: data.Batch, rng: np.random.Generator) -> Inputs:
    """Return L, hints and statistics."""
    return (
        _aged(settings, batch, rng),
        simulate.hints(batch.ab, rng, settings.hinted),
        simulate.statistics(batch.ab, SoftTargets(batch.ab), rng, settings.with_statistics),
    )


def _eccv16_inputs(settings: Settings, batch: data.Batch, rng: np.random.Generator) -> Inputs:
    """Return L."""
    return (_aged(settings, batch, rng),)


def _siggraph17_inputs(settings: Settings, batch: data.Batch, rng: np.random.Generator) -> Inputs:
    """Return L, and hints of the same size."""
    return _aged(settings, batch, rng), simulate.hints(batch.ab, rng, settings.hinted, stride=1)


def _compact_groups(network: Compact, settings: Settings) -> Groups:
    """Return the decoder, and what is trained of the encoder at a rate of its own."""
    groups: Groups = [{"params": list(network.decoder.parameters()), "share": 1.0}]
    encoder = [p for p in network.encoder.parameters() if p.requires_grad]
    if encoder:
        groups.append({"params": encoder, "share": settings.encoder_rate})
    return groups


def _one_group(network: nn.Module, settings: Settings) -> Groups:
    """Return all that is trained, at one rate."""
    return [{"params": [p for p in network.parameters() if p.requires_grad], "share": 1.0}]


RECIPES = {
    "compact": Recipe(
        4, _build_compact, _compact_inputs, _compact_groups, torch.optim.AdamW, lambda network: None
    ),
    "eccv16": Recipe(
        4, _build_eccv16, _eccv16_inputs, _one_group, torch.optim.Adam, lambda n: n.model8[-1]
    ),
    "siggraph17": Recipe(
        1, _build_siggraph17, _siggraph17_inputs, _one_group, torch.optim.Adam,
        lambda n: n.model_out[0],
    ),
}  # fmt: skip
