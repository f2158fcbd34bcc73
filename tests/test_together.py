"""Batches made of what threads bring."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from colorize.backends.together import Together


def element(value: float) -> np.ndarray:
    return np.full((1, 2), value, np.float32)


def test_everyone_gets_their_own_result():
    double = Together(lambda batch: 2 * batch, largest=4)
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda n: double(element(n)), range(200)))
    assert [result[0, 0] for result in results] == [2 * n for n in range(200)]
    assert all(result.shape == (1, 2) for result in results)


def test_those_who_come_during_a_batch_make_the_next_one():
    sizes: list[int] = []
    began, goes_on = threading.Event(), threading.Event()

    def run(batch: np.ndarray) -> np.ndarray:
        sizes.append(len(batch))
        began.set()
        goes_on.wait(10)
        return batch

    together = Together(run, largest=3)
    with ThreadPoolExecutor(8) as threads:
        first = threads.submit(together, element(0))
        assert began.wait(10)
        others = [threads.submit(together, element(n)) for n in range(1, 8)]
        while len(together._waiting) < 7:
            threading.Event().wait(0.001)
        goes_on.set()
        assert [f.result(10)[0, 0] for f in [first, *others]] == list(range(8))
    assert sizes == [1, 3, 3, 1]


def test_a_failure_is_everyones_in_the_batch_and_nobody_elses():
    def run(batch: np.ndarray) -> np.ndarray:
        if (batch < 0).any():
            raise RuntimeError("negative")
        return batch

    together = Together(run, largest=4)
    with pytest.raises(RuntimeError, match="negative"):
        together(element(-1))
    assert together(element(1))[0, 0] == 1
