"""Load a network by name, ready to run: weights, backend, device and precision."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
from pathlib import Path

from colorize.errors import ColorizeError
from colorize.installation import require_torch
from colorize.models import registry
from colorize.models.remote_weights import ensure_local
from colorize.models.weights_files import known_hash
from colorize.runtime.base import Runner
from colorize.runtime.batching import DynamicBatcher
from colorize.runtime.oom import OomSafeRunner

BACKENDS = ("torch", "onnx")
PRECISIONS = ("float32", "bfloat16", "float16")


def load_runner(
    name: str = registry.DEFAULT_MODEL,
    *,
    weights: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    backend: str | None = None,
    precision: str | None = None,
    throughput: bool = False,
    max_batch: int | None = None,
    quiet: bool = True,
) -> Runner:
    """Return a network, safe to call from several threads and when memory is short.

    Args:
        name: A network of the registry. Published weights are downloaded on first use.
        weights: A file to use instead of the network's own: safetensors, a PyTorch file, or an
            .onnx file of `python -m colorize.export`; or where to download it from,
            "https://...#sha256=...".
        device: A torch device, or "gpu" for whichever GPU there is.
        backend: One of `BACKENDS`, or None to choose, see `resolve_backend`.
        precision: One of `PRECISIONS`, or None for the fastest that keeps the colors, see
            `runtime.precision`. ONNX Runtime computes in float32.
        throughput: Whether many photographs follow, so that a slower start pays off.
        max_batch: How many calls of concurrent threads go through the network together. None
            batches them on a GPU only, as many as fit.
        quiet: Hide the progress bar of a download.

    Raises:
        ColorizeError: The weights cannot be obtained or are invalid, or a setting is unknown.
    """
    if precision not in (None, *PRECISIONS):
        raise ColorizeError(f"unknown precision {precision!r}: use {', '.join(PRECISIONS)}")
    if weights is not None:
        weights = ensure_local(weights, quiet=quiet)
    if backend is None and precision not in (None, "float32"):
        backend = "torch"
    backend = resolve_backend(backend, name, weights, device, throughput=throughput)
    if backend == "torch":
        # Imported here because torch takes seconds to import and ONNX Runtime does not need it.
        from colorize.runtime.devices import resolve_device
        from colorize.runtime.precision import optimize_for_inference
        from colorize.runtime.torch_runner import TorchRunner

        network = registry.load(name, weights, resolve_device(device), quiet=quiet)
        in_torch = TorchRunner(optimize_for_inference(network, precision))
        in_torch.metadata = dataclasses.replace(in_torch.metadata, weights=_hash(name, weights))
        runner: Runner = in_torch
    else:
        if precision not in (None, "float32"):
            raise ColorizeError(f"precision {precision}: ONNX Runtime computes in float32")
        # Imported here because it takes a tenth of a second and torch does not need it.
        from colorize.runtime import onnx_runner

        in_onnx = onnx_runner.load(name, weights, device, quiet=quiet)
        in_onnx.metadata = dataclasses.replace(in_onnx.metadata, weights=_hash(name, weights))
        runner = in_onnx
    safe = OomSafeRunner(runner)
    if max_batch is not None:
        return DynamicBatcher(safe, max_batch)
    # On the CPU threads run side by side; on a GPU two calls at once would need twice the memory.
    return safe if safe.device == "cpu" else DynamicBatcher(safe, batch_on_cpu=False)


def _hash(name: str, weights: str | os.PathLike[str] | None) -> str:
    """Return the sha256 of the weights, which for a network's own is known."""
    return registry.find(name).sha256 if weights is None else known_hash(Path(weights))


def resolve_backend(
    requested: str | None,
    name: str = registry.DEFAULT_MODEL,
    weights: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    *,
    throughput: bool = False,
) -> str:
    """Return "torch" or "onnx": the requested one, else the one that finishes sooner.

    On the CPU that is ONNX Runtime with a network's own weights, which gives the same colors
    without the seconds that torch takes to import. Where many photographs follow (`throughput`),
    torch is faster with the published networks, in bfloat16. Other weights may have other sizes
    than the ONNX graph; torch takes them all.

    Args:
        requested: One of `BACKENDS`, or None to choose.
        name: A network of the registry.
        weights: A file to use instead of the network's own.
        device: Where the network will run.
        throughput: Whether many photographs follow.

    Raises:
        ColorizeError: The backend is unknown, or it is torch and torch is missing or the weights
            are an .onnx file.
    """
    exported = weights is not None and os.fsdecode(weights).lower().endswith(".onnx")
    if requested not in (None, *BACKENDS):
        raise ColorizeError(f"unknown backend {requested!r}: use {' or '.join(BACKENDS)}")
    if requested == "torch" and exported:
        raise ColorizeError(f"{os.fsdecode(weights or '')}: an ONNX model needs --backend onnx")
    if requested == "torch":
        require_torch("the backend torch")
    if requested is not None:
        return requested
    if exported or importlib.util.find_spec("torch") is None:
        return "onnx"
    model = registry.find(name)
    slower = throughput and model.torch_throughput
    suits = device == "cpu" and weights is None and model.skeleton
    return "onnx" if suits and not slower else "torch"
