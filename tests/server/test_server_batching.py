"""Calls of many threads, answered by the network together."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from colorize.pipeline import Colorizer
from colorize.server.batching import BatchedNetwork


class Doubling:
    """A network that doubles what it gets, once it may; it remembers the shapes it got."""

    def __init__(self):
        self.go = threading.Event()
        self.begun = threading.Event()
        self.shapes = []
        self.network = SimpleNamespace(output="ab", multiple=8)

    def __call__(self, lightness, hints=None):
        self.begun.set()
        assert self.go.wait(20)
        self.shapes.append(lightness.shape)
        if np.isnan(lightness).any():
            raise ValueError("no numbers")
        return 2 * lightness if hints is None else lightness + hints


def filled(value: float, size: int = 8, count: int = 1) -> np.ndarray:
    return np.full((count, 1, size, size), value, np.float32)


@pytest.fixture
def doubling():
    return Doubling()


@pytest.fixture
def batched(doubling):
    network = BatchedNetwork(doubling, most=4)
    yield network
    doubling.go.set()
    network.close()


def call_behind_one(batched, doubling, calls) -> list:
    """Make calls while the network is busy with another; return their futures, all done."""
    with ThreadPoolExecutor(len(calls) + 1) as threads:
        threads.submit(batched, filled(0))
        assert doubling.begun.wait(20)
        futures = []
        for call in calls:
            futures.append(threads.submit(batched, *call))
            # so that they stand in this order
            while len(batched._together._waiting) < len(futures):
                threading.Event().wait(0.005)
        doubling.go.set()
    return futures


def test_a_lone_call_goes_at_once(batched, doubling):
    doubling.go.set()
    np.testing.assert_array_equal(batched(filled(3)), filled(6))
    assert batched.batches == {1: 1}


def test_calls_that_wait_go_together_and_each_gets_its_own(batched, doubling):
    futures = call_behind_one(batched, doubling, [(filled(value),) for value in (1, 2, 3)])
    assert [future.result()[0, 0, 0, 0] for future in futures] == [2, 4, 6]
    assert doubling.shapes == [(1, 1, 8, 8), (3, 1, 8, 8)]


def test_a_batch_has_no_more_than_allowed(batched, doubling):
    futures = call_behind_one(batched, doubling, [(filled(value),) for value in range(6)])
    assert [future.result()[0, 0, 0, 0] for future in futures] == [0, 2, 4, 6, 8, 10]
    assert [shape[0] for shape in doubling.shapes] == [1, 4, 2]


def test_large_inputs_go_in_smaller_batches(batched, doubling):
    futures = call_behind_one(batched, doubling, [(filled(value, 512),) for value in (1, 2, 3)])
    assert [future.result()[0, 0, 0, 0] for future in futures] == [2, 4, 6]
    assert [shape[0] for shape in doubling.shapes] == [1, 1, 1, 1]


def test_calls_of_another_size_wait_for_the_next_batch(batched, doubling):
    sizes = (8, 16, 8, 16)
    futures = call_behind_one(batched, doubling, [(filled(1, size),) for size in sizes])
    assert [future.result().shape[-1] for future in futures] == list(sizes)
    assert doubling.shapes[1:] == [(2, 1, 8, 8), (2, 1, 16, 16)]


def test_a_call_of_several_stays_together(batched, doubling):
    calls = [(filled(1, count=2),), (filled(2, count=3),), (filled(3),)]
    futures = call_behind_one(batched, doubling, calls)
    assert [len(future.result()) for future in futures] == [2, 3, 1]
    assert [shape[0] for shape in doubling.shapes] == [1, 3, 3]


def test_one_that_fails_costs_no_other(batched, doubling):
    calls = [(filled(value),) for value in (1, np.nan, 3)]
    first, failing, last = call_behind_one(batched, doubling, calls)
    assert (first.result()[0, 0, 0, 0], last.result()[0, 0, 0, 0]) == (2, 6)
    with pytest.raises(ValueError, match="no numbers"):
        failing.result()


def test_conditions_go_along(batched, doubling):
    doubling.go.set()
    np.testing.assert_array_equal(batched(filled(3), hints=filled(4)), filled(7))
    np.testing.assert_array_equal(batched(filled(3), hints=None), filled(6))


def test_closing_answers_what_waits_and_refuses_the_rest(doubling):
    batched = BatchedNetwork(doubling, most=4)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(batched, filled(1))
        assert doubling.begun.wait(20)
        closing = threads.submit(batched.close)
        doubling.go.set()
        assert first.result()[0, 0, 0, 0] == 2
        closing.result()
    with pytest.raises(RuntimeError, match="stopping"):
        batched(filled(1))


def test_a_colorizer_takes_it_for_a_network(network, batched):
    assert batched.output == "ab"
    through = BatchedNetwork(Colorizer(network).runner, most=4)
    try:
        colorizer, shared = Colorizer(network), Colorizer(through)
        lightness = np.random.default_rng(0).uniform(0, 100, (1, 1, 64, 64)).astype(np.float32)
        ours = shared.decode(shared.predict(lightness))
        np.testing.assert_array_equal(ours, colorizer.decode(colorizer.predict(lightness)))
        assert shared.rebalance == colorizer.rebalance == 0.9
    finally:
        through.close()
