"""Too little memory on the GPU, on a machine without one."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from fixtures.colorizers import make_colorizer

from colorize.errors import ColorizeError
from colorize.io.photo import Photo
from colorize.options import ColorizeOptions
from colorize.pipeline import Colorizer
from colorize.runtime.base import RunnerWrapper
from colorize.runtime.batching import DynamicBatcher
from colorize.runtime.oom import OomSafeRunner
from colorize.runtime.torch_runner import TorchRunner

CUDA_OOM = "CUDA out of memory. Tried to allocate 2.00 GiB"


class SmallGpu(RunnerWrapper):
    """A runner whose "GPU" is the CPU with memory for `capacity` photographs."""

    def __init__(self, network, capacity: int, error: Exception | None = None):
        super().__init__(TorchRunner(network))
        self.capacity = capacity
        self.error = error or torch.OutOfMemoryError(CUDA_OOM)
        self.on_cpu = False
        self.batches: list[tuple[str, int]] = []
        self.hinted: list[list[bool]] = []

    @property
    def device(self) -> str:
        return "cpu" if self.on_cpu else "cuda:0"

    def __call__(self, lightness, hints=None):
        self.batches.append((self.device, len(lightness)))
        if hints is not None:
            self.hinted.append(hints[:, 2].any(axis=(1, 2)).tolist())
        if not self.on_cpu and len(lightness) > self.capacity:
            raise self.error
        return super().__call__(lightness, hints)

    def move_to_cpu(self) -> None:
        self.on_cpu = True


@pytest.fixture
def photos() -> list[Photo]:
    random = np.random.default_rng(0)
    return [Photo(random.integers(0, 256, (20 + n, 30), np.uint8)) for n in range(5)]


@pytest.fixture
def batch() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 100, (5, 1, 32, 32)).astype(np.float32)


def same(results: list[Photo], photos: list[Photo], network) -> bool:
    expected = map(make_colorizer(network, size=32), photos)
    return all(
        np.abs(result.pixels.astype(int) - wanted.pixels).max() <= 1
        for result, wanted in zip(results, expected, strict=True)
    )


def test_a_batch_that_is_too_large_is_halved(network, batch):
    gpu = SmallGpu(network, capacity=2)
    np.testing.assert_allclose(OomSafeRunner(gpu)(batch), TorchRunner(network)(batch), atol=1e-3)
    assert gpu.batches == [("cuda:0", n) for n in (5, 3, 2, 1, 2)]


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError])
def test_the_cpu_takes_over_where_one_photograph_does_not_fit(network, photos, error):
    gpu = SmallGpu(network, 0, error(CUDA_OOM))
    colorizer = Colorizer(OomSafeRunner(gpu), ColorizeOptions(size=32))
    with pytest.warns(RuntimeWarning, match="CPU") as warned:
        assert same(list(map(colorizer, photos[:3])), photos[:3], network)
    assert len(warned) == 1
    assert gpu.batches[-3:] == [("cpu", 1), ("cpu", 1), ("cpu", 1)]
    assert colorizer.device == "cpu"


def test_other_errors_pass_through(network, batch):
    gpu = SmallGpu(network, 0, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes"):
        OomSafeRunner(gpu)(batch)


def test_too_little_memory_on_the_cpu_is_one_error(network, photos):
    class Full(SmallGpu):
        def __call__(self, lightness, hints=None):
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9 bytes")

    full = Full(network, 0)
    full.move_to_cpu()
    with pytest.raises(ColorizeError, match="not enough memory for the network at size 32"):
        Colorizer(OomSafeRunner(full), ColorizeOptions(size=32))(photos[0])


def test_hints_are_halved_with_their_photographs(siggraph17, batch):
    gpu = SmallGpu(siggraph17, capacity=1)
    hints = np.zeros((2, 3, 32, 32), np.float32)
    hints[0, :, 5, 5] = 1
    OomSafeRunner(gpu)(batch[:2], hints)
    assert gpu.hinted == [[True, False], [True], [False]]


@pytest.mark.slow
def test_threads_share_a_runner_that_runs_out_of_memory(network, photos):
    runner = DynamicBatcher(OomSafeRunner(SmallGpu(network, capacity=0)), batch_on_cpu=False)
    colorizer = Colorizer(runner, ColorizeOptions(size=32))
    with pytest.warns(RuntimeWarning) as warned, ThreadPoolExecutor(4) as threads:
        results = list(threads.map(colorizer, photos * 4))
    assert len(warned) == 1
    assert same(results[:5], photos, network)


@pytest.mark.slow
def test_threads_share_the_batches_of_a_gpu(network, photos):
    gpu = SmallGpu(network, capacity=32)
    runner = DynamicBatcher(OomSafeRunner(gpu), batch_on_cpu=False)
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(Colorizer(runner, ColorizeOptions(size=32)), photos * 4))
    assert same(results, photos * 4, network)
    assert sum(count for _, count in gpu.batches) == 20
    assert {device for device, _ in gpu.batches} == {"cuda:0"}
