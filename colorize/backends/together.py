"""Batches made of what several threads bring one by one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


class Together:
    """Runs a function of a batch, (b, ...), for callers who have one element each.

    Nobody waits for a batch to fill: while one is at work, those who come gather, and the
    next batch is all of them. So batches grow with the number of threads and never delay one.
    """

    def __init__(self, run: Callable[[Floats], Floats], largest: int):
        """Take the function and the largest batch; it is called by one thread at a time."""
        self._run = run
        self._largest = largest
        self._waiting: list[tuple[Floats, Future[Floats]]] = []
        self._list = Lock()
        self._turn = Lock()

    def __call__(self, element: Floats) -> Floats:
        """Return the function's result of an element, (1, ...), or raise what it raised."""
        result: Future[Floats] = Future()
        with self._list:
            self._waiting.append((element, result))
        while not result.done():
            with self._turn:
                if not result.done():
                    self._next_batch()
        return result.result()

    def _next_batch(self) -> None:
        with self._list:
            batch, self._waiting = (
                self._waiting[: self._largest],
                self._waiting[self._largest :],
            )
        try:
            outputs = self._run(np.concatenate([element for element, _ in batch]))
        except BaseException as error:
            for _, result in batch:
                result.set_exception(error)
        else:
            for place, (_, result) in enumerate(batch):
                result.set_result(outputs[place : place + 1])
