"""The training losses: rebalanced cross-entropy, with distillation, and the Huber loss of ab."""

from __future__ import annotations

import functools
from typing import Literal

import torch
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F

from colorize.training.soft_encoding import soft_encode_table

HUBER_DELTA = 1.0  # ab units; smaller errors count squared, larger ones by their size


class SoftTargets:
    """Soft-encoded targets of a batch, looked up from whole ab values."""

    def __init__(self, ab: torch.Tensor):
        """ab: (b, 2, h, w), whole values in -128..127."""
        bins, weights = _table(ab.device)
        index = ((ab[:, 0].long() + 128) * 256 + ab[:, 1].long() + 128).flatten()
        b, _, h, w = ab.shape
        self.bins = bins[index].view(b, h, w, -1)  # (b, h, w, 5), nearest first
        self.weights = weights[index].view(b, h, w, -1)  # (b, h, w, 5)


@functools.cache
def _table(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    bins, weights = soft_encode_table()
    return bins.to(device), weights.to(device)


def color_loss(
    output: Literal["logits", "ab"],
    prediction: torch.Tensor,
    ab: torch.Tensor,
    class_weights: torch.Tensor,
    is_color: torch.Tensor,
) -> torch.Tensor:
    """Return the loss of a prediction against the true colors, a scalar.

    Args:
        output: What the network predicts: logits of the bins, or ab.
        prediction: (b, 313, h, w) or (b, 2, h, w).
        ab: (b, 2, h, w), whole values in ab units.
        class_weights: (313,), for logits.
        is_color: (b,), 0 for gray photographs, which don't count.
    """
    if output == "ab":
        return huber_loss(prediction, ab, is_color)
    return rebalanced_cross_entropy(prediction, SoftTargets(ab), class_weights, is_color)


def rebalanced_cross_entropy(
    logits: torch.Tensor,
    targets: SoftTargets,
    class_weights: torch.Tensor,
    is_color: torch.Tensor,
) -> torch.Tensor:
    """Return the mean over the pixels of w(q*) · H(soft target, softmax(logits)).

    q* is the pixel's most likely bin (ECCV16, eq. 2 and 3).

    Args:
        logits: (b, 313, h, w).
        targets: Of the same height and width.
        class_weights: (313,).
        is_color: (b,), 0 for gray photographs, which don't count.
    """
    # Channels last: the softmax and the look-up then run along memory.
    log_probabilities = logits.movedim(1, -1).log_softmax(dim=-1)  # (b, h, w, 313)
    at_targets = log_probabilities.gather(-1, targets.bins)
    cross_entropy = -(at_targets * targets.weights).sum(dim=-1)  # (b, h, w)
    return mean_over_color_photos(class_weights[targets.bins[..., 0]] * cross_entropy, is_color)


def distillation_loss(
    logits: torch.Tensor,
    targets: SoftTargets,
    class_weights: torch.Tensor,
    is_color: torch.Tensor,
    teacher: torch.Tensor,
    weight: float,
) -> torch.Tensor:
    """Return (1 - weight) · `rebalanced_cross_entropy` + weight · KL(teacher ‖ network).

    The second term is the distance between both softmax distributions at temperature 1, over the
    same pixels (Hinton, Vinyals, Dean, *Distilling the Knowledge in a Neural Network*, 2015). No
    gradient flows to the teacher.

    Args:
        logits: (b, 313, h, w) float32.
        targets: Of the same height and width.
        class_weights: (313,).
        is_color: (b,), 0 for gray photographs, which don't count.
        teacher: The teacher's logits, (b, 313, h, w) float32.
        weight: Of the distance to the teacher, 0 to 1.
    """
    target_weights = (1 - weight) * class_weights[targets.bins[..., :1]] * targets.weights
    losses: torch.Tensor = _DistillationLoss.apply(
        logits.movedim(1, -1), targets.bins, target_weights, teacher.movedim(1, -1), weight
    )
    return mean_over_color_photos(losses, is_color)


class _DistillationLoss(torch.autograd.Function):
    """Each pixel's cross-entropy with a few targets, plus its distance to a teacher.

    The gradient of a softmax is known in closed form: one pass computes it together with the loss,
    in about a third of the time that autograd takes for both losses on a CPU.
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        logits: torch.Tensor,
        bins: torch.Tensor,
        weights: torch.Tensor,
        teacher: torch.Tensor,
        weight: float,
    ) -> torch.Tensor:
        """Return the losses, (b, h, w).

        Args:
            ctx: Keeps the gradient.
            logits: (b, h, w, 313).
            bins: The targets' bins, (b, h, w, 5).
            weights: The targets' weights, (b, h, w, 5).
            teacher: The teacher's logits, (b, h, w, 313).
            weight: The weight of the distance to the teacher.
        """
        log_q = logits.log_softmax(dim=-1)
        log_p = teacher.log_softmax(dim=-1)
        p = log_p.exp()
        losses = -(log_q.gather(-1, bins) * weights).sum(dim=-1)
        losses += weight * log_p.sub_(log_q).mul_(p).sum(dim=-1)
        gradient = log_q.exp_().mul_(weights.sum(dim=-1, keepdim=True) + weight)
        gradient.sub_(p, alpha=weight)
        ctx.save_for_backward(gradient.scatter_add_(-1, bins, -weights))
        return losses

    @staticmethod
    def backward(
        ctx: FunctionCtx, grad_output: torch.Tensor
    ) -> tuple[torch.Tensor, None, None, None, None]:
        """Return the gradient with respect to the logits."""
        gradient: torch.Tensor
        (gradient,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return gradient * grad_output.unsqueeze(-1), None, None, None, None


def huber_loss(prediction: torch.Tensor, ab: torch.Tensor, is_color: torch.Tensor) -> torch.Tensor:
    """Return the mean over the pixels of the Huber losses of a and b, summed (SIGGRAPH17, eq. 2).

    prediction, ab: (b, 2, h, w), ab units; is_color: (b,), 0 for gray photographs.
    """
    losses = F.smooth_l1_loss(prediction, ab.float(), reduction="none", beta=HUBER_DELTA)
    return mean_over_color_photos(losses.sum(dim=1), is_color)


def mean_over_color_photos(losses: torch.Tensor, is_color: torch.Tensor) -> torch.Tensor:
    """Return the mean of losses, (b, h, w), over the pixels of color photographs, (b,)."""
    pixels = is_color.sum().clamp(min=1) * losses[0].numel()
    return (losses * is_color.view(-1, 1, 1)).sum() / pixels
