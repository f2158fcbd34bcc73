"""Weights of a network so small that reading and writing files dominates the time."""

from __future__ import annotations

from pathlib import Path

import torch

from colorize.color.quantization import NUM_BINS
from colorize.models.compact import Compact
from colorize.models.metadata import StyleSettings
from colorize.models.serialization import save_compact


def save_tiny_weights(file: Path) -> Path:
    """Write seeded random weights of a compact network with few channels; return the file."""
    torch.manual_seed(0)
    network = Compact(
        (8, 8, 12, 16),
        class_weights=torch.linspace(0.2, 3, NUM_BINS),
        prior=torch.full((NUM_BINS,), 1 / NUM_BINS),
        styles={"vivid": StyleSettings(0.5, 0.9)},
    )
    save_compact(network, file)
    return file
