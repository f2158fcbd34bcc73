"""The networks of *DDColor: Towards Photo-Realistic Image Colorization via Dual Decoders*.

Kang, Yang, Ouyang, Ren, Li, Xie, ICCV 2023, arXiv 2212.11613. An encoder, ConvNeXt; a pixel
decoder, which brings its features back to the size of the input; and a color decoder, in which
queries attend to the pixel decoder's features at three sizes. Layer names are those of the
authors' release. Its spectral normalization is part of the weights here, see
`models.ddcolor_weights`.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from colorize.models.base import Network
from colorize.models.color_decoder import QUERIES, WIDTH, ColorDecoder
from colorize.models.convnext import ConvNeXt
from colorize.models.eccv16 import param_dtype
from colorize.models.metadata import ModelMetadata

SIZE_DIVISOR = 32  # height and width of the input are multiples of this
INPUT_SIZE = 512  # pixels, the release's default
DECODER_WIDTHS = (512, 512, 256)  # of the pixel decoder at 1/16, 1/8 and 1/4 of the input
SHUFFLE = 4  # the last enlargement
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's RGB, in [0, 1]

Sizes = tuple[int, int, int, int]


def gray_of(lightness: torch.Tensor) -> torch.Tensor:
    """Return the gray sRGB values in [0, 1] of L in [0, 100]."""
    f = (lightness + 16) / 116
    luminance = torch.where(f > 0.2068966, f**3, (f - 16 / 116) / 7.787)
    bright = 1.055 * luminance.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(luminance > 0.0031308, bright, 12.92 * luminance)


def blur(x: torch.Tensor) -> torch.Tensor:
    """Return the mean of each pixel and its left, upper and upper left neighbor, same size."""
    return F.avg_pool2d(F.pad(x, (1, 0, 1, 0), mode="replicate"), 2, stride=1)


class Encoder(nn.Module):
    """The encoder under the release's name."""

    def __init__(self, depths: tuple[int, ...], widths: tuple[int, ...]):
        """Make the encoder."""
        super().__init__()
        self.arch = ConvNeXt(depths, widths)


class Shuffle(nn.Module):
    """1×1 convolution to the channels that `pixel_shuffle` turns into pixels."""

    def __init__(self, inputs: int, outputs: int):
        """Make the layers; twice the height and width, `outputs` channels."""
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, 4 * outputs, 1, bias=False), nn.BatchNorm2d(4 * outputs), nn.ReLU()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (b, outputs, 2h, 2w) of x, (b, inputs, h, w)."""
        return blur(F.pixel_shuffle(self.conv(x), 2))


class UpBlock(nn.Module):
    """Double the size, concatenate the encoder's features, convolve."""

    def __init__(self, inputs: int, skip: int, outputs: int):
        """Make a block from `inputs` channels and a skip of `skip` to `outputs`."""
        super().__init__()
        self.shuf = Shuffle(inputs, outputs)
        self.bn = nn.BatchNorm2d(skip)
        self.conv = nn.Sequential(
            nn.Conv2d(outputs + skip, outputs, 3, padding=1, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        """Return (b, outputs, 2h, 2w) of x, (b, inputs, h, w), and skip, (b, skip, 2h, 2w)."""
        joined = F.relu(torch.cat((self.shuf(x), self.bn(skip)), dim=1))
        result: torch.Tensor = self.conv(joined)
        return result


class LastShuffle(nn.Module):
    """The convolution before the last enlargement, which `DDColor.forward` does."""

    def __init__(self) -> None:
        """Make the convolution."""
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(WIDTH, WIDTH * SHUFFLE**2, 1), nn.ReLU())


class Decoder(nn.Module):
    """The pixel decoder and the color decoder."""

    def __init__(self, skips: tuple[int, ...]):
        """Make the layers; `skips` are the encoder's channels at 1/4 to 1/32."""
        super().__init__()
        inputs = (skips[3], *DECODER_WIDTHS[:2])
        self.layers = nn.ModuleList(
            UpBlock(*channels)
            for channels in zip(inputs, reversed(skips[:3]), DECODER_WIDTHS, strict=True)
        )
        self.last_shuf = LastShuffle()
        self.color_decoder = ColorDecoder(DECODER_WIDTHS)

    def forward(self, features: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return pixels (b, 4096, h/4, w/4), not yet shuffled, and colors (b, 100, 256)."""
        x = features[3]
        scales = []  # at 1/16, 1/8 and 1/4
        for layer, skip in zip(self.layers, reversed(features[:3]), strict=True):
            x = layer(x, skip)
            scales.append(x)
        return self.last_shuf.conv(x), self.color_decoder(scales)


class DDColor(Network):
    """Gray in, ab of the same size out: a regression, without bins. ConvNeXt-L as the encoder."""

    float32_layers = ("refine_net.0.0",)
    architecture = "ddcolor"
    depths: Sizes = (3, 3, 27, 3)
    widths: Sizes = (192, 384, 768, 1536)

    def __init__(self, depths: Sizes | None = None, widths: Sizes | None = None):
        """Make the network with random weights.

        Args:
            depths: Blocks of the encoder's four stages; by default those of the release.
            widths: Channels of the encoder's four stages, likewise.
        """
        super().__init__()
        widths = widths or self.widths
        self.encoder = Encoder(depths or self.depths, widths)
        self.decoder = Decoder(widths)
        self.refine_net = nn.Sequential(nn.Sequential(nn.Conv2d(QUERIES + 3, 2, 1)))

    @property
    def metadata(self) -> ModelMetadata:
        """The interface: ab of the input's size."""
        return ModelMetadata(self.architecture, "ab", SIZE_DIVISOR, 1, input_size=INPUT_SIZE)

    def forward(self, lightness: torch.Tensor, hints: torch.Tensor | None = None) -> torch.Tensor:
        """Return ab (b, 2, h, w), unbounded, of L, (b, 1, h, w); hints are not used.

        The release multiplies the pixels (b, 256, h, w) by the colors and the 100 resulting
        channels by the weights of `refine_net`. Multiplying colors and weights first, and both
        with the pixels before these are shuffled and blurred, which is linear, gives the same
        without the two largest arrays.
        """
        gray = gray_of(lightness)
        image = torch.cat([(gray - mean) / std for mean, std in zip(MEAN, STD, strict=True)], 1)
        features = self.encoder.arch(image.to(param_dtype(self.encoder)))
        pixels, colors = self.decoder(features)
        b, _, h, w = pixels.shape
        refine = self.refine_net.get_submodule("0.0")
        assert isinstance(refine, nn.Conv2d)
        mix = refine.weight[:, :QUERIES, 0, 0] @ colors.to(refine.weight.dtype)  # (b, 2, 256)
        mixed = mix.to(pixels.dtype) @ pixels.reshape(b, WIDTH, SHUFFLE**2 * h * w)
        ab = blur(F.pixel_shuffle(mixed.view(b, 2 * SHUFFLE**2, h, w), SHUFFLE))
        result: torch.Tensor = ab + F.conv2d(image, refine.weight[:, QUERIES:], refine.bias)
        return result


class DDColorTiny(DDColor):
    """The same with ConvNeXt-T as the encoder."""

    architecture = "ddcolor-tiny"
    depths = (3, 3, 9, 3)
    widths = (96, 192, 384, 768)
