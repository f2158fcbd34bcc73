"""A training set that stays in the device's memory, where crops, aging and hints are made.

For a GPU: 40,000 photographs of 160×213 take 7 GB, and a batch is a few milliseconds. What is
drawn is as on the CPU in kind (`data`, `simulate`), with more of it: any part of a photograph,
and the grays of films that see colors unlike the eye.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from colorize.color.lab import RGB_FROM_WHITE_RELATIVE
from colorize.training import data
from colorize.training.augmentation import GEOMETRIC, LEAST_CONTRAST, MAX_HINTS, PATCH, SHARPEN
from colorize.training.config import Settings
from colorize.training.losses import SoftTargets
from colorize.training.prior import prior_of_counts
from colorize.training.steps import Examples, batch_indices

STRIDE = 4  # input pixels per pixel of the targets
SMALLEST = 0.5  # share of a photograph's area that a crop has at least
ASPECT = 4 / 3  # a crop's aspect over the photograph's, at most, either way
WHOLE = 0.25  # share of the crops that are the whole photograph
GRAIN = 1.0  # L; the deviation of what is added to every picture, at most
# Each L comes from a picture that was compressed in color, whose blocks show in L; a network
# trained on the same pictures again and again would read colors off them. Some grain hides them.


@dataclass(frozen=True)
class Resident:
    """Photographs on a device, all in squares of one size, repeated beyond their edges."""

    lab: torch.Tensor  # (n, 3, side, side) uint8: L · 2.55, a + 128, b + 128
    sizes: torch.Tensor  # (n, 2) float32: heights and widths

    def __len__(self) -> int:
        return len(self.lab)


def reside(photographs: data.Photographs, device: torch.device, at_once: int = 512) -> Resident:
    """Return the photographs, whose ab is of full size (stride 1), in the device's memory."""
    side = max(max(gray.shape) for gray in photographs.lightness)
    lab = torch.empty((len(photographs), 3, side, side), dtype=torch.uint8, device=device)
    for first in range(0, len(photographs), at_once):
        some = range(first, min(first + at_once, len(photographs)))
        squares = [
            _square(photographs.lightness[i], photographs.ab[i], side) for i in some
        ]  # fmt: skip
        lab[first : first + len(squares)] = torch.from_numpy(np.stack(squares)).to(device)
    sizes = torch.tensor([gray.shape for gray in photographs.lightness], dtype=torch.float32)
    return Resident(lab, sizes.to(device))


def prior_of(photographs: Resident, at_once: int = 512) -> torch.Tensor:
    """Return the bins' shares of all cells, as `prior.compute_prior` does, on the CPU."""
    counts = torch.zeros(65536, dtype=torch.int64, device=photographs.lab.device)
    side = photographs.lab.shape[-1] // STRIDE
    position = torch.arange(side, device=counts.device)
    for lab, sizes in zip(
        torch.split(photographs.lab, at_once), torch.split(photographs.sizes, at_once), strict=True
    ):
        ab = F.avg_pool2d(lab[:, 1:].float(), STRIDE).round().long()  # (b, 2, side, side), + 128
        cells = sizes.long() // STRIDE  # (b, 2)
        inside = (position < cells[:, :1])[:, :, None] & (position < cells[:, 1:])[:, None, :]
        index = (ab[:, 0] * 256 + ab[:, 1])[inside]
        counts += torch.bincount(index, minlength=65536)
    return prior_of_counts(counts.cpu())


def _square(lightness: data.Bytes, ab: data.SignedBytes, side: int) -> data.Bytes:
    """Return (3, side, side) with the edges repeated to the right and below."""
    h, w = lightness.shape
    result = np.empty((3, side, side), np.uint8)
    result[0, :h, :w] = lightness
    result[1:, :h, :w] = ab.view(np.uint8) ^ 128  # that is, + 128
    result[:, :h, w:] = result[:, :h, w - 1 : w]
    result[:, h:] = result[:, h - 1 : h]
    return result


class ResidentSteps:
    """The batches of a run, made on the device; each step by itself, whichever came before."""

    def __init__(self, photographs: Resident, settings: Settings):
        """Start at no step; `settings` are those of `compact`, in one process."""
        self.photographs, self.settings = photographs, settings
        self.generator = torch.Generator(photographs.lab.device)

    def steps(self, first: int) -> Iterator[list[Examples]]:
        """Yield the steps from `first` to the last."""
        for step in range(first, self.settings.steps):
            yield self.step(step)

    @torch.no_grad()
    def step(self, step: int) -> list[Examples]:
        """Return the batches of a step."""
        settings, photographs = self.settings, self.photographs
        self.generator.manual_seed(settings.seed * 1_000_003 + step)
        indices = torch.from_numpy(
            batch_indices(len(photographs), settings.photographs_a_step, step, settings.seed)
        ).to(photographs.lab.device)
        return [self._batch(some) for some in torch.split(indices, settings.batch)]

    def _batch(self, indices: torch.Tensor) -> Examples:
        """Return crops of the photographs with what is simulated."""
        settings, draw = self.settings, self.generator
        lab = crops(self.photographs, indices, settings.crop, draw)
        ab = F.avg_pool2d(lab[:, 1:], STRIDE).round().clamp(-128, 127).to(torch.int8)
        seen = film(lab, settings.filmed, draw)
        seen = sharpen(seen, settings.sharpened, draw)
        seen = degrade(seen, settings.degraded, draw)
        seen = seen + torch.randn(seen.shape, device=seen.device, generator=draw) * (
            GRAIN * _uniform(draw, len(seen), 1, 1, 1)
        )
        given = hints(ab.float(), settings.hinted, draw)
        told = statistics(ab, settings.with_statistics, draw)
        colored = (ab.abs().flatten(1).amax(dim=1) > data.GRAY_LIMIT).float()
        return Examples((seen.clamp(0, 100), given, told), lab[:, :1].clamp(0, 100), ab, colored)


def _uniform(draw: torch.Generator, *shape: int, low: float = 0, high: float = 1) -> torch.Tensor:
    """Return numbers between `low` and `high` on the generator's device."""
    return torch.rand(shape, device=draw.device, generator=draw) * (high - low) + low


def crops(
    photographs: Resident, indices: torch.Tensor, size: int, draw: torch.Generator
) -> torch.Tensor:
    """Return parts of photographs stretched to squares, half of them mirrored.

    Lab, (b, 3, size, size). A quarter are whole; the others have half to all of the area.
    """
    b = len(indices)
    squares, sizes = photographs.lab[indices].float(), photographs.sizes[indices]  # (b, 2)
    area = _uniform(draw, b, low=SMALLEST)
    area = torch.where(_uniform(draw, b) < WHOLE, torch.ones_like(area), area)
    limit = float(np.log(ASPECT))
    aspect = _uniform(draw, b, low=-limit, high=limit).exp() * (area < 1) + (area == 1)
    share = torch.stack(((area / aspect).sqrt(), (area * aspect).sqrt()), 1).clamp(max=1)  # (b, 2)
    part = share * sizes
    start = _uniform(draw, b, 2) * (sizes - part)
    steps = (torch.arange(size, device=draw.device) + 0.5) / size  # (size,)
    y = start[:, :1] + steps * part[:, :1]  # (b, size), in pixels, 0 is the upper edge
    x = start[:, 1:] + steps * part[:, 1:]
    x = torch.where((_uniform(draw, b) < 0.5)[:, None], x.flip(1), x)
    side = squares.shape[-1]
    grid = torch.stack(
        (x[:, None, :].expand(b, size, size), y[:, :, None].expand(b, size, size)), 3
    )
    lab = F.grid_sample(
        squares, 2 * grid / side - 1, mode="bicubic", padding_mode="border", align_corners=False
    )
    scale = lab.new_tensor((1 / 2.55, 1, 1)).view(3, 1, 1)
    return lab * scale - lab.new_tensor((0, 128, 128)).view(3, 1, 1)


def film(lab: torch.Tensor, share: float, draw: torch.Generator) -> torch.Tensor:
    """Return L (b, 1, h, w) of Lab (b, 3, h, w), a `share` as a film sees it.

    The film weighs red, green and blue anew: orthochromatic ones, those of the first
    photographs, are blind to red; scanners and converters mean other things by gray than L.
    """
    b = len(lab)
    lightness = lab[:, :1]
    if share == 0:
        return lightness
    f = (lightness + 16) / 116
    f = torch.cat((f + lab[:, 1:2] / 500, f, f - lab[:, 2:] / 200), 1)
    xyz = torch.where(f > 6 / 29, f**3, (f - 4 / 29) * (3 * (6 / 29) ** 2))
    to_rgb = lab.new_tensor(RGB_FROM_WHITE_RELATIVE)
    rgb = torch.einsum("ij,bjhw->bihw", to_rgb, xyz).clamp(0, 1)  # linear
    usual = lab.new_tensor((0.213, 0.715, 0.072))
    other = _uniform(draw, b, 3).clamp(min=1e-3).log().neg()  # any mixture, all as likely
    other = other / other.sum(dim=1, keepdim=True)
    weights = usual.lerp(other, _uniform(draw, b, 1))
    gray = (rgb * weights[:, :, None, None]).sum(dim=1, keepdim=True)
    root = gray.clamp(min=1e-6) ** (1 / 3)
    seen = torch.where(gray > (6 / 29) ** 3, 116 * root - 16, 903.3 * gray)
    return torch.where(_chosen(b, share, draw), seen, lightness)


def _chosen(b: int, share: float, draw: torch.Generator) -> torch.Tensor:
    """Return which of the pictures are among the `share`, (b, 1, 1, 1)."""
    return _uniform(draw, b, 1, 1, 1) < share


def sharpen(lightness: torch.Tensor, share: float, draw: torch.Generator) -> torch.Tensor:
    """Return L (b, 1, h, w) with a `share` of the pictures sharpened by an unsharp mask."""
    amount = _uniform(draw, len(lightness), 1, 1, 1, high=SHARPEN)
    blurred = F.avg_pool2d(F.pad(lightness, (1, 1, 1, 1), mode="replicate"), 3, 1)
    amount = amount * _chosen(len(lightness), share, draw)
    return (lightness + amount * (lightness - blurred)).clamp(0, 100)


def degrade(lightness: torch.Tensor, share: float, draw: torch.Generator) -> torch.Tensor:
    """Return L (b, 1, h, w) with a `share` of the pictures faded, blurred and grainy."""
    b = len(lightness)
    gamma = (torch.randn((b, 1, 1, 1), device=draw.device, generator=draw) * 0.25).exp()
    contrast = 1 - (1 - LEAST_CONTRAST) * _uniform(draw, b, 1, 1, 1) ** 2
    low = 100 * (1 - contrast) * _uniform(draw, b, 1, 1, 1)
    aged = low + 100 * contrast * (lightness / 100).clamp(min=1e-4) ** gamma
    aged = torch.where(_chosen(b, 0.5, draw), aged, _blurred(aged, draw))
    grain = torch.randn(aged.shape, device=draw.device, generator=draw)
    grain = torch.where(_chosen(b, 0.5, draw), grain, 2 * F.avg_pool2d(grain, 3, 1, padding=1))
    aged = aged + grain * _uniform(draw, b, 1, 1, 1, high=6) * _chosen(b, 0.6, draw)
    return torch.where(_chosen(b, share, draw), aged.clamp(0, 100), lightness)


def _blurred(lightness: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
    """Return L (b, 1, h, w), each with a Gaussian blur of a deviation of up to 1.5 pixels."""
    b, _, h, w = lightness.shape
    taps = torch.arange(-3, 4, device=draw.device)
    kernel = (-(taps**2) / (2 * _uniform(draw, b, 1, low=0.3, high=1.5) ** 2)).exp()  # (b, 7)
    kernel = kernel / kernel.sum(dim=1, keepdim=True)
    x = F.pad(lightness, (3, 3, 3, 3), mode="replicate").view(1, b, h + 6, w + 6)
    x = F.conv2d(F.conv2d(x, kernel.view(b, 1, 7, 1), groups=b), kernel.view(b, 1, 1, 7), groups=b)
    return x.view(b, 1, h, w)


def hints(ab: torch.Tensor, share: float, draw: torch.Generator) -> torch.Tensor:
    """Return simulated hints (b, 3, h, w): ab / 110 and the mask, of ab (b, 2, h, w).

    As `simulate.hints`, but that all hints of a picture have one size and lie anywhere.
    """
    b, _, h, w = ab.shape
    chance = _uniform(draw, b).clamp(min=1e-6).log() / float(np.log(1 - GEOMETRIC))
    count = chance.ceil().clamp(1, MAX_HINTS) * (_uniform(draw, b) < share)  # geometric
    hit = _uniform(draw, b, 1, h, w) < (count / (h * w)).view(b, 1, 1, 1)
    large = _uniform(draw, b, 1, 1, 1) < 0.5
    side = -(-PATCH // STRIDE)
    spread = F.max_pool2d(hit.float(), side, 1, padding=side // 2)
    mask = torch.where(large, spread, hit.float())
    mean = F.avg_pool2d(ab, side, 1, padding=side // 2, count_include_pad=False)
    return torch.cat((torch.where(large, mean, ab) / 110 * mask, mask), 1)


def statistics(ab: torch.Tensor, share: float, draw: torch.Generator) -> torch.Tensor:
    """Return global statistics (b, 316) of whole ab (b, 2, h, w), as `simulate.statistics`."""
    b = len(ab)
    chroma = ab.float().square().sum(dim=1).sqrt().mean(dim=(1, 2)) / 110
    give = (_uniform(draw, 2, b) < share).float()
    histogram = SoftTargets(ab).histogram() * give[0][:, None]
    return torch.cat(
        (histogram, give[0][:, None], (chroma * give[1])[:, None], give[1][:, None]), 1
    )
