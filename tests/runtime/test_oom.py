"""What happens when the GPU's memory is too small, on a machine without one."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from colorize.errors import ColorizeError
from colorize.io.photo import Photo
from colorize.pipeline import Colorizer
from colorize.runtime.torch_runner import TorchRunner


class SmallGpu:
    """A network whose "GPU" is the CPU with room for so many photographs."""

    def __init__(self, network, room: int, error: Exception | None = None, first: str = "cuda"):
        self.network, self.inner, self.room = network, TorchRunner(network), room
        self.error = error or torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        self.device = torch.device(first)
        self.batches: list[tuple[str, int]] = []

    def __getattr__(self, name):
        if name in ("parameters", "inner", "network"):
            raise AttributeError(name)
        return getattr(self.inner if hasattr(self.inner, name) else self.network, name)

    def __call__(self, lightness: np.ndarray) -> np.ndarray:
        self.batches.append((self.device.type, len(lightness)))
        if self.device.type == "cuda" and len(lightness) > self.room:
            raise self.error
        return self.inner(lightness)

    def move_to_cpu(self) -> None:
        self.device = torch.device("cpu")


@pytest.fixture
def photos() -> list[Photo]:
    random = np.random.default_rng(0)
    return [Photo(random.integers(0, 256, (20 + n, 30), np.uint8)) for n in range(5)]


def same(results: list[Photo], photos: list[Photo], network) -> bool:
    expected = Colorizer(network, size=64).colorize(photos)
    return all(
        np.abs(one.pixels.astype(int) - other.pixels).max() <= 1
        for one, other in zip(results, expected, strict=True)
    )


def test_a_batch_too_large_is_halved_until_it_fits(network, photos):
    gpu = SmallGpu(network, room=2)
    assert same(Colorizer(gpu, size=64).colorize(photos), photos, network)
    assert gpu.batches == [("cuda", n) for n in (5, 3, 2, 1, 2)]


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError])
def test_without_room_for_one_photograph_the_cpu_does_the_rest(network, photos, error):
    gpu = SmallGpu(network, 0, error("CUDA out of memory. Tried to allocate 2.00 GiB"))
    colorizer = Colorizer(gpu, size=64)
    with pytest.warns(RuntimeWarning, match="going on with the CPU") as warned:
        assert same(colorizer.colorize(photos[:2]), photos[:2], network)
        assert same([colorizer(photos[2])], [photos[2]], network)
    assert len(warned) == 1
    assert gpu.batches[-3:] == [("cpu", 1), ("cpu", 1), ("cpu", 1)]
    assert colorizer.device.type == "cpu"


def test_other_faults_of_the_network_come_through(network, photos):
    gpu = SmallGpu(network, 0, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes"):
        Colorizer(gpu, size=64).colorize(photos)


def test_too_little_memory_on_the_cpu_is_one_error(network, photos):
    class Full(SmallGpu):
        def __call__(self, lightness: np.ndarray) -> np.ndarray:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9 bytes")

    colorizer = Colorizer(Full(network, 0, first="cpu"), size=64)
    with pytest.raises(ColorizeError, match="not enough memory for the network at size 64"):
        colorizer(photos[0])


def test_hints_are_halved_with_their_photographs(photos):
    class Hinted(SmallGpu):
        def __call__(self, lightness: np.ndarray, hints: np.ndarray | None = None) -> np.ndarray:
            assert hints is not None and len(hints) == len(lightness)
            self.given.append(hints[:, 2].any(axis=(1, 2)).tolist())
            return super().__call__(lightness)

    from colorize.hints.format import Hint
    from colorize.models.siggraph17 import SIGGRAPH17

    torch.manual_seed(0)
    gpu = Hinted(SIGGRAPH17().eval(), room=1)
    gpu.given = []
    hints = [[Hint(5, 5, "#ff0000")], None]
    Colorizer(gpu, size=64).colorize(photos[:2], hints)
    assert gpu.given == [[True, False], [True], [False]]


def test_the_network_that_ran_out_can_be_used_from_several_threads(network, photos):
    """While one thread moves the network, no other is inside it."""
    colorizer = Colorizer(SmallGpu(network, room=0), size=64)
    with pytest.warns(RuntimeWarning) as warned, ThreadPoolExecutor(4) as threads:
        results = list(threads.map(colorizer, photos * 4))
    assert len(warned) == 1
    assert same(results[:5], photos, network)


def test_photographs_of_several_threads_go_through_the_gpu_together(network, photos):
    gpu = SmallGpu(network, room=32)
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(Colorizer(gpu, size=64), photos * 4))
    assert same(results, photos * 4, network)
    assert sum(count for _, count in gpu.batches) == 20
    assert {device for device, _ in gpu.batches} == {"cuda"}
