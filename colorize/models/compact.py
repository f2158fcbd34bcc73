"""`compact`, this project's own network: a pretrained classifier's features, a light decoder.

The encoder is EfficientNet-Lite0 (Tan, Le, *EfficientNet*, ICML 2019; the Lite variant drops
squeeze-and-excitation and uses ReLU6) with its batch normalizations folded into the
convolutions. The decoder goes from 1/32 back to 1/4 of the input with skip connections and
ends in logits over the 313 ab bins. Color hints and the color statistics of a reference
enter the decoder alone, so that the pretrained encoder stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from colorize.color.quantization import NUM_BINS, bin_centers
from colorize.models.base import Network
from colorize.models.compact_config import (
    HEAD_CHANNELS,
    HINT_CHANNELS,
    LITE0_BLOCKS,
    MULTIPLE,
    SKIP_CHANNELS,
    STATISTICS,
    STEM_CHANNELS,
    WIDTHS,
    Blocks,
    skip_blocks,
)
from colorize.models.metadata import ModelMetadata, Styles


class Conv2dSame(nn.Conv2d):
    """A convolution with TensorFlow's "SAME" padding, for even sizes at stride 2."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1):
        """Make a `kernel`×`kernel` convolution with bias."""
        super().__init__(inputs, outputs, kernel, stride, groups=groups)
        low = (kernel - stride) // 2
        high = kernel - stride - low
        self.asymmetric = (low, high, low, high) if low != high else None
        if low == high:
            self.padding = (low, low)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the convolution, of ceil(size / stride)."""
        padded = x if self.asymmetric is None else F.pad(x, self.asymmetric)
        result: torch.Tensor = super().forward(padded)
        return result


class InvertedResidual(nn.Module):
    """Expand 1×1, depthwise k×k, project 1×1; ReLU6 after the first two."""

    def __init__(self, inputs: int, expansion: int, kernel: int, stride: int, outputs: int):
        """Make a block from `inputs` to `outputs` channels."""
        super().__init__()
        hidden = inputs * expansion
        self.expand = Conv2dSame(inputs, hidden, 1) if expansion > 1 else None
        self.depthwise = Conv2dSame(hidden, hidden, kernel, stride, groups=hidden)
        self.project = Conv2dSame(hidden, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's output, with the input added where the shapes agree."""
        y = x if self.expand is None else F.relu6(self.expand(x))
        y = self.project(F.relu6(self.depthwise(y)))
        result: torch.Tensor = x + y if self.residual else y
        return result


class Features(NamedTuple):
    """What the encoder hands to the decoder."""

    quarter: torch.Tensor  # (b, 24, h/4, w/4)
    eighth: torch.Tensor  # (b, 40, h/8, w/8)
    sixteenth: torch.Tensor  # (b, 112, h/16, w/16)
    thirty_second: torch.Tensor  # (b, 320, h/32, w/32)
    scene: torch.Tensor  # (b, 1280), averaged over the picture


class EncoderBase(nn.Module):
    """What a decoder can be put on: features of L, with the channels of each."""

    skip_channels: tuple[int, ...]  # at 1/4, 1/8, 1/16 and 1/32
    scene_channels: int

    def forward(self, lightness: torch.Tensor) -> Features:
        """Return the features of L, (b, 1, h, w) in [0, 100], h and w multiples of 32."""
        raise NotImplementedError


class Encoder(EncoderBase):
    """EfficientNet-Lite without its classifier, for one gray channel; by default Lite0."""

    scene_channels = HEAD_CHANNELS

    def __init__(self, layout: Blocks = LITE0_BLOCKS) -> None:
        """Make the layers, with random weights."""
        super().__init__()
        self.stem = Conv2dSame(1, STEM_CHANNELS, 3, 2)
        blocks = []
        channels = STEM_CHANNELS
        for expansion, kernel, stride, outputs in layout:
            blocks.append(InvertedResidual(channels, expansion, kernel, stride, outputs))
            channels = outputs
        self.blocks = nn.ModuleList(blocks)
        self.head = Conv2dSame(channels, HEAD_CHANNELS, 1)
        self.skip_blocks = skip_blocks(layout)
        self.skip_channels = tuple(layout[i][3] for i in self.skip_blocks)

    def forward(self, lightness: torch.Tensor) -> Features:
        """Return the features of L, (b, 1, h, w) in [0, 100], h and w multiples of 32."""
        x = (2.55 * lightness - 127) / 128  # the scale the classifier was trained with
        x = x.to(self.stem.weight.dtype)
        x = F.relu6(self.stem(x))
        skips = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in self.skip_blocks:
                skips.append(x)
        scene = F.relu6(self.head(x)).mean(dim=(2, 3))
        quarter, eighth, sixteenth, thirty_second = skips
        return Features(quarter, eighth, sixteenth, thirty_second, scene)


class ConvNormReLU(nn.Sequential):
    """3×3 convolution, batch normalization, ReLU."""

    def __init__(self, inputs: int, outputs: int, dilation: int = 1):
        """Make the three layers."""
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class Up(nn.Module):
    """Double the size, join the skip and the hints, convolve twice."""

    def __init__(self, inputs: int, skip: int, outputs: int):
        """Make a stage from `inputs` channels and a skip of `skip` to `outputs`."""
        super().__init__()
        self.normalise = nn.BatchNorm2d(skip)  # the encoder's channels differ in scale
        self.merge = ConvNormReLU(inputs + skip + HINT_CHANNELS, outputs)
        self.refine = ConvNormReLU(outputs, outputs)

    def forward(self, x: torch.Tensor, skip: torch.Tensor, hints: torch.Tensor) -> torch.Tensor:
        """Return (b, outputs, 2h, 2w)."""
        x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
        joined = torch.cat((x, self.normalise(skip), hints.to(x.dtype)), dim=1)
        merged: torch.Tensor = self.refine(self.merge(joined))
        return merged


def pool_hints(hints: torch.Tensor) -> torch.Tensor:
    """Halve hints (b, 3, h, w): the mean of the hinted colors, the mask's maximum."""
    ab, mask = hints[:, :2], hints[:, 2:]
    share = F.avg_pool2d(mask, 2)
    mean = F.avg_pool2d(ab * mask, 2) / share.clamp(min=1e-6)
    return torch.cat((mean, (share > 0).to(mean)), dim=1)


class Decoder(nn.Module):
    """From the encoder's features, hints and statistics to logits over the bins."""

    def __init__(
        self,
        widths: tuple[int, int, int, int],
        skips: tuple[int, ...] = SKIP_CHANNELS,
        scene: int = HEAD_CHANNELS,
    ):
        """Make the layers; `widths` are the channels at 1/4, 1/8, 1/16 and 1/32.

        skips, scene: channels of the encoder's features at the same sizes, and of the scene's.
        """
        super().__init__()
        quarter, eighth, sixteenth, thirty_second = widths
        self.reduce = nn.Conv2d(skips[3] + HINT_CHANNELS, thirty_second, 1, bias=False)
        self.scene = nn.Linear(scene, thirty_second, bias=False)
        self.statistics = nn.Sequential(
            nn.Linear(STATISTICS, thirty_second),
            nn.ReLU(inplace=True),
            nn.Linear(thirty_second, thirty_second, bias=False),
        )
        self.normalise = nn.BatchNorm2d(thirty_second)
        self.context = nn.Sequential(
            ConvNormReLU(thirty_second, thirty_second),
            ConvNormReLU(thirty_second, thirty_second, dilation=2),
        )
        self.up16 = Up(thirty_second, skips[2], sixteenth)
        self.up8 = Up(sixteenth, skips[1], eighth)
        self.up4 = Up(eighth, skips[0], quarter)
        self.classify = nn.Conv2d(quarter, NUM_BINS, 1)

    def forward(
        self, features: Features, hints: torch.Tensor, statistics: torch.Tensor
    ) -> torch.Tensor:
        """Return logits (b, 313, h/4, w/4) for an (h, w) input.

        hints: (b, 3, h/4, w/4), ab / 110 and a mask of 0 or 1. statistics: (b, 316).
        """
        eighth = pool_hints(hints)
        sixteenth = pool_hints(eighth)
        deepest = torch.cat((features.thirty_second, pool_hints(sixteenth).to(features.scene)), 1)
        scene = self.scene(features.scene) + self.statistics(statistics)
        x = F.relu(self.normalise(self.reduce(deepest) + scene[:, :, None, None]))
        x = x + self.context(x)
        x = self.up16(x, features.sixteenth, sixteenth)
        x = self.up8(x, features.eighth, eighth)
        x = self.up4(x, features.quarter, hints)
        logits: torch.Tensor = self.classify(x.to(self.classify.weight.dtype))
        return logits


class Compact(Network):
    """Gray in, logits over the 313 ab bins at a quarter of the size out."""

    def __init__(
        self,
        widths: tuple[int, int, int, int] = WIDTHS,
        *,
        class_weights: Sequence[float] | None = None,
        prior: Sequence[float] | None = None,
        styles: Styles | None = None,
        encoder: EncoderBase | None = None,
    ):
        """Make the network with random weights.

        Args:
            widths: Channels of the decoder at 1/4, 1/8, 1/16 and 1/32 of the input.
            class_weights: Rebalancing weights of the training, (313,), for the metadata.
            prior: Share of each bin among all pixels of the training data, (313,), likewise.
            styles: Decoding settings by style name, likewise.
            encoder: Replaces EfficientNet-Lite0's, in teachers.
        """
        super().__init__()
        self.widths = widths
        self.encoder: EncoderBase = Encoder() if encoder is None else encoder
        self.decoder = Decoder(widths, self.encoder.skip_channels, self.encoder.scene_channels)
        self._metadata = ModelMetadata(
            "compact",
            "logits",
            size_divisor=MULTIPLE,
            output_stride=4,
            bin_centers=bin_centers(),
            class_weights=None if class_weights is None else np.array(class_weights, np.float32),
            prior=None if prior is None else np.array(prior, np.float32),
            styles=styles or {},
        )

    @property
    def metadata(self) -> ModelMetadata:
        """The interface and what the weights file says about decoding."""
        return self._metadata

    def forward(
        self,
        lightness: torch.Tensor,
        hints: torch.Tensor | None = None,
        statistics: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return logits (b, 313, h/4, w/4).

        lightness: (b, 1, h, w), L in [0, 100], h and w multiples of 32. hints: None or
        (b, 3, h/4, w/4), ab / 110 and a mask of 0 or 1. statistics: None or (b, 316), see
        `STATISTICS`.
        """
        b, _, h, w = lightness.shape
        if hints is None:
            hints = lightness.new_zeros(b, HINT_CHANNELS, h // 4, w // 4)
        if statistics is None:
            statistics = lightness.new_zeros(b, STATISTICS)
        logits: torch.Tensor = self.decoder(
            self.encoder(lightness), hints, statistics.to(self.decoder.scene.weight.dtype)
        )
        return logits
