"""Other class weights for a trained network, without training."""

from __future__ import annotations

import torch

from colorize.models.compact import Compact


@torch.no_grad()
def reweight(network: Compact, old: torch.Tensor, new: torch.Tensor) -> None:
    """Make logits as if the network had been trained with other class weights.

    Training with class weights w makes it predict p·w (up to a factor), so that the logits
    shift by log(new / old), a constant of each bin. old, new: (313,), positive.
    """
    bias = network.decoder.classify.bias
    assert bias is not None
    bias += (new.log() - old.log()).to(bias)
