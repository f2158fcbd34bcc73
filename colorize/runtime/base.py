"""The interface of what executes a network: torch, ONNX Runtime, or a wrapper around one."""

from __future__ import annotations

from typing import Protocol

from colorize.color.types import Floats
from colorize.models.metadata import ModelMetadata


class Runner(Protocol):
    """A network on a device, called with NumPy arrays."""

    @property
    def metadata(self) -> ModelMetadata:
        """Description of the network: architecture, shapes, bins, styles."""

    @property
    def device(self) -> str:
        """Where the network runs: "cpu", "cuda:0", "mps", ..."""

    def __call__(self, lightness: Floats, hints: Floats | None = None) -> Floats:
        """Return the network's output, float32; see `models.base.Network` for the shapes.

        Raises RuntimeError where the device or its memory fails.
        """

    def set_threads(self, threads: int) -> None:
        """Use this number of CPU threads for each call."""

    def is_oom(self, error: Exception) -> bool:
        """Return whether an error that a call raised means too little memory."""

    def empty_cache(self) -> None:
        """Release memory that is kept for later calls or that a failed call left behind."""

    def move_to_cpu(self) -> None:
        """Continue on the CPU."""


class RunnerWrapper:
    """A runner around another one, to which it passes everything; subclasses change some of it."""

    def __init__(self, runner: Runner):
        """Wrap a runner."""
        self.runner = runner

    @property
    def metadata(self) -> ModelMetadata:
        """Description of the network: architecture, shapes, bins, styles."""
        return self.runner.metadata

    @property
    def device(self) -> str:
        """Where the network runs."""
        return self.runner.device

    def __call__(self, lightness: Floats, hints: Floats | None = None) -> Floats:
        """Return the network's output."""
        return self.runner(lightness, hints)

    def set_threads(self, threads: int) -> None:
        """Use this number of CPU threads for each call."""
        self.runner.set_threads(threads)

    def is_oom(self, error: Exception) -> bool:
        """Return whether an error that a call raised means too little memory."""
        return self.runner.is_oom(error)

    def empty_cache(self) -> None:
        """Release memory that is kept for later calls or that a failed call left behind."""
        self.runner.empty_cache()

    def move_to_cpu(self) -> None:
        """Continue on the CPU."""
        self.runner.move_to_cpu()
