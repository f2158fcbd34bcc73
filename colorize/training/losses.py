"""The training losses: rebalanced cross-entropy, also taught, and a Huber loss of ab."""

from __future__ import annotations

import functools
from typing import Any, Literal

import torch
from torch.nn import functional as F

from colorize.color.quantization import NUM_BINS
from colorize.training.soft_encoding import soft_encode_table

HUBER = 1.0  # ab units; errors below count squared, those above by their size


class SoftTargets:
    """Soft-encoded targets of a batch, looked up from whole ab values."""

    def __init__(self, ab: torch.Tensor):
        """ab: (b, 2, h, w) whole values in -128..127."""
        bins, weights = _table(ab.device)
        index = ((ab[:, 0].long() + 128) * 256 + ab[:, 1].long() + 128).flatten()
        b, _, h, w = ab.shape
        self.bins = bins[index].view(b, h, w, -1)  # (b, h, w, 5)
        self.weights = weights[index].view(b, h, w, -1)  # (b, h, w, 5)

    def histogram(self) -> torch.Tensor:
        """Return the share of each bin in each picture, (b, 313), rows sum to 1."""
        total = self.weights.new_zeros(len(self.bins), NUM_BINS)
        total.scatter_add_(1, self.bins.flatten(1), self.weights.flatten(1))
        return total / total.sum(dim=1, keepdim=True)


@functools.cache
def _table(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return `soft_encode_table` in the device's memory."""
    bins, weights = soft_encode_table()
    return bins.to(device), weights.to(device)


def color_loss(
    output: Literal["logits", "ab"],
    answer: torch.Tensor,
    ab: torch.Tensor,
    class_weights: torch.Tensor,
    colored: torch.Tensor,
) -> torch.Tensor:
    """Return the loss of a network's answer, by what it puts out.

    ab: (b, 2, h, w), whole values, of the answer's size; class_weights: (313,), for logits;
    colored: (b,), 0 for gray photographs, which don't count.
    """
    if output == "ab":
        return huber(answer, ab, colored)
    return rebalanced_cross_entropy(answer, SoftTargets(ab), class_weights, colored)


def rebalanced_cross_entropy(
    logits: torch.Tensor,
    targets: SoftTargets,
    class_weights: torch.Tensor,
    colored: torch.Tensor,
) -> torch.Tensor:
    """Return the mean over the pixels of w(q*) · H(soft target, softmax(logits)).

    q* is the pixel's most likely bin (ECCV16, eq. 2 and 3). logits: (b, 313, h, w);
    class_weights: (313,); colored: (b,), 0 for gray photographs, which don't count.
    """
    # Channels last: the soft-maximum and the look-up then run along memory.
    log_probabilities = logits.movedim(1, -1).log_softmax(dim=-1)  # (b, h, w, 313)
    chosen = log_probabilities.gather(-1, targets.bins)
    cross_entropy = -(chosen * targets.weights).sum(dim=-1)  # (b, h, w)
    return _mean(class_weights[targets.bins[..., 0]] * cross_entropy, colored)


def taught_cross_entropy(
    logits: torch.Tensor,
    targets: SoftTargets,
    class_weights: torch.Tensor,
    colored: torch.Tensor,
    teacher: torch.Tensor,
    share: float,
) -> torch.Tensor:
    """Return (1 - share) · `rebalanced_cross_entropy` + share · KL(teacher ‖ network).

    The second, over the same pixels, is the distance between the softmax of both's logits (Hinton,
    Vinyals, Dean, *Distilling the Knowledge in a Neural Network*, 2015, at temperature 1).
    logits, teacher: (b, 313, h, w), float32; the rest as there. No gradient flows to the teacher.
    """
    weights = (1 - share) * class_weights[targets.bins[..., :1]] * targets.weights
    losses: torch.Tensor = _SoftCrossEntropy.apply(
        logits.movedim(1, -1), targets.bins, weights, teacher.movedim(1, -1), share
    )
    return _mean(losses, colored)


class _SoftCrossEntropy(torch.autograd.Function):
    """Each pixel's cross-entropy with few targets, plus its distance to a teacher.

    The gradient is that of a soft-maximum, known in closed form: one pass makes it together with
    the loss, in about a third of the time that the graph of both losses takes on a CPU.
    """

    @staticmethod
    def forward(
        ctx: Any,
        logits: torch.Tensor,
        bins: torch.Tensor,
        weights: torch.Tensor,
        teacher: torch.Tensor,
        share: float,
    ) -> torch.Tensor:
        """Return (b, h, w). logits, teacher: (b, h, w, 313); bins, weights: (b, h, w, 5).

        weights: of each target; share: the weight of the distance.
        """
        log_probabilities = logits.log_softmax(dim=-1)
        theirs = teacher.log_softmax(dim=-1)
        known = theirs.exp()
        losses = -(log_probabilities.gather(-1, bins) * weights).sum(dim=-1)
        losses += share * theirs.sub_(log_probabilities).mul_(known).sum(dim=-1)
        gradient = log_probabilities.exp_().mul_(weights.sum(dim=-1, keepdim=True) + share)
        gradient.sub_(known, alpha=share)
        ctx.save_for_backward(gradient.scatter_add_(-1, bins, -weights))
        return losses

    @staticmethod
    def backward(ctx: Any, of_losses: torch.Tensor) -> tuple[torch.Tensor, None, None, None, None]:
        """Return the gradient by the logits alone."""
        (gradient,) = ctx.saved_tensors
        return gradient * of_losses.unsqueeze(-1), None, None, None, None


def huber(answer: torch.Tensor, ab: torch.Tensor, colored: torch.Tensor) -> torch.Tensor:
    """Return the mean over the pixels of the Huber loss of a and b together, ab units.

    SIGGRAPH17, eq. 2. answer, ab: (b, 2, h, w); colored: (b,), 0 for gray photographs.
    """
    loss = F.smooth_l1_loss(answer, ab.float(), reduction="none", beta=HUBER).sum(dim=1)
    return _mean(loss, colored)


def _mean(losses: torch.Tensor, colored: torch.Tensor) -> torch.Tensor:
    """Return the mean of losses (b, h, w) over the pixels of colored (b,) photographs."""
    pixels = colored.sum().clamp(min=1) * losses[0].numel()
    return (losses * colored.view(-1, 1, 1)).sum() / pixels
