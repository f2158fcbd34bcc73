"""Running a network with the memory there is: in batches, in smaller ones, on the CPU."""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from colorize.errors import ColorizeError
from colorize.runtime.batching import DynamicBatcher

Floats = npt.NDArray[np.float32]

MAX_BATCH = 32  # photographs of several threads at once on a GPU


class OomSafeRunner:
    """Runs what `as_runner` returns, for any number of threads.

    On a GPU photographs that threads bring one by one go through together, one batch at a time:
    two would need twice the memory. A batch too large for the memory is halved; where one
    photograph is too large, the network moves to the CPU for good, with a RuntimeWarning.
    """

    def __init__(self, runner: Any):
        """Take what runs the network on arrays."""
        self.runner = runner
        self._turn = Lock()
        self._together = DynamicBatcher(self._joined, lambda batch, _: len(batch) < MAX_BATCH)

    def __call__(self, lightness: Floats, hints: Floats | None = None) -> Floats:
        """Return the network's output for L, (b, 1, h, w), and hints for networks that take them.

        Raises ColorizeError where even the CPU has too little memory.
        """
        if self._on_cpu or len(lightness) > 1 or hints is not None:
            return self._in_turn(lightness, hints)
        return self._together(lightness)

    @property
    def _on_cpu(self) -> bool:
        return bool(self.runner.device.type == "cpu")

    def _joined(self, batch: list[Floats]) -> list[Floats]:
        """Return the outputs for photographs, each (1, 1, h, w)."""
        return np.split(self._in_turn(np.concatenate(batch)), len(batch))

    def _in_turn(self, lightness: Floats, hints: Floats | None = None) -> Floats:
        """Return the output; on a GPU for one thread at a time."""
        with nullcontext() if self._on_cpu else self._turn:
            return self._run(lightness, hints)

    def _run(self, lightness: Floats, hints: Floats | None) -> Floats:
        try:
            result: Floats = self.runner(lightness, **({} if hints is None else {"hints": hints}))
            return result
        except RuntimeError as error:
            if not self.runner.is_oom(error):
                raise
        # after the except clause, whose exception would keep the batch's tensors alive
        self.runner.empty_cache()
        if len(lightness) > 1:
            half = (len(lightness) + 1) // 2
            parts = (slice(half), slice(half, None))
            return np.concatenate(
                [self._run(lightness[p], None if hints is None else hints[p]) for p in parts]
            )
        self._move_to_cpu(lightness.shape[-1])
        return self._run(lightness, hints)

    def _move_to_cpu(self, size: int) -> None:
        """Go on without the GPU. Raises ColorizeError if that is so already."""
        if self._on_cpu:
            raise ColorizeError(f"not enough memory for the network at size {size}")
        self.runner.move_to_cpu()
        warnings.warn(
            "the GPU has too little memory; going on with the CPU, which takes longer",
            RuntimeWarning,
            stacklevel=4,
        )


def as_runner(network: Any) -> Any:
    """Return what runs the network on arrays: one of torch needs help, others do it themselves."""
    if not hasattr(network, "parameters"):
        return network
    # Here, not above: torch takes seconds to import, and ONNX Runtime's networks need none.
    from colorize.runtime.torch_runner import TorchRunner

    return TorchRunner(network)
