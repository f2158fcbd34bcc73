"""The crops of each step, drawn the same whichever process, or how many, take it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from colorize.training import data
from colorize.training.config import Settings
from colorize.training.recipes import RECIPES


class Examples(NamedTuple):
    """What a network learns from at once."""

    inputs: tuple[torch.Tensor, ...]  # of the network
    lightness: torch.Tensor  # (b, 1, crop, crop), as it was before anything was simulated
    ab: torch.Tensor  # (b, 2, h, w), whole ab values
    colored: torch.Tensor  # (b,), 0 where the photograph is gray


def batch_indices(count: int, batch: int, step: int, seed: int) -> np.ndarray[Any, Any]:
    """Return the positions of the photographs of one step; each epoch has an order of its own."""
    per_epoch = count // batch
    epoch, position = divmod(step, per_epoch)
    order = np.random.default_rng([seed, epoch]).permutation(count)
    return order[position * batch : (position + 1) * batch]


def examples(
    photographs: data.Photographs,
    indices: Iterable[int],
    settings: Settings,
    rng: np.random.Generator,
) -> Examples:
    """Return crops of the photographs with what the recipe simulates."""
    batch = data.crop_batch(
        photographs, indices, settings.crop, rng, settings.zoomed, settings.resized
    )
    inputs = RECIPES[settings.network].inputs(settings, batch, rng)
    return Examples(inputs, batch.lightness, batch.ab, batch.colored)


def _joined(parts: list[Examples]) -> Examples:
    """Return the examples as one batch."""
    inputs = tuple(torch.cat(x) for x in zip(*(part.inputs for part in parts), strict=True))
    others = (torch.cat(x) for x in zip(*(part[1:] for part in parts), strict=True))
    return Examples(inputs, *others)


class Steps(Dataset[list[Examples]]):
    """The batches that one process takes in each step."""

    def __init__(self, photographs: data.Photographs, settings: Settings, rank: int = 0):
        """rank: which of `settings.processes` this is."""
        self.photographs, self.settings, self.rank = photographs, settings, rank

    def __getitem__(self, step: int) -> list[Examples]:
        """Return the process's `settings.accumulate` batches of a step."""
        settings = self.settings
        indices = batch_indices(
            len(self.photographs), settings.photographs_a_step, step, settings.seed
        )
        first = range(self.rank, settings.parts, settings.processes)
        starts = [part * settings.batch for part in first]
        return [self._batch(step, s, indices[s : s + settings.batch]) for s in starts]

    def _batch(self, step: int, start: int, indices: np.ndarray[Any, Any]) -> Examples:
        """Return one batch, which begins with the step's photograph number `start`."""
        settings, seed = self.settings, [self.settings.seed, 1, step]
        if settings.draws == "step" and settings.parts == 1:
            return examples(self.photographs, indices, settings, np.random.default_rng(seed))
        return _joined([
            examples(self.photographs, [i], settings, np.random.default_rng([*seed, start + n]))
            for n, i in enumerate(indices)
        ])  # fmt: skip


def load_steps(
    steps: Steps, first: int, workers: int = 0, pinned: bool = False
) -> DataLoader[list[Examples]]:
    """Return the steps from `first` to the last, made ahead by `workers` processes.

    pinned: in memory from which a GPU can copy by itself.
    """
    return DataLoader(
        steps,
        batch_size=None,
        sampler=range(first, steps.settings.steps),
        num_workers=workers,
        pin_memory=pinned,
        multiprocessing_context="fork" if workers else None,  # the photographs are shared
        generator=torch.Generator(),
    )
