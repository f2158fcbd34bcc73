"""Dynamic batching: calls of concurrent threads go through the network together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock

import numpy as np

from colorize.color.types import Floats
from colorize.runtime.base import Runner, RunnerWrapper

MAX_BATCH = 32
REFERENCE_SIZE = 256  # pixels per side; of larger inputs a batch holds fewer than `max_batch`


@dataclass(eq=False)
class Request:
    """One call and its response."""

    lightness: Floats  # (b, 1, h, w)
    hints: Floats | None  # (b, 3, h, w)
    response: Future[Floats] = field(default_factory=Future)

    @property
    def shape_key(self) -> Hashable:
        """Equal for requests that fit into one batch."""
        return self.lightness.shape[1:], None if self.hints is None else self.hints.shape[1:]


class DynamicBatcher(RunnerWrapper):
    """A runner that answers the calls of several threads in batches.

    No call waits for a batch to fill up: while one batch runs, new requests queue, and the next
    batch takes them. So batches grow with the number of threads and never delay a single one.
    One of the waiting threads runs the batch. If a batch fails, its requests run one by one, so
    that a bad request only fails its own caller.

    Attributes:
        batch_sizes: How many batches there were of each size.
    """

    def __init__(self, runner: Runner, max_batch: int = MAX_BATCH, *, batch_on_cpu: bool = True):
        """Wrap a runner.

        Args:
            runner: Called by one thread at a time.
            max_batch: Most inputs of 256×256 in a batch; larger inputs make smaller batches.
            batch_on_cpu: False passes calls straight through while the runner is on the CPU.
        """
        super().__init__(runner)
        self.max_batch = max_batch
        self.batch_sizes: Counter[int] = Counter()
        self._batch_on_cpu = batch_on_cpu
        self._queue: list[Request] = []
        self._queue_lock = Lock()
        self._batch_lock = Lock()
        self._closed = False

    def __call__(self, lightness: Floats, hints: Floats | None = None) -> Floats:
        """Return the network's output; it waits for its batch.

        Raises what the runner raised, and RuntimeError after `close`.
        """
        if not self._batch_on_cpu and self.device == "cpu":
            return self.runner(lightness, hints)
        if self._closed:
            raise RuntimeError("the batcher is closed")
        request = Request(lightness, hints)
        with self._queue_lock:
            self._queue.append(request)
        while not request.response.done():
            with self._batch_lock:
                if not request.response.done():
                    self._run(self._next_batch())
        return request.response.result()

    def close(self) -> None:
        """Refuse new calls; those that wait are still answered."""
        self._closed = True

    def move_to_cpu(self) -> None:
        """Continue on the CPU, between two batches."""
        with self._batch_lock:
            self.runner.move_to_cpu()

    def can_join(self, batch: list[Request], request: Request) -> bool:
        """Return whether a request has the batch's shape and does not make it too large."""
        height, width = request.lightness.shape[-2:]
        most = self.max_batch * REFERENCE_SIZE**2 // (height * width)
        count = sum(len(member.lightness) for member in (*batch, request))
        same_shape = request.shape_key == batch[0].shape_key
        return same_shape and count <= min(self.max_batch, max(1, most))

    def _next_batch(self) -> list[Request]:
        """Remove the first request and those that can join it from the queue."""
        with self._queue_lock:
            batch = self._queue[:1]
            rest: list[Request] = []
            for request in self._queue[1:]:
                (batch if self.can_join(batch, request) else rest).append(request)
            self._queue = rest
        return batch

    def _run(self, batch: list[Request]) -> None:
        """Answer the requests of a batch; if that fails, one by one."""
        try:
            outputs = self._run_joined(batch)
        except BaseException as error:
            if len(batch) == 1 or not isinstance(error, Exception):
                for request in batch:
                    request.response.set_exception(error)
                return
        else:
            for request, output in zip(batch, outputs, strict=True):
                request.response.set_result(output)
            return
        for request in batch:  # after the except clause, whose exception would keep memory
            self._run([request])

    def _run_joined(self, batch: list[Request]) -> list[Floats]:
        """Return the outputs of the requests, computed together."""
        hints = [request.hints for request in batch if request.hints is not None]
        lightness = np.concatenate([request.lightness for request in batch])
        output = self.runner(lightness, np.concatenate(hints) if hints else None)
        self.batch_sizes[len(output)] += 1
        ends = np.cumsum([len(request.lightness) for request in batch])
        return np.split(output, ends[:-1])
