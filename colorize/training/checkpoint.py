"""A training run's checkpoint, read again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from colorize.errors import ColorizeError
from colorize.models.compact import Compact
from colorize.training.encoders import build_encoder
from colorize.training.soft_encoding import rebalancing_weights


def read_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Return the state that `Trainer.save` wrote. Raises ColorizeError if there is none."""
    if not path.is_file():
        raise ColorizeError(f"{path}: no such checkpoint")
    state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    return state


def averaged_network(state: dict[str, Any]) -> Compact:
    """Return the moving average of a run of `compact`, with its class weights and prior."""
    settings, prior = state["settings"], state["prior"]
    network = Compact(
        tuple(settings["widths"]),
        class_weights=rebalancing_weights(prior, settings["uniform_share"]).tolist(),
        prior=prior.tolist(),
        encoder=build_encoder(settings.get("encoder", "lite0")),
    )
    network.load_state_dict(state["average"])
    return network
