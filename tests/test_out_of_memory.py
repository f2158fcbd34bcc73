"""What happens when the GPU's memory is too small, on a machine without one."""

import dataclasses

import numpy as np
import pytest
import torch

from colorize.control.condition import UNCONDITIONAL, Condition
from colorize.errors import ColorizeError
from colorize.images.image import Photo
from colorize.pipeline import Colorizer


class SmallGpu(Colorizer):
    """A colorizer whose "GPU" is the CPU with room for so many photographs."""

    def __init__(self, network, room: int, error: type[Exception] = torch.OutOfMemoryError):
        super().__init__(network, size=64)
        self.device = torch.device("cuda")
        self.room = room
        self.error = error
        self.batches: list[tuple[str, int]] = []

    def predict(self, lightness: np.ndarray, condition: Condition = UNCONDITIONAL) -> np.ndarray:
        self.batches.append((self.device.type, len(lightness)))
        if self.device.type == "cuda" and len(lightness) > self.room:
            raise self.error("CUDA out of memory. Tried to allocate 2.00 GiB")
        return self.network(torch.from_numpy(lightness)).numpy()


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
    colorizer = SmallGpu(network, room=2)
    assert same(colorizer.colorize(photos), photos, network)
    assert colorizer.batches == [("cuda", n) for n in (5, 3, 2, 1, 2)]


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError])
def test_without_room_for_one_photograph_the_cpu_does_the_rest(network, photos, error):
    colorizer = SmallGpu(network, 0, error)
    with pytest.warns(RuntimeWarning, match="going on with the CPU") as warned:
        assert same(colorizer.colorize(photos[:2]), photos[:2], network)
        assert same([colorizer(photos[2])], [photos[2]], network)
    assert len(warned) == 1
    assert colorizer.batches[-3:] == [("cpu", 1), ("cpu", 1), ("cpu", 1)]


def test_other_faults_of_the_network_come_through(network, photos):
    class Faulty(SmallGpu):
        def predict(
            self, lightness: np.ndarray, condition: Condition = UNCONDITIONAL
        ) -> np.ndarray:
            raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        Faulty(network, 0).colorize(photos)


def test_too_little_memory_on_the_cpu_is_one_error(network, photos):
    class Full(Colorizer):
        def predict(
            self, lightness: np.ndarray, condition: Condition = UNCONDITIONAL
        ) -> np.ndarray:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9 bytes")

    with pytest.raises(ColorizeError, match="not enough memory for the network at size 64"):
        Full(network, size=64)(photos[0])


def test_the_network_that_ran_out_can_be_used_from_several_threads(network, photos):
    """While one thread moves the network, no other is inside it."""
    from concurrent.futures import ThreadPoolExecutor

    colorizer = SmallGpu(network, room=0)
    with pytest.warns(RuntimeWarning) as warned, ThreadPoolExecutor(4) as threads:
        results = list(threads.map(colorizer, photos * 4))
    assert len(warned) == 1
    assert same(results[:5], photos, network)
    assert dataclasses.is_dataclass(results[0])
