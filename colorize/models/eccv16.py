"""The network of *Colorful Image Colorization*, Zhang, Isola, Efros, ECCV 2016.

Layer names and positions are those of the authors' PyTorch release, so that its published
weights load as they are.
"""

from __future__ import annotations

import itertools

import torch
from torch import nn

from colorize.color.quantization import NUM_BINS
from colorize.models.base import Network
from colorize.models.metadata import ModelMetadata

AB_SCALE = 110  # the published networks work with ab / 110


def conv3(inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    """Return a 3×3 convolution with bias that keeps the size at stride 1."""
    return nn.Conv2d(inputs, outputs, 3, stride, padding=dilation, dilation=dilation)


def upconv(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    """Return a transposed convolution to twice the height and width."""
    return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)


def block(*channels: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """Return convolutions with ReLU from each of `channels` to the next, then normalization.

    `stride` is that of the last convolution, `dilation` that of all.
    """
    layers: list[nn.Module] = []
    last = len(channels) - 2
    for i, (inputs, outputs) in enumerate(itertools.pairwise(channels)):
        step = stride if i == last else 1
        layers += [conv3(inputs, outputs, step, dilation), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.BatchNorm2d(channels[-1]))


def param_dtype(part: nn.Module) -> torch.dtype:
    """Return the number type of the weights of a part of a network."""
    return next(part.parameters()).dtype


class ECCV16(Network):
    """Gray in, logits over 313 ab bins at a quarter of the size out.

    The release's ab is the mean over this network's own `bin_centers`, `annealed_mean(logits,
    1.0, network.metadata.bin_centers)`, enlarged ×4 bilinearly with `align_corners=False`.
    """

    half_precision = torch.bfloat16
    float32_layers = ("model8.6", "model_out")  # logits, and the weights that are colors

    def __init__(self) -> None:
        """Make the network with random weights."""
        super().__init__()
        self.model1 = block(1, 64, 64, stride=2)
        self.model2 = block(64, 128, 128, stride=2)
        self.model3 = block(128, 256, 256, 256, stride=2)
        self.model4 = block(256, 512, 512, 512)
        self.model5 = block(512, 512, 512, 512, dilation=2)
        self.model6 = block(512, 512, 512, 512, dilation=2)
        self.model7 = block(512, 512, 512, 512)
        self.model8 = nn.Sequential(
            upconv(512, 256), nn.ReLU(inplace=True),
            conv3(256, 256), nn.ReLU(inplace=True),
            conv3(256, 256), nn.ReLU(inplace=True),
            nn.Conv2d(256, NUM_BINS, 1),
        )  # fmt: skip
        self.model_out = nn.Conv2d(NUM_BINS, 2, 1, bias=False)

    @property
    def metadata(self) -> ModelMetadata:
        """The interface, with `model_out` in ab units as the bin centers.

        The published files hold neither class weights nor a prior. The default style is the
        plain mean of the distribution, as in the release.
        """
        centers = AB_SCALE * self.model_out.weight[:, :, 0, 0].T
        return ModelMetadata(
            "eccv16", "logits", 8, 4, bin_centers=centers.detach().float().cpu().numpy()
        )

    def forward(self, lightness: torch.Tensor, hints: torch.Tensor | None = None) -> torch.Tensor:
        """Return logits (b, 313, h/4, w/4) of L, (b, 1, h, w); hints are not used."""
        x = ((lightness - 50) / 100).to(param_dtype(self.model1))
        x = self.model3(self.model2(self.model1(x)))  # (b, 256, h/8, w/8)
        x = self.model7(self.model6(self.model5(self.model4(x))))  # (b, 512, h/8, w/8)
        logits: torch.Tensor = self.model8[-1](self.model8[:-1](x).to(param_dtype(self.model8[-1])))
        return logits
