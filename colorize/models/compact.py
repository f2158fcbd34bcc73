"""`compact`, this project's own network: a pretrained classifier's features, a light decoder.

The encoder is EfficientNet-Lite0 (Tan, Le, *EfficientNet*, ICML 2019; the Lite variant drops
squeeze-and-excitation and uses ReLU6) with its batch normalizations folded into the
convolutions. The decoder goes from 1/32 back to 1/4 of the input with skip connections and
ends in logits over the 313 ab bins.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional as F

from colorize.color.quantization import NUM_BINS, bin_centers
from colorize.models import header as headers
from colorize.models.base import Network
from colorize.models.metadata import ModelMetadata, Styles, finite_array

# EfficientNet-Lite0's inverted residual blocks: expansion, kernel, stride, channels.
BLOCKS = (
    (1, 3, 1, 16),
    (6, 3, 2, 24), (6, 3, 1, 24),
    (6, 5, 2, 40), (6, 5, 1, 40),
    (6, 3, 2, 80), (6, 3, 1, 80), (6, 3, 1, 80),
    (6, 5, 1, 112), (6, 5, 1, 112), (6, 5, 1, 112),
    (6, 5, 2, 192), (6, 5, 1, 192), (6, 5, 1, 192), (6, 5, 1, 192),
    (6, 3, 1, 320),
)  # fmt: skip
STEM_CHANNELS = 32
HEAD_CHANNELS = 1280


SKIP_BLOCKS = (2, 4, 10, 15)  # the last ones at 1/4, 1/8, 1/16 and 1/32
SKIP_CHANNELS = tuple(BLOCKS[i][3] for i in SKIP_BLOCKS)

WIDTHS = (64, 112, 192, 256)  # of the bundled decoder, at 1/4, 1/8, 1/16 and 1/32
DETAIL_SIZE = 512  # twice the usual size of the input; see `ModelMetadata.detail_size`
SIZE_DIVISOR = 32  # height and width of the input are multiples of this


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


class EncoderFeatures(NamedTuple):
    """What the encoder hands to the decoder."""

    quarter: torch.Tensor  # (b, 24, h/4, w/4)
    eighth: torch.Tensor  # (b, 40, h/8, w/8)
    sixteenth: torch.Tensor  # (b, 112, h/16, w/16)
    thirty_second: torch.Tensor  # (b, 320, h/32, w/32)
    scene: torch.Tensor  # (b, 1280), averaged over the image


class EncoderBase(nn.Module):
    """An encoder that `Decoder` can use: features of L at four sizes and of the whole image."""

    skip_channels: tuple[int, ...]  # at 1/4, 1/8, 1/16 and 1/32
    scene_channels: int

    def forward(self, lightness: torch.Tensor) -> EncoderFeatures:
        """Return the features of L, (b, 1, h, w) in [0, 100], h and w multiples of 32."""
        raise NotImplementedError


class Encoder(EncoderBase):
    """EfficientNet-Lite0 without its classifier, for one gray channel."""

    skip_channels = SKIP_CHANNELS
    scene_channels = HEAD_CHANNELS

    def __init__(self) -> None:
        """Make the layers, with random weights."""
        super().__init__()
        self.stem = Conv2dSame(1, STEM_CHANNELS, 3, 2)
        blocks = []
        channels = STEM_CHANNELS
        for expansion, kernel, stride, outputs in BLOCKS:
            blocks.append(InvertedResidual(channels, expansion, kernel, stride, outputs))
            channels = outputs
        self.blocks = nn.ModuleList(blocks)
        self.head = Conv2dSame(channels, HEAD_CHANNELS, 1)

    def forward(self, lightness: torch.Tensor) -> EncoderFeatures:
        """Return the features of L, (b, 1, h, w) in [0, 100], h and w multiples of 32."""
        x = (2.55 * lightness - 127) / 128  # the scale the classifier was trained with
        x = x.to(self.stem.weight.dtype)
        x = F.relu6(self.stem(x))
        skips = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in SKIP_BLOCKS:
                skips.append(x)
        scene = F.relu6(self.head(x)).mean(dim=(2, 3))
        quarter, eighth, sixteenth, thirty_second = skips
        return EncoderFeatures(quarter, eighth, sixteenth, thirty_second, scene)


class ConvNormReLU(nn.Sequential):
    """3×3 convolution, batch normalization, ReLU."""

    def __init__(self, inputs: int, outputs: int, dilation: int = 1):
        """Make the three layers."""
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class UpBlock(nn.Module):
    """Double the size, concatenate the skip connection, convolve twice."""

    def __init__(self, inputs: int, skip: int, outputs: int):
        """Make a block from `inputs` channels and a skip of `skip` to `outputs`."""
        super().__init__()
        self.norm = nn.BatchNorm2d(skip)  # the encoder's channels differ in scale
        self.merge = ConvNormReLU(inputs + skip, outputs)
        self.refine = ConvNormReLU(outputs, outputs)

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        """Return (b, outputs, 2h, 2w) of x, (b, inputs, h, w), and skip, (b, skip, 2h, 2w)."""
        x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
        merged: torch.Tensor = self.refine(self.merge(torch.cat((x, self.norm(skip)), dim=1)))
        return merged


class Decoder(nn.Module):
    """From the encoder's features to logits over the bins."""

    def __init__(
        self,
        widths: tuple[int, int, int, int],
        skips: tuple[int, ...] = SKIP_CHANNELS,
        scene: int = HEAD_CHANNELS,
    ):
        """Make the layers.

        Args:
            widths: Channels of the decoder at 1/4, 1/8, 1/16 and 1/32 of the input.
            skips: Channels of the encoder's features at the same sizes.
            scene: Channels of the encoder's global features.
        """
        super().__init__()
        quarter, eighth, sixteenth, thirty_second = widths
        self.reduce = nn.Conv2d(skips[3], thirty_second, 1, bias=False)
        self.scene = nn.Linear(scene, thirty_second, bias=False)
        self.norm = nn.BatchNorm2d(thirty_second)
        self.context = nn.Sequential(
            ConvNormReLU(thirty_second, thirty_second),
            ConvNormReLU(thirty_second, thirty_second, dilation=2),
        )
        self.up16 = UpBlock(thirty_second, skips[2], sixteenth)
        self.up8 = UpBlock(sixteenth, skips[1], eighth)
        self.up4 = UpBlock(eighth, skips[0], quarter)
        self.classify = nn.Conv2d(quarter, NUM_BINS, 1)

    def forward(self, features: EncoderFeatures) -> torch.Tensor:
        """Return logits (b, 313, h/4, w/4) for an (h, w) input."""
        scene = self.scene(features.scene)[:, :, None, None]
        x = F.relu(self.norm(self.reduce(features.thirty_second) + scene))
        x = x + self.context(x)
        x = self.up16(x, features.sixteenth)
        x = self.up8(x, features.eighth)
        x = self.up4(x, features.quarter)
        logits: torch.Tensor = self.classify(x.to(self.classify.weight.dtype))
        return logits


class Compact(Network):
    """Gray in, logits over the 313 ab bins at a quarter of the size out."""

    half_precision = torch.float16  # 11 bits; bfloat16 would change colors by a ΔE of 0.5
    float32_layers = ("decoder.classify",)  # logits of 20 in bfloat16 would be 0.1 apart

    def __init__(
        self,
        widths: tuple[int, int, int, int] = WIDTHS,
        *,
        class_weights: npt.ArrayLike | None = None,
        prior: npt.ArrayLike | None = None,
        styles: Styles | None = None,
        input_autocontrast: float = 0.0,
        encoder: EncoderBase | None = None,
    ):
        """Make the network with random weights.

        Args:
            widths: Channels of the decoder at 1/4, 1/8, 1/16 and 1/32 of the input.
            class_weights: Rebalancing weights of the training, (313,), for the metadata.
            prior: Share of each bin among all pixels of the training data, (313,), likewise.
            styles: Decoding settings by style name, likewise.
            input_autocontrast: Stretch of L that the weights are trained for, 0 to 1, likewise.
            encoder: Replaces EfficientNet-Lite0's, in teachers.
        """
        super().__init__()
        self.widths = widths
        self.encoder: EncoderBase = Encoder() if encoder is None else encoder
        self.decoder = Decoder(widths, self.encoder.skip_channels, self.encoder.scene_channels)
        self._metadata = ModelMetadata(
            "compact",
            "logits",
            size_divisor=SIZE_DIVISOR,
            output_stride=4,
            detail_size=DETAIL_SIZE,
            input_autocontrast=input_autocontrast,
            bin_centers=bin_centers(),
            class_weights=finite_array(class_weights),
            prior=finite_array(prior),
            styles=styles or {},
        )

    @classmethod
    def from_header(cls, header: Mapping[str, str]) -> Compact:
        """Return the network that the header of a weights file describes."""
        data = headers.weights_data(header)
        return cls(
            headers.widths(header),
            class_weights=data.class_weights,
            prior=data.prior,
            styles=data.styles,
            input_autocontrast=data.input_autocontrast,
        )

    @property
    def metadata(self) -> ModelMetadata:
        """The interface and what the weights file says about decoding."""
        return self._metadata

    def forward(self, lightness: torch.Tensor, hints: torch.Tensor | None = None) -> torch.Tensor:
        """Return logits (b, 313, h/4, w/4) of L, (b, 1, h, w); hints are not used."""
        logits: torch.Tensor = self.decoder(self.encoder(lightness))
        return logits
