"""The torch device that a network runs on."""

from __future__ import annotations

import torch

from colorize.errors import ColorizeError


def default_gpu() -> str:
    """Return the device of the GPU: CUDA, else Apple's MPS. Raises ColorizeError without one."""
    if torch.cuda.is_available():
        return "cuda"
    if torch.backends.mps.is_available():
        return "mps"
    raise ColorizeError("no GPU found (neither CUDA nor MPS): leave out --gpu to use the CPU")


def resolve_device(name: str) -> str:
    """Return the name of a torch device that works here; "gpu" is whichever there is.

    Raises ColorizeError.
    """
    if name == "gpu":
        return default_gpu()
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ColorizeError(f"device {name!r} can't be used: {reason}") from error
    return name
