"""The pretrained encoders that `compact` can be trained with; `vgg16` is only for teachers."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from colorize.errors import ColorizeError
from colorize.models.compact import Encoder, EncoderBase, EncoderFeatures

VGG16_STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # channels, convolutions
ENCODERS = ("lite0", "vgg16")


class VGG16(EncoderBase):
    """The convolutions of VGG16 (Simonyan, Zisserman, 2015) for one gray channel.

    Larsson et al. (*Learning Representations for Automatic Colorization*, ECCV 2016) colorize
    from its hypercolumns.
    """

    skip_channels = (256, 512, 512, 512)
    scene_channels = 512

    def __init__(self) -> None:
        """Make the layers, with random weights."""
        super().__init__()
        stages, inputs = [], 1
        for channels, count in VGG16_STAGES:
            layers = []
            for _ in range(count):
                layers.append(nn.Conv2d(inputs, channels, 3, padding=1))
                inputs = channels
            stages.append(nn.ModuleList(layers))
        self.stages = nn.ModuleList(stages)

    def forward(self, lightness: torch.Tensor) -> EncoderFeatures:
        """Return the features of L, (b, 1, h, w) in [0, 100], h and w multiples of 32."""
        x = (lightness / 100 - 0.449) / 0.226  # ImageNet's mean and deviation over all channels
        x = x.to(self.stages[0][0].weight.dtype)  # type: ignore[index]
        skips = []
        for i, stage in enumerate(self.stages):
            if i > 0:
                x = F.max_pool2d(x, 2)
            assert isinstance(stage, nn.ModuleList)
            for layer in stage:
                x = F.relu(layer(x))
            if i >= 2:
                skips.append(x)
        quarter, eighth, sixteenth = skips
        return EncoderFeatures(quarter, eighth, sixteenth, F.max_pool2d(x, 2), x.mean(dim=(2, 3)))


def build_encoder(name: str) -> EncoderBase:
    """Return an encoder of `ENCODERS` with random weights.

    Raises:
        ColorizeError: There is no encoder of that name.
    """
    if name not in ENCODERS:
        raise ColorizeError(f"unknown encoder {name!r}; choose from {', '.join(ENCODERS)}")
    return VGG16() if name == "vgg16" else Encoder()
