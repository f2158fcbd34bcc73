"""Load a network by name, ready to run: weights, backend, device and precision."""

from __future__ import annotations

import importlib.util
import os

from colorize.errors import ColorizeError
from colorize.models import registry
from colorize.runtime.base import Runner
from colorize.runtime.batching import DynamicBatcher
from colorize.runtime.oom import OomSafeRunner

BACKENDS = ("torch", "onnx")


def load_runner(
    name: str = "compact",
    *,
    weights: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    backend: str | None = None,
    precision: str | None = None,
    quiet: bool = True,
) -> Runner:
    """Return a network, safe to call from several threads and when memory is short.

    Args:
        name: A network of the registry. Published weights are downloaded on first use.
        weights: A file to use instead of the network's own: safetensors, a PyTorch file, or an
            .onnx file of `python -m colorize.export`.
        device: A torch device, or "gpu" for whichever GPU there is.
        backend: One of `BACKENDS`, or None to choose, see `resolve_backend`.
        precision: See `runtime.precision`; None for the fastest that keeps the colors.
        quiet: Hide the progress bar of a download.

    Raises:
        ColorizeError: The weights cannot be had or are unsound, or a setting is unknown.
    """
    if resolve_backend(backend, weights) == "torch":
        # Here, not above: torch takes seconds to import, and ONNX Runtime does without.
        from colorize.runtime.devices import resolve_device
        from colorize.runtime.precision import optimize_for_inference
        from colorize.runtime.torch_runner import TorchRunner

        network = registry.load(name, weights, resolve_device(device), quiet=quiet)
        runner: Runner = TorchRunner(optimize_for_inference(network, precision))
    else:
        from colorize.runtime import onnx_runner

        runner = onnx_runner.load(name, weights, device, quiet=quiet)
    safe = OomSafeRunner(runner)
    # On the CPU threads run side by side; on a GPU two calls at once would need twice the memory.
    return safe if safe.device == "cpu" else DynamicBatcher(safe, batch_on_cpu=False)


def resolve_backend(requested: str | None, weights: str | os.PathLike[str] | None = None) -> str:
    """Return the backend: the requested one, else what fits the weights and is installed.

    Raises ColorizeError for an unknown one, and for torch where it is missing or the weights are
    an .onnx file.
    """
    exported = weights is not None and os.fsdecode(weights).lower().endswith(".onnx")
    has_torch = importlib.util.find_spec("torch") is not None
    if requested not in (None, *BACKENDS):
        raise ColorizeError(f"unknown backend {requested!r}: use {' or '.join(BACKENDS)}")
    if requested == "torch" and exported:
        raise ColorizeError(f"{os.fsdecode(weights or '')}: an ONNX model needs --backend onnx")
    if requested == "torch" and not has_torch:
        raise ColorizeError("torch is not installed: pip install torch, or use --backend onnx")
    return requested or ("onnx" if exported or not has_torch else "torch")


def prefer_onnx(name: str, weights: str | None, device: str, single: bool) -> bool:
    """Return whether ONNX Runtime gives the same colors without the wait for torch's import.

    True on the CPU for the bundled network, and for a `single` photograph with the published
    ones; with several photographs torch is faster there, in bfloat16.
    """
    installed = all(importlib.util.find_spec(package) for package in ("onnx", "onnxruntime"))
    suits = single or name == "compact"
    return installed and suits and weights is None and device == "cpu"
