"""The network of *Real-Time User-Guided Image Colorization with Learned Deep Priors*.

Zhang, Zhu, Isola, Geng, Lin, Yu, Efros, SIGGRAPH 2017. Layer names and positions are those of
the authors' PyTorch release, so that its published weights load as they are.
"""

from __future__ import annotations

import torch
from torch import nn

from colorize.models.base import Network
from colorize.models.eccv16 import AB_SCALE, block, conv3, param_dtype, upconv
from colorize.models.metadata import ModelMetadata

GRID_BINS = 529  # the full 23×23 grid of ab with step 10


def subsample(x: torch.Tensor) -> torch.Tensor:
    """Return x (b, c, h, w) at half the height and width: its even rows and columns."""
    return x[:, :, ::2, ::2]


class SIGGRAPH17(Network):
    """Gray and color hints in, ab of the same size out: a regression, without bins."""

    half_precision = torch.bfloat16
    float32_layers = ("model_out.0",)

    def __init__(self) -> None:
        """Make the network with random weights."""
        super().__init__()
        self.model1 = block(4, 64, 64)
        self.model2 = block(64, 128, 128)
        self.model3 = block(128, 256, 256, 256)
        self.model4 = block(256, 512, 512, 512)
        self.model5 = block(512, 512, 512, 512, dilation=2)
        self.model6 = block(512, 512, 512, 512, dilation=2)
        self.model7 = block(512, 512, 512, 512)

        self.model8up = nn.Sequential(upconv(512, 256))
        self.model3short8 = nn.Sequential(conv3(256, 256))
        self.model8 = nn.Sequential(nn.ReLU(inplace=True), *block(256, 256, 256))
        self.model9up = nn.Sequential(upconv(256, 128))
        self.model2short9 = nn.Sequential(conv3(128, 128))
        self.model9 = nn.Sequential(nn.ReLU(inplace=True), *block(128, 128))
        self.model10up = nn.Sequential(upconv(128, 128))
        self.model1short10 = nn.Sequential(conv3(64, 128))
        self.model10 = nn.Sequential(
            nn.ReLU(inplace=True), conv3(128, 128), nn.LeakyReLU(0.2, inplace=True)
        )
        # A head of the authors' training. Here only because the published file holds it.
        self.model_class = nn.Sequential(nn.Conv2d(256, GRID_BINS, 1))
        self.model_out = nn.Sequential(nn.Conv2d(128, 2, 1), nn.Tanh())

    @property
    def metadata(self) -> ModelMetadata:
        """The interface: ab of the input's size, hints of the same size."""
        return ModelMetadata("siggraph17", "ab", 8, 1, takes_hints=True)

    def forward(self, lightness: torch.Tensor, hints: torch.Tensor | None = None) -> torch.Tensor:
        """Return ab (b, 2, h, w), within ±110.

        lightness: (b, 1, h, w), L in [0, 100], h and w multiples of 8. hints: None or
        (b, 3, h, w), ab / 110 and a mask of 0 or 1.
        """
        b, _, h, w = lightness.shape
        if hints is None:
            hints = lightness.new_zeros(b, 3, h, w)
        x = torch.cat(((lightness - 50) / 100, hints), dim=1).to(param_dtype(self.model1))
        full = self.model1(x)  # (b, 64, h, w)
        half = self.model2(subsample(full))  # (b, 128, h/2, w/2)
        quarter = self.model3(subsample(half))  # (b, 256, h/4, w/4)
        x = self.model4(subsample(quarter))  # (b, 512, h/8, w/8)
        x = self.model7(self.model6(self.model5(x)))
        x = self.model8(self.model8up(x) + self.model3short8(quarter))
        x = self.model9(self.model9up(x) + self.model2short9(half))
        x = self.model10(self.model10up(x) + self.model1short10(full))  # (b, 128, h, w)
        ab: torch.Tensor = AB_SCALE * self.model_out(x.to(lightness.dtype))
        return ab
