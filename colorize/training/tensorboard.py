"""A run's losses, figures and pictures for TensorBoard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from torchvision.utils import make_grid

from colorize.color.lab import lab_to_rgb
from colorize.errors import ColorizeError
from colorize.training import data
from colorize.training.soft_encoding import annealed_mean

SHOWN = 8  # photographs in the grid


class Board:
    """Event files in a folder, for `tensorboard --logdir`."""

    def __init__(self, folder: Path):
        """Open the folder. Raises ColorizeError if tensorboard is not installed."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ColorizeError(
                "tensorboard is not installed: pip install 'colorize-photos[train]'"
            ) from error
        self.writer: Any = SummaryWriter(str(folder))

    def numbers(self, step: int, row: dict[str, float]) -> None:
        """Note figures by name."""
        for name, value in row.items():
            self.writer.add_scalar(name, value, step)

    def pictures(self, step: int, network: Any, validation: data.Photographs, crop: int) -> None:
        """Note a grid of some photographs: gray, the network's colors, and the true ones."""
        self.writer.add_image("validation", picture_grid(network, validation, crop), step)

    def close(self) -> None:
        """Write what is left."""
        self.writer.close()


@torch.no_grad()
def picture_grid(network: Any, photographs: data.Photographs, crop: int) -> torch.Tensor:
    """Return three rows of up to eight pictures, (3, height, width), sRGB in [0, 1].

    Gray, the network's colors (the annealed mean at temperature 1) and the true ones.
    """
    network.eval()
    batch = data.crop_batch(photographs, range(min(len(photographs), SHOWN)), crop, None)
    answer = network(batch.lightness.to(next(network.parameters()).device)).float().cpu()
    ab = annealed_mean(answer) if network.metadata.output == "logits" else answer
    gray = torch.zeros_like(batch.ab)
    rows = torch.cat([_rgb(batch.lightness, colors) for colors in (gray, ab, batch.ab)])
    grid: torch.Tensor = make_grid(rows, nrow=len(batch.lightness))
    return grid


def _rgb(lightness: torch.Tensor, ab: torch.Tensor) -> torch.Tensor:
    """Return pictures (b, 3, h, w), sRGB in [0, 1], of L (b, 1, h, w) and smaller ab."""
    full = F.interpolate(ab.float(), lightness.shape[2:], mode="bilinear", align_corners=False)
    lab = torch.cat((lightness, full), dim=1).movedim(1, -1).numpy()
    return torch.from_numpy(np.asarray(lab_to_rgb(lab), np.float32)).movedim(-1, 1)
