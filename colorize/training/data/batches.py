"""The batches of each step, the same whichever process, or how many, make them."""

from __future__ import annotations

import sys
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from colorize.training.config import TrainConfig
from colorize.training.data import augmentation
from colorize.training.data.augmentation import BatchRng
from colorize.training.data.dataset import PhotoDataset
from colorize.training.recipes import RECIPES

GRAY_LIMIT = 5  # ECCV16: a photograph whose |a| and |b| stay within this is gray


class CropBatch(NamedTuple):
    """Crops of photographs, not augmented."""

    lightness: torch.Tensor  # (b, 1, size, size), L in [0, 100]
    ab: torch.Tensor  # (b, 2, size/stride, size/stride) int8, means over the pixels
    is_color: torch.Tensor  # (b,) float32, 0 for gray photographs


class TrainBatch(NamedTuple):
    """What a network is trained on at once."""

    lightness: torch.Tensor  # (b, 1, crop, crop), L in [0, 100], augmented: the network's input
    hints: torch.Tensor | None  # (b, 3, crop, crop), for networks that take hints
    clean_lightness: torch.Tensor  # (b, 1, crop, crop), not augmented: the teacher's input
    ab: torch.Tensor  # (b, 2, h, w) int8, the target
    is_color: torch.Tensor  # (b,) float32, 0 for gray photographs, which don't count

    @property
    def inputs(self) -> tuple[torch.Tensor, ...]:
        """The network's inputs."""
        return (self.lightness,) if self.hints is None else (self.lightness, self.hints)

    def to(self, device: torch.device) -> TrainBatch:
        """Return the batch on a device."""
        moved = (None if x is None else x.to(device, non_blocking=True) for x in self)
        return TrainBatch(*moved)  # type: ignore[arg-type]


def center_crops(dataset: PhotoDataset, indices: range, size: int, stride: int) -> CropBatch:
    """Return the middle of each photograph, for validation.

    Args:
        dataset: The photographs.
        indices: Which of them.
        size: Side of the crops in pixels.
        stride: Crop pixels per target pixel.
    """
    photos, sizes = dataset.padded(torch.arange(indices.start, indices.stop))
    start, box = augmentation.center_boxes(sizes, size)
    mirrored = torch.zeros_like(start[:, :1], dtype=torch.bool)
    return _crop_batch(augmentation.crop_and_resize(photos, start, box, size, mirrored), stride)


def _crop_batch(lab: torch.Tensor, stride: int) -> CropBatch:
    """Return crops, (b, 3, size, size), with targets at 1 / stride of their size."""
    ab = F.avg_pool2d(lab[:, 1:], stride).round().clamp(-128, 127).to(torch.int8)
    is_color = (ab.float().abs().flatten(1).amax(dim=1) > GRAY_LIMIT).float()
    return CropBatch(lab[:, :1].clamp(0, 100), ab, is_color)


@torch.no_grad()
def make_batch(
    dataset: PhotoDataset, indices: torch.Tensor, config: TrainConfig, rng: BatchRng
) -> TrainBatch:
    """Return augmented random crops, on the dataset's device.

    Args:
        dataset: The photographs.
        indices: Which of them, (b,) int64.
        config: Crop size and probabilities.
        rng: Random numbers of these samples.
    """
    photos, sizes = dataset.padded(indices)
    start, box = augmentation.random_boxes(sizes, config, rng)
    mirrored = rng.uniform(1) < 0.5
    lab = augmentation.crop_and_resize(photos, start, box, config.crop_size, mirrored)
    recipe = RECIPES[config.network]
    clean, ab, is_color = _crop_batch(lab, recipe.stride)
    hints = None
    if recipe.takes_hints:
        hints = augmentation.simulate_hints(ab, config.hint_prob, rng)
    lightness = augmentation.augment_lightness(lab, config, rng)
    return TrainBatch(lightness, hints, clean, ab, is_color)


def step_indices(count: int, batch: int, step: int, seed: int) -> npt.NDArray[np.int64]:
    """Return the indices of the photographs of one step; each epoch shuffles differently.

    Args:
        count: Number of photographs.
        batch: Number of samples in a step, over all processes.
        step: From 0.
        seed: The run's seed.
    """
    per_epoch = count // batch
    epoch, position = divmod(step, per_epoch)
    order = np.random.default_rng([seed, epoch]).permutation(count)
    return order[position * batch : (position + 1) * batch]


class StepDataset(Dataset[list[TrainBatch]]):
    """The batches that one process takes in each step, by the step's number."""

    def __init__(self, photos: PhotoDataset, config: TrainConfig, rank: int = 0):
        """rank: the number of this process, from 0 to `config.world_size` - 1."""
        self.photos, self.config, self.rank = photos, config, rank

    def __getitem__(self, step: int) -> list[TrainBatch]:
        """Return the process's `config.grad_accum_steps` batches of a step."""
        config, total = self.config, self.config.effective_batch_size
        indices = torch.from_numpy(step_indices(len(self.photos), total, step, config.seed))
        batches = []
        for number in range(self.rank, config.micro_batches, config.world_size):
            rows = slice(number * config.batch_size, (number + 1) * config.batch_size)
            rng = BatchRng(config.seed, step, total, rows, self.photos.device)
            batches.append(make_batch(self.photos, indices[rows], config, rng))
        return batches


def _start_method() -> str | None:
    """Return how processes start: on Linux they share the photographs, elsewhere they copy them."""
    return "fork" if sys.platform == "linux" else None


def make_loader(
    steps: StepDataset, first: int, workers: int = 0, pin_memory: bool = False
) -> DataLoader[list[TrainBatch]]:
    """Return the steps from the `first` to the last.

    Args:
        steps: The batches.
        first: The number of the first step.
        workers: Number of processes that prepare batches in advance; 0: none.
        pin_memory: Whether batches are put into page-locked memory, for fast copies to a GPU.
    """
    return DataLoader(
        steps,
        batch_size=None,
        sampler=range(first, steps.config.num_steps),
        num_workers=workers,
        pin_memory=pin_memory,
        multiprocessing_context=_start_method() if workers else None,
        generator=torch.Generator(),
    )
