"""Other class weights for a trained network, without training."""

from __future__ import annotations

import torch

from colorize.models.compact import Compact

RAREST = 1e-6  # of the prior: what is rarer counts as this


def decoding_weights(prior: torch.Tensor, amount: float = 0.03, power: float = 0.7) -> torch.Tensor:
    """Return 1 + amount / prior^power, (313,): common colours keep their chance, rare ones gain.

    ECCV16's class weights are flat for all colours rarer than λ / Q, and powers of them or of the
    prior also move the common colours. A decision that is best both over all pixels and with the
    weights 1 / prior of the rebalanced AuC weighs colours by 1 + k / prior; the default power is
    below 1, since the rarest colours are badly known. docs/training-log.md compares them.

    prior: (313,), the bins' shares of all pixels.
    """
    return 1 + amount / prior.clamp(min=RAREST) ** power


@torch.no_grad()
def reweight(network: Compact, old: torch.Tensor, new: torch.Tensor) -> None:
    """Make logits as if the network had been trained with other class weights.

    Training with class weights w makes it predict p·w (up to a factor), so that the logits
    shift by log(new / old), a constant of each bin. old, new: (313,), positive.
    """
    bias = network.decoder.classify.bias
    assert bias is not None
    bias += (new.log() - old.log()).to(bias)
