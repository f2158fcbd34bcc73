"""What a user or an old photograph adds, simulated: hints, statistics, faded and grainy L."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from colorize.training.losses import SoftTargets

GEOMETRIC = 0.125  # SIGGRAPH17: the number of hints is geometric with this p
MAX_HINTS = 60
PATCH = 9  # SIGGRAPH17: square patches of 1 to 9 pixels
LEAST_CONTRAST = 0.35  # share of the range of L that the most faded picture keeps
SHARPEN = 1.5  # the largest amount of an unsharp mask of 3×3 pixels
REVEALED = 0.01  # SIGGRAPH17: everything is shown in this share of all samples


def hints(
    ab: torch.Tensor, rng: np.random.Generator, share: float, stride: int = 4
) -> torch.Tensor:
    """Return simulated hints (b, 3, h, w): ab / 110 and the mask, of ab (b, 2, h, w).

    A `share` of the samples gets any.

    Centers are normal around the picture's middle with a quarter of its size as deviation;
    each patch is filled with its mean color (SIGGRAPH17, section 4.1). Patch sizes are in
    input pixels, of which one cell of `ab` covers `stride`.
    """
    b, _, h, w = ab.shape
    colors = ab.numpy().astype(np.float32) / 110
    result = np.zeros((b, 3, h, w), np.float32)
    for i in np.flatnonzero(rng.random(b) < share):
        if rng.random() < REVEALED / share:
            result[i, :2], result[i, 2] = colors[i], 1
            continue
        for _ in range(min(int(rng.geometric(GEOMETRIC)), MAX_HINTS)):
            side = -(-int(rng.integers(1, PATCH + 1)) // stride)
            y, x = (int(np.clip(rng.normal(n / 2, n / 4), 0, max(n - side, 0))) for n in (h, w))
            cut = np.s_[:, y : y + side, x : x + side]
            result[i, :2][cut] = colors[i][cut].mean(axis=(1, 2), keepdims=True)
            result[i, 2:][cut] = 1
    return torch.from_numpy(result)


def statistics(
    ab: torch.Tensor, targets: SoftTargets, rng: np.random.Generator, share: float
) -> torch.Tensor:
    """Return global statistics (b, 316): histogram, its mask, mean chroma / 110, its mask.

    Each of the two is given for a `share` of the samples and zero otherwise.
    """
    b = len(ab)
    chroma = ab.float().square().sum(dim=1).sqrt().mean(dim=(1, 2)) / 110
    give = torch.from_numpy((rng.random((2, b)) < share).astype(np.float32))
    histogram = targets.histogram().cpu() * give[0][:, None]
    return torch.cat(
        (histogram, give[0][:, None], (chroma * give[1])[:, None], give[1][:, None]), 1
    )


def sharpen(lightness: torch.Tensor, rng: np.random.Generator, share: float) -> torch.Tensor:
    """Return L (b, 1, h, w) with a `share` of the pictures sharpened by an unsharp mask."""
    amount = rng.uniform(0, SHARPEN, len(lightness)) * (rng.random(len(lightness)) < share)
    if not amount.any():
        return lightness
    blurred = F.avg_pool2d(F.pad(lightness, (1, 1, 1, 1), mode="replicate"), 3, 1)
    strength = torch.from_numpy(amount.astype(np.float32)).view(-1, 1, 1, 1)
    return (lightness + strength * (lightness - blurred)).clamp(0, 100)


def degrade(lightness: torch.Tensor, rng: np.random.Generator, share: float) -> torch.Tensor:
    """Return L (b, 1, h, w) with a `share` of the pictures faded, blurred and grainy."""
    result = lightness.clone()
    for i in np.flatnonzero(rng.random(len(lightness)) < share):
        result[i] = _age(lightness[i], rng)
    return result


def _age(picture: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Return one picture (1, h, w) with random gamma, contrast, blur and grain."""
    aged = 100 * (picture / 100).clamp(min=0) ** float(np.exp(rng.normal(0, 0.25)))
    contrast = 1 - (1 - LEAST_CONTRAST) * float(rng.random()) ** 2
    aged = 100 * (1 - contrast) * float(rng.random()) + contrast * aged
    if rng.random() < 0.4:
        small = F.interpolate(aged[None], scale_factor=float(rng.uniform(0.35, 0.9)), mode="area")
        aged = F.interpolate(small, size=aged.shape[1:], mode="bilinear", align_corners=False)[0]
    if rng.random() < 0.6:
        grain = rng.normal(0, rng.uniform(0.5, 5), aged.shape).astype(np.float32)
        aged = aged + torch.from_numpy(grain)
    return aged.clamp(0, 100)
