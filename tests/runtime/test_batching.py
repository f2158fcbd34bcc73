"""Calls of several threads, run as batches."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest

from colorize.models.metadata import ModelMetadata
from colorize.pipeline import Colorizer
from colorize.runtime.base import RunnerWrapper
from colorize.runtime.batching import DynamicBatcher
from colorize.runtime.torch_runner import TorchRunner


class Doubling(RunnerWrapper):
    """Doubles its input once `go` is set, and records the shapes of its batches."""

    metadata = ModelMetadata("doubling", "ab", 8, 1)
    device = "cpu"

    def __init__(self):
        self.go, self.started = threading.Event(), threading.Event()
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, lightness, hints=None):
        self.started.set()
        assert self.go.wait(20)
        self.shapes.append(lightness.shape)
        if np.isnan(lightness).any():
            raise ValueError("not a number")
        return 2 * lightness if hints is None else lightness + hints


def filled(value: float, size: int = 8, count: int = 1) -> np.ndarray:
    return np.full((count, 1, size, size), value, np.float32)


@pytest.fixture
def doubling() -> Doubling:
    return Doubling()


@pytest.fixture
def batcher(doubling) -> DynamicBatcher:
    return DynamicBatcher(doubling, max_batch=4)


def call_during_a_batch(batcher, doubling, calls) -> list[Future]:
    """Make calls while another one runs; return their futures, all done."""
    with ThreadPoolExecutor(len(calls) + 1) as threads:
        threads.submit(batcher, filled(0))
        assert doubling.started.wait(20)
        futures = []
        for call in calls:
            futures.append(threads.submit(batcher, *call))
            while len(batcher._queue) < len(futures):  # so that they queue in this order
                threading.Event().wait(0.001)
        doubling.go.set()
    return futures


def first_values(futures) -> list[float]:
    return [future.result()[0, 0, 0, 0] for future in futures]


def test_every_caller_gets_its_own_response(batcher, doubling):
    doubling.go.set()
    inputs = [filled(n) for n in range(200)]
    with ThreadPoolExecutor(8) as threads:
        outputs = list(threads.map(batcher, inputs))
    assert [output[0, 0, 0, 0] for output in outputs] == [2 * n for n in range(200)]
    assert sum(size * count for size, count in batcher.batch_sizes.items()) == 200


def test_a_single_call_does_not_wait(batcher, doubling):
    doubling.go.set()
    np.testing.assert_array_equal(batcher(filled(3)), filled(6))
    assert batcher.batch_sizes == {1: 1}


def test_calls_during_a_batch_make_the_next_ones(batcher, doubling):
    futures = call_during_a_batch(batcher, doubling, [(filled(n),) for n in range(6)])
    assert first_values(futures) == [0, 2, 4, 6, 8, 10]
    assert [shape[0] for shape in doubling.shapes] == [1, 4, 2]


def test_large_inputs_make_smaller_batches(batcher, doubling):
    call_during_a_batch(batcher, doubling, [(filled(n, 512),) for n in (1, 2, 3)])
    assert [shape[0] for shape in doubling.shapes] == [1, 1, 1, 1]


def test_other_shapes_wait_for_the_next_batch(batcher, doubling):
    sizes = (8, 16, 8, 16)
    futures = call_during_a_batch(batcher, doubling, [(filled(1, size),) for size in sizes])
    assert [future.result().shape[-1] for future in futures] == list(sizes)
    assert doubling.shapes[1:] == [(2, 1, 8, 8), (2, 1, 16, 16)]


def test_the_inputs_of_a_call_stay_together(batcher, doubling):
    calls = [(filled(1, count=2),), (filled(2, count=3),), (filled(3),)]
    futures = call_during_a_batch(batcher, doubling, calls)
    assert [len(future.result()) for future in futures] == [2, 3, 1]
    assert [shape[0] for shape in doubling.shapes] == [1, 3, 3]


def test_hints_are_batched_with_hints(batcher, doubling):
    calls = [(filled(3), filled(4)), (filled(5),), (filled(6), filled(1))]
    assert first_values(call_during_a_batch(batcher, doubling, calls)) == [7, 10, 7]
    assert [shape[0] for shape in doubling.shapes] == [1, 2, 1]


def test_a_failing_request_fails_only_its_caller(batcher, doubling):
    futures = call_during_a_batch(batcher, doubling, [(filled(n),) for n in (1, np.nan, 3)])
    assert first_values([futures[0], futures[2]]) == [2, 6]
    with pytest.raises(ValueError, match="not a number"):
        futures[1].result()
    np.testing.assert_array_equal(batcher(filled(1)), filled(2))


def test_an_interrupt_ends_the_batch_without_a_retry(doubling):
    class Interrupted(Doubling):
        def __call__(self, lightness, hints=None):
            output = super().__call__(lightness, hints)
            if len(lightness) > 1:
                raise KeyboardInterrupt
            return output

    runner = Interrupted()
    futures = call_during_a_batch(
        DynamicBatcher(runner, max_batch=4), runner, [(filled(1),), (filled(2),)]
    )
    assert [type(future.exception()) for future in futures] == [KeyboardInterrupt] * 2
    assert [shape[0] for shape in runner.shapes] == [1, 2]


def test_closing_answers_running_calls_and_refuses_new_ones(batcher, doubling):
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(batcher, filled(1))
        assert doubling.started.wait(20)
        batcher.close()
        doubling.go.set()
        assert first.result()[0, 0, 0, 0] == 2
    with pytest.raises(RuntimeError, match="closed"):
        batcher(filled(1))


def test_calls_pass_through_on_the_cpu_where_that_is_requested(doubling):
    doubling.go.set()
    batcher = DynamicBatcher(doubling, batch_on_cpu=False)
    np.testing.assert_array_equal(batcher(filled(3)), filled(6))
    assert not batcher.batch_sizes


def test_a_colorizer_takes_it_as_a_runner(network):
    runner = TorchRunner(network)
    shared, own = Colorizer(DynamicBatcher(runner, max_batch=4)), Colorizer(runner)
    lightness = np.random.default_rng(0).uniform(0, 100, (1, 1, 64, 64)).astype(np.float32)
    results = (each.decode(each.predict_logits(lightness)) for each in (shared, own))
    np.testing.assert_array_equal(*results)
