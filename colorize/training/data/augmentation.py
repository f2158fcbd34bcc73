"""Data augmentation: random crops, simulated degradation of L, and simulated color hints.

Everything works on batches of torch tensors, on any device.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn import functional as F

from colorize.color.lab import LUMINANCE, RGB_FROM_WHITE_RELATIVE
from colorize.training.autocontrast import stretch_lightness
from colorize.training.config import TrainConfig

MAX_STRETCH = 4 / 3  # of a random resized crop's aspect ratio against the photograph's
MAX_SHARPENING = 1.5  # amount of the unsharp mask
MIN_CONTRAST = 0.35  # share of its range of L that the most faded photograph keeps
MAX_BLUR = 1.5  # standard deviation, pixels
BLUR_RADIUS = 3  # pixels, twice `MAX_BLUR`
MAX_GRAIN = 6.0  # standard deviation, units of L

# SIGGRAPH17, section 4.1: the number of hints is geometric; they are square patches.
HINT_COUNT_P = 0.125
MAX_HINTS = 60
MAX_PATCH = 9  # pixels
FULL_HINT_PROB = 0.01  # all colors are given
AB_SCALE = 110  # networks take ab / 110


class BatchRng:
    """Random numbers for the samples of a batch that don't depend on how a step is split.

    Each number is drawn for all samples of the step, of which the batch gets its own. So two
    processes with half of the step each train on the same as one process with all of it.
    """

    def __init__(self, seed: int, step: int, total: int, rows: slice, device: torch.device):
        """Start the stream of a step.

        Args:
            seed: The run's seed.
            step: The number of the step.
            total: The number of samples in the step.
            rows: Which of them the batch has.
            device: Where numbers are drawn; other devices draw other numbers.
        """
        state = np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0]
        self.generator = torch.Generator(device).manual_seed(int(state >> np.uint64(1)))
        self.total, self.rows, self.device = total, rows, device

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        """Return uniform numbers in [low, high), (b, *shape)."""
        drawn = torch.rand((self.total, *shape), generator=self.generator, device=self.device)
        return drawn[self.rows] * (high - low) + low

    def normal(self, *shape: int) -> torch.Tensor:
        """Return standard normal numbers, (b, *shape)."""
        drawn = torch.randn((self.total, *shape), generator=self.generator, device=self.device)
        return drawn[self.rows]

    def chosen(self, prob: float) -> torch.Tensor:
        """Return which samples are chosen with a probability, (b, 1, 1, 1) bool."""
        return self.uniform(1, 1, 1) < prob


def random_boxes(
    sizes: torch.Tensor, config: TrainConfig, rng: BatchRng
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return random parts of photographs: the upper left corners and the sizes, (b, 2) pixels.

    A part is the whole photograph, a random resized crop (a random share of the area, stretched),
    or a plain crop at whole pixels, by the config's probabilities. sizes: (b, 2), height and width.
    """
    whole = rng.uniform(1) < config.whole_photo_prob
    resized = rng.uniform(1) < config.random_resized_crop_prob
    area = rng.uniform(1, low=config.min_crop_area)
    limit = math.log(MAX_STRETCH)
    stretch = rng.uniform(1, low=-limit, high=limit).exp()
    shares = torch.cat(((area / stretch).sqrt(), (area * stretch).sqrt()), dim=1).clamp(max=1)
    photo = sizes.float()
    plain = torch.full_like(photo, config.crop_size)
    box = torch.where(whole, photo, torch.where(resized, shares * photo, plain))
    start = rng.uniform(2)
    any_corner = start * (photo - box)
    whole_pixel = (start * (photo - box + 1)).floor().minimum(photo - box)
    return torch.where(whole | resized, any_corner, whole_pixel), box


def center_boxes(sizes: torch.Tensor, crop_size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the square crops in the middle of photographs, see `random_boxes`."""
    start = (sizes - crop_size).div(2, rounding_mode="floor").float()
    return start, torch.full_like(start, crop_size)


def crop_and_resize(
    photos: torch.Tensor, start: torch.Tensor, box: torch.Tensor, size: int, mirrored: torch.Tensor
) -> torch.Tensor:
    """Return parts of photographs as squares, by bicubic interpolation.

    Args:
        photos: Lab in bytes, (b, 3, h, w): L · 2.55, a + 128, b + 128.
        start: The parts' upper left corners (y, x), (b, 2), in pixels.
        box: The parts' heights and widths, (b, 2), in pixels.
        size: Side of the result in pixels.
        mirrored: Which parts are mirrored, (b, 1) bool.

    Returns:
        Lab, (b, 3, size, size) float32, possibly a little outside its range.
    """
    b, _, h, w = photos.shape
    steps = (torch.arange(size, device=photos.device) + 0.5) / size
    y = start[:, :1] + steps * box[:, :1]  # (b, size), pixels from the upper edge
    x = start[:, 1:] + steps * box[:, 1:]
    x = torch.where(mirrored, x.flip(1), x)
    grid = torch.stack(
        (
            (2 * x / w - 1)[:, None].expand(b, size, size),
            (2 * y / h - 1)[:, :, None].expand(b, size, size),
        ),
        dim=3,
    )
    lab = F.grid_sample(
        photos.float(), grid, mode="bicubic", padding_mode="border", align_corners=False
    )
    scale = lab.new_tensor((1 / 2.55, 1, 1)).view(3, 1, 1)
    return lab * scale - lab.new_tensor((0, 128, 128)).view(3, 1, 1)


def augment_lightness(lab: torch.Tensor, config: TrainConfig, rng: BatchRng) -> torch.Tensor:
    """Return L as a network sees it in training, (b, 1, h, w) in [0, 100], of Lab (b, 3, h, w)."""
    lightness = lab[:, :1].clamp(0, 100)
    if config.spectral_prob > 0:
        lightness = random_spectral_response(lab, config.spectral_prob, rng)
    if config.sharpen_prob > 0:
        lightness = sharpen(lightness, config.sharpen_prob, rng)
    if config.degrade_prob > 0:
        lightness = degrade(lightness, config.degrade_prob, rng)
    if config.noise_std > 0:
        # Photographs are JPEGs: their blocks show in L, and a network that sees the same ones
        # again and again would read their colors off the blocks. Noise hides those.
        std = rng.uniform(1, 1, 1, high=config.noise_std)
        lightness = lightness + std * rng.normal(*lightness.shape[1:])
    lightness = lightness.clamp(0, 100)
    if config.input_autocontrast > 0:
        amount = rng.uniform(1, 1, 1, low=config.input_autocontrast)
        lightness = stretch_lightness(lightness, amount)
    return lightness


def random_spectral_response(lab: torch.Tensor, prob: float, rng: BatchRng) -> torch.Tensor:
    """Return L of Lab as recorded by a film with random weights of red, green and blue.

    Orthochromatic film, used for early photographs, is insensitive to red; scanners and converters
    have other weights.

    Args:
        lab: (b, 3, h, w).
        prob: The probability of each sample to change.
        rng: Draws the weights, between the eye's and arbitrary ones.
    """
    f = (lab[:, :1] + 16) / 116
    f = torch.cat((f + lab[:, 1:2] / 500, f, f - lab[:, 2:] / 200), dim=1)
    xyz = torch.where(f > 6 / 29, f**3, (f - 4 / 29) * (3 * (6 / 29) ** 2))  # relative to white
    to_rgb = lab.new_tensor(RGB_FROM_WHITE_RELATIVE)
    rgb = torch.einsum("ij,bjhw->bihw", to_rgb, xyz).clamp(0, 1)  # linear
    film = rng.uniform(3).clamp(min=1e-3).log().neg()
    film = film / film.sum(dim=1, keepdim=True)  # uniform over all mixtures
    weights = lab.new_tensor(LUMINANCE).lerp(film, rng.uniform(1))
    luminance = (rgb * weights[:, :, None, None]).sum(dim=1, keepdim=True)
    cube_root = luminance.clamp(min=1e-6) ** (1 / 3)
    seen = torch.where(luminance > (6 / 29) ** 3, 116 * cube_root - 16, 903.3 * luminance)
    return torch.where(rng.chosen(prob), seen, lab[:, :1]).clamp(0, 100)


def sharpen(lightness: torch.Tensor, prob: float, rng: BatchRng) -> torch.Tensor:
    """Return L, (b, 1, h, w), sharpened with a probability by an unsharp mask of 3×3 pixels."""
    blurred = F.avg_pool2d(F.pad(lightness, (1, 1, 1, 1), mode="replicate"), 3, 1)
    amount = rng.uniform(1, 1, 1, high=MAX_SHARPENING) * rng.chosen(prob)
    return (lightness + amount * (lightness - blurred)).clamp(0, 100)


def degrade(lightness: torch.Tensor, prob: float, rng: BatchRng) -> torch.Tensor:
    """Return L, (b, 1, h, w), degraded with a probability like an old photograph.

    A random gamma and fading; half of the degraded ones are blurred, 60 % are grainy.
    """
    gamma = (0.25 * rng.normal(1, 1, 1)).exp()
    contrast = 1 - (1 - MIN_CONTRAST) * rng.uniform(1, 1, 1) ** 2
    black = 100 * (1 - contrast) * rng.uniform(1, 1, 1)
    faded = black + 100 * contrast * (lightness / 100).clamp(min=1e-4) ** gamma
    std = rng.uniform(1, low=0.3, high=MAX_BLUR)
    blurred = torch.where(rng.chosen(0.5), gaussian_blur(faded, std), faded)
    fine = rng.normal(*lightness.shape[1:])
    coarse = 2 * F.avg_pool2d(fine, 3, 1, padding=1)
    grain = torch.where(rng.chosen(0.5), fine, coarse) * rng.uniform(1, 1, 1, high=MAX_GRAIN)
    degraded = (blurred + grain * rng.chosen(0.6)).clamp(0, 100)
    return torch.where(rng.chosen(prob), degraded, lightness)


def gaussian_blur(lightness: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    """Return L, (b, 1, h, w), blurred by a Gaussian; std: (b, 1), pixels, up to `MAX_BLUR`."""
    b, _, h, w = lightness.shape
    r = BLUR_RADIUS
    taps = torch.arange(-r, r + 1, device=lightness.device)
    kernel = (-(taps**2) / (2 * std**2)).exp()  # (b, 7)
    kernel = kernel / kernel.sum(dim=1, keepdim=True)
    x = F.pad(lightness, (r, r, r, r), mode="replicate").view(1, b, h + 2 * r, w + 2 * r)
    x = F.conv2d(x, kernel.view(b, 1, -1, 1), groups=b)
    return F.conv2d(x, kernel.view(b, 1, 1, -1), groups=b).view(b, 1, h, w)


def simulate_hints(ab: torch.Tensor, prob: float, rng: BatchRng) -> torch.Tensor:
    """Return color hints as a user might give them, (b, 3, h, w): ab / 110 and a mask of 0 or 1.

    Square patches of their mean color, around the middle, and rarely all colors (SIGGRAPH17,
    section 4.1).

    Args:
        ab: The true colors, (b, 2, h, w).
        prob: The probability of each sample to have hints.
        rng: Draws them.
    """
    h, w = ab.shape[2:]
    hinted = rng.chosen(prob).flatten()
    full = rng.chosen(FULL_HINT_PROB).flatten()
    # The inverse of the geometric distribution function.
    counts = (rng.uniform().clamp(min=1e-6).log() / math.log(1 - HINT_COUNT_P)).ceil()
    counts = torch.where(hinted & ~full, counts.clamp(1, MAX_HINTS), 0).long()
    sides = rng.uniform(MAX_HINTS, low=1, high=MAX_PATCH + 1).long()  # (b, 60)
    middle = ab.new_tensor((h, w), dtype=torch.float32) / 2
    corners = (middle + rng.normal(MAX_HINTS, 2) * middle / 2).long().clamp(min=0)  # (b, 60, 2)
    colors = ab.float() / AB_SCALE
    hints = torch.cat((colors, torch.ones_like(colors[:, :1])), dim=1)
    hints = hints * (hinted & full)[:, None, None, None]
    for i, count in enumerate(counts.tolist()):
        patches = zip(corners[i, :count].tolist(), sides[i, :count].tolist(), strict=True)
        for (y, x), side in patches:
            y, x = min(y, h - side), min(x, w - side)
            patch = colors[i, :, y : y + side, x : x + side]
            hints[i, :2, y : y + side, x : x + side] = patch.mean(dim=(1, 2), keepdim=True)
            hints[i, 2, y : y + side, x : x + side] = 1
    return hints
