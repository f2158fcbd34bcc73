"""Running a torch network on NumPy arrays: what `pipeline` needs torch for."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]


class TorchRunner:
    """Runs a network of `colorize.models`, in evaluation mode, where its weights are."""

    def __init__(self, network: torch.nn.Module):
        """Take the network; it moves when the runner does."""
        self.network = network

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    @property
    def class_weights(self) -> Floats | None:
        """The rebalancing weights of the training, (313,), where they are known."""
        weights: torch.Tensor | None = self.network.class_weights  # type: ignore[assignment]
        return None if weights is None else to_array(weights)

    @property
    def prior(self) -> Floats | None:
        """The bins' shares of all pixels trained on, (313,), where they are known."""
        prior: torch.Tensor | None = self.network.prior  # type: ignore[assignment]
        return None if prior is None else to_array(prior)

    @property
    def bin_centers(self) -> Floats:
        """The colors that the logits stand for, (Q, 2) ab."""
        centers: torch.Tensor = self.network.bin_centers  # type: ignore[assignment]
        return to_array(centers)

    @torch.inference_mode()
    def __call__(self, lightness: Array, **condition: Array | None) -> Floats:
        """Return the network's output for L, (b, 1, h, w) in [0, 100], and what else it takes."""
        given = {name: self._tensor(value) for name, value in condition.items()}
        return to_array(self.network(self._tensor(lightness), **given))

    def _tensor(self, array: Array | None) -> torch.Tensor | None:
        return None if array is None else torch.as_tensor(array).to(self.device)

    def set_threads(self, threads: int) -> None:
        """Run each call with so many threads; for threads of Python that begin from now on."""
        torch.set_num_threads(threads)

    def is_oom(self, error: Exception) -> bool:
        """Tell whether torch ran out of memory: not all of its parts raise OutOfMemoryError."""
        text = str(error).lower()
        # of CUDA and MPS, of cuDNN, of the CPU
        phrases = ("out of memory", "alloc_failed", "can't allocate memory")
        return isinstance(error, torch.OutOfMemoryError) or any(part in text for part in phrases)

    def empty_cache(self) -> None:
        """Hand back what torch keeps for later, so that a smaller batch finds it in one piece."""
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if torch.backends.mps.is_available():
            torch.mps.empty_cache()

    def move_to_cpu(self) -> None:
        """Go on without the GPU."""
        self.network.to("cpu", torch.float32)


def to_array(tensor: torch.Tensor) -> Floats:
    """Return the tensor, wherever it is, as a float32 array."""
    array: Floats = tensor.detach().float().cpu().numpy()
    return array
