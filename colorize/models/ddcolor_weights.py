"""The published weights of DDColor as those of `models.ddcolor`. Without torch.

The release applies spectral normalization (Miyato et al., *Spectral Normalization for Generative
Adversarial Networks*, ICLR 2018) whenever it runs: a layer's weights W, flattened to two
dimensions, are divided by σ = uᵀWv, with the vectors u and v of its training, which are
estimates and not the singular vectors of W. Here that is done once.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from colorize.color.types import Array, Tensors

ORIGINAL, LEFT, RIGHT = ".weight_orig", ".weight_u", ".weight_v"
ARCH = "encoder.arch."
UNUSED = (
    "mean", "std",  # of ImageNet, constants
    f"{ARCH}norm.weight", f"{ARCH}norm.bias",  # of a pooled vector
    f"{ARCH}head_cls.weight", f"{ARCH}head_cls.bias",  # a classifier
)  # fmt: skip


def is_published_ddcolor(tensors: Mapping[str, Array]) -> bool:
    """Return whether these are tensors of the release, or some of them."""
    return "encoder.arch.norm0.weight" in tensors and any(
        name.endswith((ORIGINAL, LEFT, RIGHT)) for name in tensors
    )


def convert_published_ddcolor(tensors: Mapping[str, Array]) -> Tensors:
    """Return the release's tensors as those of `models.ddcolor`.

    Raises ValueError, with the name of the tensor, where spectral normalization lacks one or has
    one of an unexpected shape. Everything else is passed through, for the check of all tensors.
    """
    tensors = {name: array for name, array in tensors.items() if name not in UNUSED}
    suffixes = (ORIGINAL, LEFT, RIGHT)
    layers = {name.rpartition(".")[0] for name in tensors if name.endswith(suffixes)}
    converted = {name: x for name, x in tensors.items() if not name.endswith(suffixes)}
    for layer in sorted(layers):
        for suffix in suffixes:
            if layer + suffix not in tensors:
                raise ValueError(f"lacks tensors (1): {layer}{suffix}")
        weight, left, right = (tensors[layer + suffix] for suffix in suffixes)
        _check_shape(layer + LEFT, left, weight.shape[:1])
        _check_shape(layer + RIGHT, right, (int(np.prod(weight.shape[1:])),))
        # In float64: the order of a sum of thousands of float32 numbers would show.
        rows = weight.reshape(len(left), -1)
        sigma = left.astype(np.float64) @ (rows @ right.astype(np.float64))
        if not np.isfinite(sigma) or sigma == 0:
            raise ValueError(f"damaged: {layer}: its spectral norm is {sigma}")
        converted[f"{layer}.weight"] = (weight / sigma).astype(np.float32)
    return converted


def _check_shape(name: str, array: Array, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}")
