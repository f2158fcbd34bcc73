"""Metrics of a network in training, on held-out photographs at the size of its output."""

from __future__ import annotations

import torch

from colorize.decoding.annealed_mean import rebalance_offset
from colorize.models.base import Network
from colorize.models.eccv16 import AB_SCALE
from colorize.training.autocontrast import as_seen_by
from colorize.training.data.batches import CropBatch, center_crops
from colorize.training.data.dataset import PhotoDataset
from colorize.training.losses import color_loss
from colorize.training.soft_encoding import annealed_mean

BATCH_SIZE = 32
NUM_HINTS = 10  # pixels


@torch.no_grad()
def validate(
    network: Network,
    photos: PhotoDataset,
    class_weights: torch.Tensor,
    crop_size: int,
    dtype: torch.dtype = torch.bfloat16,
) -> dict[str, float]:
    """Return the loss and the errors and chroma of ab; nothing if there are no photographs.

    `val_loss_hints`, the loss with ten hinted pixels, is included for networks that take hints. The
    errors are root mean squares in ab units: `ab_error` of the annealed mean at temperature 1,
    `mean_error` of the same with the rebalancing divided out, `gray_error` of no color at all.
    `chroma` is the mean chroma over the true one.

    Args:
        network: Put into evaluation mode.
        photos: Photographs, of which the center is used.
        class_weights: (313,), on the network's device.
        crop_size: Pixels.
        dtype: Of the network's arithmetic.
    """
    network.eval()
    totals: dict[str, float] = {}
    for first in range(0, len(photos), BATCH_SIZE):
        indices = range(first, min(first + BATCH_SIZE, len(photos)))
        batch = center_crops(photos, indices, crop_size, network.metadata.output_stride)
        for key, value in _metrics(network, batch, class_weights, dtype).items():
            totals[key] = totals.get(key, 0.0) + value * len(indices) / len(photos)
    if not totals:
        return {}
    losses = {key: round(totals[key], 4) for key in totals if key.startswith("val_loss")}
    errors = {key: round(totals[key] ** 0.5, 3) for key in totals if key.endswith("_error")}
    chroma = round(totals["chroma"] / max(totals["true_chroma"], 1e-9), 3)
    return {**losses, "ab_error": errors["ab_error"], "chroma": chroma, **errors}


def _metrics(
    network: Network,
    batch: CropBatch,
    class_weights: torch.Tensor,
    dtype: torch.dtype,
) -> dict[str, float]:
    """Return the losses, mean squared errors and mean chroma of one batch."""
    device, output = class_weights.device, network.metadata.output
    lightness, truth, is_color = (x.to(device) for x in batch)
    lightness = as_seen_by(network, lightness)
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        prediction = network(lightness).float()
    result = {"val_loss": color_loss(output, prediction, truth, class_weights, is_color)}
    if network.metadata.takes_hints:
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            hinted = network(lightness, _spread_hints(truth.float())).float()
        result["val_loss_hints"] = color_loss(output, hinted, truth, class_weights, is_color)
    ab = mean = prediction
    if output == "logits":
        ab = annealed_mean(prediction)
        offset = rebalance_offset(class_weights.cpu().numpy(), 0.0)
        mean = annealed_mean(prediction, log_offset=offset)
    result |= {
        "ab_error": (ab - truth).square().mean(),
        "mean_error": (mean - truth).square().mean(),
        "gray_error": truth.float().square().mean(),
        "chroma": ab.norm(dim=1).mean(),
        "true_chroma": truth.float().norm(dim=1).mean(),
    }
    return {key: float(value) for key, value in result.items()}


def _spread_hints(ab: torch.Tensor) -> torch.Tensor:
    """Return the true colors of ten fixed pixels, spread over the picture, as hints."""
    _, _, h, w = ab.shape
    i = torch.arange(NUM_HINTS)
    y, x = (i * 0.618 % 1 * h).long(), ((i + 0.5) / NUM_HINTS * w).long()
    hints = ab.new_zeros(len(ab), 3, h, w)
    hints[:, :2, y, x] = ab[:, :, y, x] / AB_SCALE
    hints[:, 2, y, x] = 1
    return hints
