"""Photographs of concurrent requests, run through the network together."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

USUAL_SIZE = 256  # pixels a side of the inputs of which a batch may have the full number


@dataclass(eq=False)
class _Waiting:
    """What a request wants to know of the network, and the promise of the answer."""

    inputs: dict[str, Floats | None]
    output: Future[Floats] = field(default_factory=Future)

    @property
    def kind(self) -> Hashable:
        """What is the same for all that can be answered together."""
        shapes = ((name, None if a is None else a.shape[1:]) for name, a in self.inputs.items())
        return tuple(sorted(shapes))

    @property
    def count(self) -> int:
        """How many inputs it has itself."""
        lightness = self.inputs["lightness"]
        assert lightness is not None
        return len(lightness)


class BatchedNetwork:
    """A network that `Colorizer` can be made with, for many threads at once.

    Calls are answered by one thread, each time all that wait. Nothing is held back to fill a
    batch: a lone request goes at once, and while a batch is in work the next one gathers.
    """

    def __init__(self, runner: Any, most: int):
        """Take what runs the network on arrays (`Colorizer.runner`) and a batch's most inputs."""
        self.runner = runner
        self.most = most
        self.batches: dict[int, int] = {}  # how many batches there were of each size
        self._waiting: deque[_Waiting] = deque()
        self._change = threading.Condition()
        self._turn = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="network", daemon=True)
        self._thread.start()

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
        waiting = _Waiting({"lightness": lightness, **condition})
        with self._change:
            if self._closed:
                raise RuntimeError("the server is stopping")
            self._waiting.append(waiting)
            self._change.notify()
        return waiting.output.result()

    def to_cpu(self) -> None:
        """Go on without the GPU."""
        with self._turn:
            self.runner.to_cpu()

    def close(self) -> None:
        """Answer what still waits, then end the thread."""
        with self._change:
            self._closed = True
            self._change.notify()
        self._thread.join()

    def _run(self) -> None:
        while batch := self._next():
            size = sum(one.count for one in batch)
            self.batches[size] = self.batches.get(size, 0) + 1
            self._answer(batch)

    def _next(self) -> list[_Waiting]:
        """Wait for calls and take those of the first one's kind; none when all is over."""
        with self._change:
            self._change.wait_for(lambda: bool(self._waiting) or self._closed)
            if not self._waiting:
                return []
            batch = [self._waiting.popleft()]
            room = self._room(batch[0]) - batch[0].count
            for one in list(self._waiting):
                if one.kind == batch[0].kind and one.count <= room:
                    self._waiting.remove(one)
                    batch.append(one)
                    room -= one.count
            return batch

    def _room(self, first: _Waiting) -> int:
        """Return how many inputs go into a batch: fewer of large ones, for the memory."""
        lightness = first.inputs["lightness"]
        assert lightness is not None
        pixels: int = lightness.shape[-2] * lightness.shape[-1]
        return min(self.most, max(1, self.most * USUAL_SIZE * USUAL_SIZE // pixels))

    def _answer(self, batch: list[_Waiting]) -> None:
        """Run a batch; where that fails, its calls one by one, so that one costs no other."""
        try:
            outputs = self._forward(batch)
        except Exception as error:
            if len(batch) == 1:
                batch[0].output.set_exception(error)
                return
            outputs = None
        if outputs is None:
            for one in batch:  # after the except clause, whose exception would keep memory
                self._answer([one])
            return
        ends = np.cumsum([one.count for one in batch])
        for one, output in zip(batch, np.split(outputs, ends[:-1]), strict=True):
            one.output.set_result(output)

    def _forward(self, batch: list[_Waiting]) -> Floats:
        joined: dict[str, Floats | None] = {}
        for name, first in batch[0].inputs.items():
            parts = [part for one in batch if (part := one.inputs[name]) is not None]
            joined[name] = None if first is None else np.concatenate(parts)
        with self._turn:
            outputs: Floats = self.runner(joined.pop("lightness"), **joined)
        return outputs
