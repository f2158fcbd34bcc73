"""Batches made of what threads bring."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from colorize.runtime.batching import DynamicBatcher


def at_most(largest: int):
    return lambda batch, _: len(batch) < largest


def test_everyone_gets_their_own_answer():
    double = DynamicBatcher(lambda batch: [2 * n for n in batch], at_most(4))
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(double, range(200))) == [2 * n for n in range(200)]


class Held:
    """Returns batches as they are, once it may, and keeps them; raises for negative numbers."""

    def __init__(self):
        self.batches: list[list[int]] = []
        self.began, self.goes_on = threading.Event(), threading.Event()

    def __call__(self, batch: list[int]) -> list[int]:
        self.began.set()
        assert self.goes_on.wait(10)
        self.batches.append(batch)
        if min(batch) < 0:
            raise RuntimeError("negative")
        return batch


def call_behind_one(together: DynamicBatcher, held: Held, calls: list[int]) -> list:
    """Make calls while another is at work; return the futures of all, done."""
    with ThreadPoolExecutor(len(calls) + 1) as threads:
        futures = [threads.submit(together, 0)]
        assert held.began.wait(10)
        for n, call in enumerate(calls, 1):
            futures.append(threads.submit(together, call))
            while len(together._waiting) < n:
                threading.Event().wait(0.001)
        held.goes_on.set()
    return futures


def test_those_who_come_during_a_batch_make_the_next_one():
    held = Held()
    futures = call_behind_one(DynamicBatcher(held, at_most(3)), held, list(range(1, 8)))
    assert [future.result() for future in futures] == list(range(8))
    assert held.batches == [[0], [1, 2, 3], [4, 5, 6], [7]]


def test_what_does_not_fit_waits_for_a_batch_of_its_kind():
    held = Held()
    same_parity = DynamicBatcher(held, lambda batch, call: batch[0] % 2 == call % 2)
    call_behind_one(same_parity, held, [1, 2, 3, 4])
    assert held.batches == [[0], [1, 3], [2, 4]]


def test_one_that_fails_costs_no_other():
    held = Held()
    futures = call_behind_one(DynamicBatcher(held, at_most(4)), held, [1, -2, 3])
    assert [futures[1].result(), futures[3].result()] == [1, 3]
    with pytest.raises(RuntimeError, match="negative"):
        futures[2].result()


def test_after_one_that_failed_alone_the_next_is_answered():
    held = Held()
    held.goes_on.set()
    together = DynamicBatcher(held, at_most(4))
    with pytest.raises(RuntimeError, match="negative"):
        together(-1)
    assert together(1) == 1


def test_an_interrupt_ends_the_batch_and_is_not_tried_again():
    class Interrupted(Held):
        def __call__(self, batch: list[int]) -> list[int]:
            if len(super().__call__(batch)) > 1:
                raise KeyboardInterrupt
            return batch

    held = Interrupted()
    futures = call_behind_one(DynamicBatcher(held, at_most(4)), held, [1, 2])
    assert [type(future.exception()) for future in futures[1:]] == [KeyboardInterrupt] * 2
    assert held.batches == [[0], [1, 2]]
