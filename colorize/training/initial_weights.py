"""Trained weights to start from or to learn from: files, checkpoints, models by name."""

from __future__ import annotations

from pathlib import Path

import torch

from colorize.errors import ColorizeError
from colorize.models import registry
from colorize.models.base import Network
from colorize.models.compact import Compact
from colorize.training.checkpoint import averaged_network, read_checkpoint
from colorize.training.class_weights import shift_class_weights


def load_trained(weights: str, name: str, class_weights: torch.Tensor) -> Network:
    """Return a trained network.

    Args:
        weights: A weights file, a checkpoint of `compact`, or `name` for the model's own weights.
        name: The network's name.
        class_weights: Those of the new run, (313,), to which `compact`'s logits are shifted.

    Raises:
        ColorizeError: The weights can't be read.
    """
    network: Network
    if weights.endswith(".pt") and name == "compact":
        network = averaged_network(read_checkpoint(Path(weights))).eval()
    else:
        network = registry.load(name, weights=None if weights == name else weights)
    if isinstance(network, Compact) and network.metadata.class_weights is not None:
        trained_with = torch.from_numpy(network.metadata.class_weights)
        shift_class_weights(network, trained_with, class_weights.cpu())
    return network


def load_teacher(weights: str, class_weights: torch.Tensor) -> Compact:
    """Return a trained `compact` with any encoder and widths, see `load_trained`.

    Raises:
        ColorizeError: The weights can't be read, or their class weights are unknown.
    """
    teacher = load_trained(weights, "compact", class_weights)
    if not isinstance(teacher, Compact) or teacher.metadata.class_weights is None:
        raise ColorizeError(f"{weights}: can't be a teacher: its class weights are unknown")
    return teacher


def check_same_layers(weights: str, trained: Network, network: Network) -> None:
    """Raise ColorizeError, with the option to set, if two networks differ in their layers."""
    if isinstance(trained, Compact) and isinstance(network, Compact):
        if type(trained.encoder) is not type(network.encoder):
            raise ColorizeError(f"{weights}: has another encoder; set it with --encoder")
        if trained.widths != network.widths:
            widths = " ".join(map(str, trained.widths))
            raise ColorizeError(f"{weights}: has other widths; add --widths {widths}")
