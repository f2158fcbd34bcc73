"""Run a network in torch."""

from __future__ import annotations

import gc
import os

import numpy as np
import numpy.typing as npt
import torch

from colorize.color.types import Floats
from colorize.models.base import Network

if hasattr(os, "register_at_fork"):  # OpenMP's threads, which torch would wait for, are not forked
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


class TorchRunner:
    """Runs a network in evaluation mode on the device of its weights."""

    def __init__(self, network: Network):
        """Wrap a network; `move_to_cpu` moves it."""
        self.network = network
        self.metadata = network.metadata

    @property
    def device(self) -> str:
        """Where the network is."""
        return str(next(self.network.parameters()).device)

    @torch.inference_mode()
    def __call__(self, lightness: Floats, hints: Floats | None = None) -> Floats:
        """Return the network's output, see `models.base.Network`."""
        inputs = [lightness] if hints is None else [lightness, hints]
        tensors = [torch.as_tensor(array).to(self.device) for array in inputs]
        return to_array(self.network(*tensors))

    def set_threads(self, threads: int) -> None:
        """Use this number of CPU threads for each call, in Python threads started from now on."""
        torch.set_num_threads(threads)

    def is_oom(self, error: Exception) -> bool:
        """Return whether torch ran out of memory, which not always raises OutOfMemoryError."""
        text = str(error).lower()
        # of CUDA and MPS, of cuDNN, of the CPU
        phrases = ("out of memory", "alloc_failed", "can't allocate memory")
        return isinstance(error, torch.OutOfMemoryError) or any(part in text for part in phrases)

    def empty_cache(self) -> None:
        """Release the memory that torch keeps, so that a smaller batch finds it in one piece."""
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if torch.backends.mps.is_available():
            torch.mps.empty_cache()

    def move_to_cpu(self) -> None:
        """Continue on the CPU, in float32."""
        self.network.to("cpu", torch.float32)


def to_array(tensor: torch.Tensor) -> npt.NDArray[np.float32]:
    """Return the tensor, wherever it is, as a float32 array."""
    array: npt.NDArray[np.float32] = tensor.detach().float().cpu().numpy()
    return array
