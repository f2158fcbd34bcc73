"""What a run records: log file, checkpoint, progress bar, TensorBoard."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import torch
from torch.nn import functional as F
from tqdm import tqdm

from colorize.color.lab import lab_to_rgb
from colorize.errors import ColorizeError
from colorize.installation import install_command
from colorize.models.base import Network
from colorize.training import checkpoint
from colorize.training.data.batches import center_crops
from colorize.training.data.dataset import PhotoDataset
from colorize.training.soft_encoding import annealed_mean
from colorize.training.trainer import Trainer
from colorize.training.validation import validate

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

LOG_NAME = "log.csv"  # in a run's folder
SCALARS_EVERY = 50  # steps between losses in TensorBoard
GRID_PHOTOS = 8


class TensorBoardLogger:
    """Writes event files for `tensorboard --logdir`."""

    def __init__(self, folder: Path):
        """Open the folder.

        Raises:
            ColorizeError: tensorboard is not installed.
        """
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ColorizeError(
                f"tensorboard is not installed: {install_command('train')}"
            ) from error
        self._writer: SummaryWriter = SummaryWriter(str(folder))

    def log_scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Write numbers by name."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def log_image(self, step: int, name: str, image: torch.Tensor) -> None:
        """Write an image, (3, h, w), sRGB in [0, 1]."""
        self._writer.add_image(name, image, step)

    def close(self) -> None:
        """Write what is buffered."""
        self._writer.close()


class RunLogger:
    """Records a run's losses and metrics and saves its checkpoint."""

    def __init__(
        self,
        trainer: Trainer,
        validation: PhotoDataset,
        out: Path,
        quiet: bool = False,
        tensorboard: TensorBoardLogger | None = None,
    ):
        """Start the clock.

        Args:
            trainer: Runs the steps.
            validation: Held-out photographs.
            out: The run's folder.
            quiet: Whether to write nothing to stderr.
            tensorboard: Gets losses, metrics and pictures too.
        """
        self.trainer, self.validation, self.out = trainer, validation, out
        self.quiet, self.tensorboard, self.start = quiet, tensorboard, time.monotonic()
        config = trainer.config
        self.crop_size = min(config.crop_size, config.short_side)
        self.losses: list[float] = []
        self.bar: tqdm[NoReturn] = tqdm(
            initial=trainer.steps_done, total=config.num_steps, unit="step", disable=quiet or None
        )

    def close(self) -> None:
        """End the progress bar."""
        self.bar.close()

    def log_step(self, loss: float) -> None:
        """Record the loss of a step."""
        self.losses.append(loss)
        step, config = self.trainer.steps_done, self.trainer.config
        mean = float(np.mean(self.losses[-SCALARS_EVERY:]))
        self.bar.set_postfix(loss=f"{mean:.3f}", refresh=False)
        self.bar.update()
        if self.tensorboard and (step % SCALARS_EVERY == 0 or step == config.num_steps):
            learning_rate = config.learning_rate_at(step - 1)
            self.tensorboard.log_scalars(step, {"loss": mean, "learning_rate": learning_rate})

    def validate(self) -> None:
        """Measure the moving average on held-out photographs, log the metrics, save."""
        trainer, step = self.trainer, self.trainer.steps_done
        metrics = validate(
            trainer.averaged_network, self.validation, trainer.class_weights, self.crop_size,
            trainer.dtype,
        )  # fmt: skip
        row = {
            "step": step,
            "samples": step * trainer.config.effective_batch_size,
            "seconds": round(time.monotonic() - self.start),
            "loss": round(float(np.mean(self.losses)), 4),
            **metrics,
        }
        self.losses.clear()
        _append_row(self.out / LOG_NAME, row)
        if self.tensorboard and len(self.validation):
            self.tensorboard.log_scalars(step, metrics)
            grid = validation_grid(trainer.averaged_network, self.validation, self.crop_size)
            self.tensorboard.log_image(step, "validation", grid)
        if not self.quiet:
            tqdm.write(" ".join(f"{k}={v}" for k, v in row.items()), file=sys.stderr)
        trainer.save(self.out / checkpoint.FILE_NAME)


def _append_row(file: Path, row: Mapping[str, float]) -> None:
    """Append a row to a CSV file; a new file gets a header, whose columns later rows keep."""
    columns, is_new = list(row), not file.exists()
    if not is_new:
        with file.open(newline="", encoding="utf-8") as stream:
            columns = next(csv.reader(stream), columns)
    with file.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore")
        if is_new:
            writer.writeheader()
        writer.writerow(row)


@torch.no_grad()
def validation_grid(network: Network, photos: PhotoDataset, crop_size: int) -> torch.Tensor:
    """Return up to eight photographs in three rows, (3, height, width), sRGB in [0, 1].

    Gray, the network's colors (the annealed mean at temperature 1), and the true ones.
    """
    from torchvision.utils import make_grid  # here, not above: it takes seconds to import

    network.eval()
    indices, stride = range(min(len(photos), GRID_PHOTOS)), network.metadata.output_stride
    batch = center_crops(photos, indices, crop_size, stride)
    lightness, truth = batch.lightness.cpu(), batch.ab.cpu()
    device = next(network.parameters()).device
    prediction = network(lightness.to(device)).float().cpu()
    ab = annealed_mean(prediction) if network.metadata.output == "logits" else prediction
    rows = torch.cat([_to_rgb(lightness, x) for x in (torch.zeros_like(truth), ab, truth)])
    grid: torch.Tensor = make_grid(rows, nrow=len(lightness))
    return grid


def _to_rgb(lightness: torch.Tensor, ab: torch.Tensor) -> torch.Tensor:
    """Return sRGB in [0, 1], (b, 3, h, w), of L, (b, 1, h, w), and smaller ab."""
    full = F.interpolate(ab.float(), lightness.shape[2:], mode="bilinear", align_corners=False)
    lab = torch.cat((lightness, full), dim=1).movedim(1, -1).numpy()
    return torch.from_numpy(np.asarray(lab_to_rgb(lab), np.float32)).movedim(-1, 1)
