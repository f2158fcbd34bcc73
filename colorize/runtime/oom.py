"""Recover from out-of-memory errors: halve the batch, then fall back to the CPU."""

from __future__ import annotations

import warnings

import numpy as np

from colorize.color.types import Floats
from colorize.errors import ColorizeError
from colorize.runtime.base import Runner, RunnerWrapper


class OomSafeRunner(RunnerWrapper):
    """A runner that halves batches which do not fit into the memory of the GPU.

    If a single photograph does not fit, the network moves to the CPU for good, with a
    RuntimeWarning. On a GPU only one thread may call it at a time, see `DynamicBatcher`.
    """

    def __init__(self, runner: Runner):
        """Wrap a runner."""
        super().__init__(runner)
        self._device = runner.device

    @property
    def device(self) -> str:
        """Where the network runs; "cpu" only after a move there has ended."""
        return self._device

    def __call__(self, lightness: Floats, hints: Floats | None = None) -> Floats:
        """Return the network's output. Raises ColorizeError if even the CPU's memory is short."""
        try:
            return self.runner(lightness, hints)
        except RuntimeError as error:
            if not self.runner.is_oom(error):
                raise
        # after the except clause, whose exception would keep the batch's tensors alive
        self.runner.empty_cache()
        if len(lightness) > 1:
            half = (len(lightness) + 1) // 2
            parts = (slice(half), slice(half, None))
            return np.concatenate(
                [self(lightness[part], None if hints is None else hints[part]) for part in parts]
            )
        if self.device == "cpu":
            raise ColorizeError(
                f"not enough memory for the network at size {lightness.shape[-1]}; "
                "use a smaller --size"
            )
        self.move_to_cpu()
        warnings.warn(
            "the GPU has too little memory; continuing on the CPU, which is slower",
            RuntimeWarning,
            stacklevel=2,
        )
        return self(lightness, hints)

    def move_to_cpu(self) -> None:
        """Continue on the CPU."""
        self.runner.move_to_cpu()
        self._device = self.runner.device
