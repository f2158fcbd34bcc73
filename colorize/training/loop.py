"""The training loop."""

from __future__ import annotations

import contextlib
from pathlib import Path

from colorize.errors import ColorizeError
from colorize.training.data.batches import StepDataset, make_loader
from colorize.training.data.dataset import PhotoDataset
from colorize.training.distributed import barrier
from colorize.training.logging import RunLogger, TensorBoardLogger
from colorize.training.trainer import Trainer


def train(
    trainer: Trainer,
    photos: PhotoDataset,
    validation: PhotoDataset,
    out: Path,
    validate_every: int = 625,
    quiet: bool = False,
    *,
    rank: int = 0,
    loader_workers: int = 0,
    tensorboard: TensorBoardLogger | None = None,
) -> None:
    """Run the remaining steps; validate, log and save every `validate_every` steps and at the end.

    Args:
        trainer: The network and its state.
        photos: Training photographs, on the CPU or the trainer's device.
        validation: Held-out photographs.
        out: The run's folder, which exists.
        validate_every: Steps.
        quiet: Whether to write nothing to stderr.
        rank: The number of this process; only 0 validates, logs and saves.
        loader_workers: Number of processes that prepare batches in advance.
        tensorboard: Gets losses, metrics and pictures too.

    Raises:
        ColorizeError: There are fewer photographs than a step takes.
    """
    config = trainer.config
    if len(photos) < config.effective_batch_size:
        raise ColorizeError(
            f"{len(photos)} training photographs are fewer than the "
            f"{config.effective_batch_size} of a step; lower --batch-size"
        )
    pin_memory = trainer.device.type == "cuda" and photos.device.type == "cpu"
    steps = StepDataset(photos, config, rank)
    loader = make_loader(steps, trainer.steps_done, loader_workers, pin_memory)
    logger = RunLogger(trainer, validation, out, quiet or rank > 0, tensorboard)
    with contextlib.closing(logger):
        for batches in loader:
            logger.log_step(trainer.step(batches))
            if trainer.steps_done % validate_every == 0 or trainer.steps_done == config.num_steps:
                if rank == 0:
                    logger.validate()
                barrier()
