"""Photographs of concurrent requests, run through the network together."""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from colorize.runtime.batching import DynamicBatcher

Floats = npt.NDArray[np.float32]

USUAL_SIZE = 256  # pixels a side of the inputs of which a batch may have the full number


class Inputs(NamedTuple):
    """What a call gives the network."""

    lightness: Floats  # (b, 1, h, w)
    condition: dict[str, Floats | None]  # what else the network takes, by its names

    @property
    def kind(self) -> Hashable:
        """What is the same for all that can be answered together."""
        shapes = ((name, None if a is None else a.shape[1:]) for name, a in self.condition.items())
        return (self.lightness.shape[1:], *sorted(shapes))


class BatchedNetwork:
    """A network that `Colorizer` can be made with, for many threads at once.

    It answers all calls that wait together, see `DynamicBatcher`.
    """

    def __init__(self, runner: Any, most: int):
        """Take what runs the network on arrays (`Colorizer.runner`) and a batch's most inputs."""
        self.runner = runner
        self.most = most
        self.batches: dict[int, int] = {}  # how many batches there were of each size
        self._together = DynamicBatcher(self._forward, self._fits)
        self._turn = Lock()
        self._closed = False

    def __getattr__(self, name: str) -> Any:
        """Return what the network or its runner says of itself, such as `output`."""
        if name in ("runner", "parameters"):  # a Colorizer takes what has parameters for torch's
            raise AttributeError(name)
        try:
            return getattr(self.runner, name)
        except AttributeError:
            return getattr(self.runner.network, name)

    def __call__(self, lightness: Floats, **condition: Floats | None) -> Floats:
        """Return the network's output for L (b, 1, h, w) and what else it takes, waiting for it.

        Raises what the network raised, and RuntimeError once `close` was called.
        """
        if self._closed:
            raise RuntimeError("the server is stopping")
        return self._together(Inputs(lightness, condition))

    def move_to_cpu(self) -> None:
        """Go on without the GPU."""
        with self._turn:
            self.runner.move_to_cpu()

    def close(self) -> None:
        """Answer what waits already, and nothing more."""
        self._closed = True

    def _fits(self, batch: list[Inputs], call: Inputs) -> bool:
        """Return whether a call is of the batch's kind and finds room in it."""
        count = sum(len(one.lightness) for one in (*batch, call))
        return call.kind == batch[0].kind and count <= self._room(batch[0].lightness)

    def _room(self, lightness: Floats) -> int:
        """Return how many inputs go into a batch: fewer of large ones, for the memory."""
        h, w = lightness.shape[-2:]
        pixels: int = h * w
        return min(self.most, max(1, self.most * USUAL_SIZE * USUAL_SIZE // pixels))

    def _forward(self, batch: list[Inputs]) -> list[Floats]:
        joined: dict[str, Floats | None] = {}
        for name, first in batch[0].condition.items():
            parts = [part for one in batch if (part := one.condition[name]) is not None]
            joined[name] = None if first is None else np.concatenate(parts)
        lightness = np.concatenate([one.lightness for one in batch])
        with self._turn:
            outputs: Floats = self.runner(lightness, **joined)
        self.batches[len(outputs)] = self.batches.get(len(outputs), 0) + 1
        ends = np.cumsum([len(one.lightness) for one in batch])
        return np.split(outputs, ends[:-1])
