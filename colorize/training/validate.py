"""Figures of a network in training, on held-out photographs at the output's own size."""

from __future__ import annotations

from typing import Any

import torch

from colorize.decoding.annealed_mean import rebalance_offset
from colorize.training import data
from colorize.training.losses import color_loss
from colorize.training.soft_encoding import annealed_mean

LIMIT = 400  # photographs
BATCH = 32


@torch.no_grad()
def validate(
    network: Any,
    photographs: data.Photographs,
    class_weights: torch.Tensor,
    crop: int,
    dtype: torch.dtype = torch.bfloat16,
) -> dict[str, float]:
    """Return the loss without hints, with ten hinted cells, and the error and chroma of ab.

    `val_loss_hints` is there for networks that take hints. `ab_error`: root mean square, ab
    units, of the annealed mean at temperature 1; `mean_error`: the same with the rebalancing
    divided away; `gray_error`: that of no color at all; `chroma`: mean chroma over the
    truth's. dtype: of the network's arithmetic. Without photographs there are no figures.
    """
    network.eval()
    totals: dict[str, float] = {}
    count = min(len(photographs), LIMIT)
    if count == 0:
        return {}
    for first in range(0, count, BATCH):
        indices = range(first, min(first + BATCH, count))
        batch = data.crop_batch(photographs, indices, crop, None)
        for key, value in _figures(network, batch, class_weights, dtype).items():
            totals[key] = totals.get(key, 0.0) + value * len(indices) / count
    chroma = totals["chroma"] / max(totals["truth"], 1e-9)
    losses = {key: round(totals[key], 4) for key in totals if key.startswith("val_loss")}
    errors = {key: round(totals[key] ** 0.5, 3) for key in totals if key.endswith("_error")}
    return {**losses, "ab_error": errors["ab_error"], "chroma": round(chroma, 3), **errors}


def _figures(
    network: Any, batch: data.Batch, class_weights: torch.Tensor, dtype: torch.dtype
) -> dict[str, float]:
    """Return the losses, mean squared errors and mean chroma of one batch."""
    metadata, device = network.metadata, class_weights.device
    lightness, truth = batch.lightness.to(device), batch.ab.to(device)
    colored = batch.colored.to(device)
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        answer = network(lightness).float()
        takes = metadata.takes_hints
        hinted = network(lightness, _ten_hints(truth.float())).float() if takes else None
    result = {"val_loss": color_loss(metadata.output, answer, truth, class_weights, colored)}
    if hinted is not None:
        result["val_loss_hints"] = color_loss(
            metadata.output, hinted, truth, class_weights, colored
        )
    ab = mean = answer
    if metadata.output == "logits":
        ab = annealed_mean(answer)
        offset = rebalance_offset(class_weights.cpu().numpy(), 0.0)
        mean = annealed_mean(answer, log_offset=offset)
    result |= {
        "ab_error": (ab - truth).square().mean(),
        "mean_error": (mean - truth).square().mean(),
        "gray_error": truth.float().square().mean(),
        "chroma": ab.norm(dim=1).mean(),
        "truth": truth.float().norm(dim=1).mean(),
    }
    return {key: float(value) for key, value in result.items()}


def _ten_hints(ab: torch.Tensor) -> torch.Tensor:
    """Return hints at ten fixed, spread cells."""
    _, _, h, w = ab.shape
    cells = torch.arange(10)
    y, x = (cells * 0.618 % 1 * h).long(), ((cells + 0.5) / 10 * w).long()
    hints = ab.new_zeros(len(ab), 3, h, w)
    hints[:, :2, y, x] = ab[:, :, y, x] / 110
    hints[:, 2, y, x] = 1
    return hints
