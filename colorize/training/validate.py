"""Figures of a network in training, on held-out photographs at the output's own size."""

from __future__ import annotations

import torch

from colorize.gamut import decode
from colorize.training import data
from colorize.training.losses import ColourTargets, rebalanced_cross_entropy

LIMIT = 400  # photographs
BATCH = 32


@torch.no_grad()
def validate(
    network: torch.nn.Module, photographs: data.Photographs, class_weights: torch.Tensor, crop: int
) -> dict[str, float]:
    """Return the loss without hints, with ten hinted cells, and the error and chroma of ab.

    `ab_error`: root mean square of the annealed mean at temperature 1, ab units; `chroma`: mean
    chroma over the truth's.
    """
    network.eval()
    totals = {"val_loss": 0.0, "val_loss_hints": 0.0, "squared": 0.0, "chroma": 0.0, "truth": 0.0}
    count = min(len(photographs), LIMIT)
    device = class_weights.device
    for first in range(0, count, BATCH):
        indices = range(first, min(first + BATCH, count))
        batch = data.crop_batch(photographs, indices, crop, None)
        share = len(indices) / count
        targets, coloured = ColourTargets(batch.ab.to(device)), batch.coloured.to(device)
        lightness, truth = batch.lightness.to(device), batch.ab.float().to(device)
        with torch.autocast(device.type, torch.bfloat16):
            logits = network(lightness).float()
            hinted = network(lightness, _ten_hints(truth)).float()
        loss = rebalanced_cross_entropy(logits, targets, class_weights, coloured)
        totals["val_loss"] += share * float(loss)
        loss = rebalanced_cross_entropy(hinted, targets, class_weights, coloured)
        totals["val_loss_hints"] += share * float(loss)
        ab = decode(logits)
        totals["squared"] += share * float((ab - truth).square().mean())
        totals["chroma"] += share * float(ab.norm(dim=1).mean())
        totals["truth"] += share * float(truth.norm(dim=1).mean())
    return {
        "val_loss": round(totals["val_loss"], 4),
        "val_loss_hints": round(totals["val_loss_hints"], 4),
        "ab_error": round(totals["squared"] ** 0.5, 3),
        "chroma": round(totals["chroma"] / max(totals["truth"], 1e-9), 3),
    }


def _ten_hints(ab: torch.Tensor) -> torch.Tensor:
    """Return hints at ten fixed, spread cells."""
    _, _, h, w = ab.shape
    cells = torch.arange(10)
    y, x = (cells * 0.618 % 1 * h).long(), ((cells + 0.5) / 10 * w).long()
    hints = ab.new_zeros(len(ab), 3, h, w)
    hints[:, :2, y, x] = ab[:, :, y, x] / 110
    hints[:, 2, y, x] = 1
    return hints
