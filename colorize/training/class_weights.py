"""Changing a trained network's class weights without training it again."""

from __future__ import annotations

import torch

from colorize.models.compact import Compact


@torch.no_grad()
def shift_class_weights(network: Compact, old: torch.Tensor, new: torch.Tensor) -> None:
    """Shift the logits in place as if the network had been trained with other class weights.

    A network trained with class weights w predicts p·w up to a factor, so the logit of each bin
    shifts by log(new / old).

    Args:
        network: The network, trained with `old`.
        old: Class weights, (313,), positive.
        new: Class weights, (313,), positive.
    """
    bias = network.decoder.classify.bias
    assert bias is not None
    bias += (new.log() - old.log()).to(bias)
