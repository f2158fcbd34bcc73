"""Batches made of what several threads bring one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

Call = TypeVar("Call")
Answer = TypeVar("Answer")


class DynamicBatcher(Generic[Call, Answer]):
    """Runs a function of a batch for callers who have one call each.

    Nobody waits for a batch to fill: while one is at work, those who come gather, and the next
    one is of them. So batches grow with the number of threads and never delay one. One of the
    threads that wait runs a batch; where it fails, call by call, so that one costs no other.
    """

    def __init__(
        self,
        run: Callable[[list[Call]], Sequence[Answer]],
        fits: Callable[[list[Call], Call], bool],
    ):
        """Take the function, called by one thread at a time, and whether a call joins a batch."""
        self._run = run
        self._fits = fits
        self._waiting: list[tuple[Call, Future[Answer]]] = []
        self._list = Lock()
        self._turn = Lock()

    def __call__(self, call: Call) -> Answer:
        """Return the function's answer to a call, or raise what it raised."""
        answer: Future[Answer] = Future()
        with self._list:
            self._waiting.append((call, answer))
        while not answer.done():
            with self._turn:
                if not answer.done():
                    self._answer(self._next_batch())
        return answer.result()

    def _next_batch(self) -> list[tuple[Call, Future[Answer]]]:
        """Take the first call that waits, and what joins it."""
        with self._list:
            first, *others = self._waiting
            batch, self._waiting = [first], []
            for one in others:
                joins = self._fits([call for call, _ in batch], one[0])
                (batch if joins else self._waiting).append(one)
        return batch

    def _answer(self, batch: list[tuple[Call, Future[Answer]]]) -> None:
        try:
            answers = self._run([call for call, _ in batch])
        except BaseException as error:
            if len(batch) == 1 or not isinstance(error, Exception):
                for _, answer in batch:
                    answer.set_exception(error)
                return
        else:
            for (_, answer), value in zip(batch, answers, strict=True):
                answer.set_result(value)
            return
        for one in batch:  # after the except clause, whose exception would keep memory
            self._answer([one])
