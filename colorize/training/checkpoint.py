"""Checkpoints of training runs: written atomically, read without running code in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict

import torch

from colorize.errors import ColorizeError, display_name
from colorize.io.atomic import atomic_write
from colorize.models.compact import Compact
from colorize.models.legacy import convert_legacy_compact, is_legacy_compact
from colorize.training.config import TrainConfig, config_from_dict
from colorize.training.encoders import build_encoder
from colorize.training.soft_encoding import rebalancing_weights

FILE_NAME = "checkpoint.pt"  # in a run's folder
FORMER_KEYS = {"settings": "config", "updates": "num_updates"}  # of the version before


class Checkpoint(TypedDict):
    """All that a run needs to continue exactly."""

    config: dict[str, object]  # of `TrainConfig`
    prior: torch.Tensor  # (313,), the bins' shares of the training photographs
    steps_done: int
    network: dict[str, torch.Tensor]
    average: dict[str, torch.Tensor]  # the moving average of the weights
    num_updates: int  # of the average
    optimizer: dict[str, Any]  # as torch defines it
    scaler: dict[str, Any]  # likewise; empty unless the run computes in fp16


def write_checkpoint(checkpoint: Checkpoint, file: Path) -> None:
    """Write a checkpoint atomically."""
    with atomic_write(file) as stream:
        torch.save(checkpoint, stream)


def read_checkpoint(file: Path, device: torch.device | str = "cpu") -> Checkpoint:
    """Return a checkpoint that this version or the one before wrote.

    Raises:
        ColorizeError: The file is missing, damaged or another kind of file.
    """
    if not file.is_file():
        raise ColorizeError(f"{file}: no such checkpoint")
    try:
        content = torch.load(file, map_location=device, weights_only=True)
        renamed = {FORMER_KEYS.get(key, key): value for key, value in content.items()}
        lacking = Checkpoint.__required_keys__ - {"scaler", *renamed}
    except Exception as error:  # a damaged file makes torch raise about anything
        raise ColorizeError(f"{display_name(file)}: damaged, or not a checkpoint") from error
    if lacking:
        raise ColorizeError(f"{display_name(file)}: not a checkpoint of a training run")
    checkpoint: Checkpoint = {"scaler": {}, **renamed}  # type: ignore[typeddict-item]
    return checkpoint


def config_of(checkpoint: Checkpoint) -> TrainConfig:
    """Return the config of a checkpoint's run."""
    return config_from_dict(checkpoint["config"])


def averaged_network(checkpoint: Checkpoint) -> Compact:
    """Return the moving average of a run of `compact`, with its class weights and prior."""
    config, prior = config_of(checkpoint), checkpoint["prior"]
    network = Compact(
        config.widths,
        class_weights=rebalancing_weights(prior, config.rebalance_lambda).tolist(),
        prior=prior.tolist(),
        input_autocontrast=config.input_autocontrast,
        encoder=build_encoder(config.encoder),
    )
    average = checkpoint["average"]
    arrays = {name: tensor.cpu().numpy() for name, tensor in average.items()}
    if is_legacy_compact(arrays):
        converted = convert_legacy_compact(arrays)
        average = {name: torch.from_numpy(array) for name, array in converted.items()}
    network.load_state_dict(average)
    return network
