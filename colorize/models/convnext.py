"""ConvNeXt, the encoder of DDColor: Liu et al., *A ConvNet for the 2020s*, CVPR 2022."""

from __future__ import annotations

import itertools

import torch
from torch import nn
from torch.nn import functional as F


class ChannelNorm(nn.LayerNorm):
    """Normalization of the channels at each pixel of (b, c, h, w)."""

    def __init__(self, channels: int):
        """Make the layer."""
        super().__init__(channels, eps=1e-6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the normalized features, of the same shape."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Block(nn.Module):
    """ConvNeXt's block: 7×7 depthwise, normalization, a perceptron at each pixel; residual."""

    def __init__(self, channels: int):
        """Make a block that keeps the number of channels."""
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.pwconv1 = nn.Linear(channels, 4 * channels)
        self.pwconv2 = nn.Linear(4 * channels, channels)
        self.gamma = nn.Parameter(torch.ones(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return features of the shape of x, (b, c, h, w)."""
        y = self.norm(self.dwconv(x).permute(0, 2, 3, 1))  # (b, h, w, c)
        y = self.gamma * self.pwconv2(F.gelu(self.pwconv1(y)))
        result: torch.Tensor = x + y.permute(0, 3, 1, 2)
        return result


class ConvNeXt(nn.Module):
    """ConvNeXt without its classifier."""

    def __init__(self, depths: tuple[int, ...], widths: tuple[int, ...]):
        """Make the four stages: their numbers of blocks and of channels."""
        super().__init__()
        self.downsample_layers = nn.ModuleList(
            [nn.Sequential(nn.Conv2d(3, widths[0], 4, stride=4), ChannelNorm(widths[0]))]
        )
        for inputs, outputs in itertools.pairwise(widths):
            halve = nn.Conv2d(inputs, outputs, 2, stride=2)
            self.downsample_layers.append(nn.Sequential(ChannelNorm(inputs), halve))
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(width) for _ in range(depth)))
            for depth, width in zip(depths, widths, strict=True)
        )
        self.norm0, self.norm1, self.norm2, self.norm3 = map(ChannelNorm, widths)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return normalized features at 1/4, 1/8, 1/16 and 1/32 of (b, 3, h, w)."""
        norms = (self.norm0, self.norm1, self.norm2, self.norm3)
        features = []
        for downsample, stage, norm in zip(self.downsample_layers, self.stages, norms, strict=True):
            x = stage(downsample(x))
            features.append(norm(x))
        return features
