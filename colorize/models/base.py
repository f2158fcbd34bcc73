"""The interface of a network in torch."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from colorize.models.metadata import ModelMetadata


class Network(nn.Module):
    """A torch module that predicts colors from lightness and describes itself.

    Attributes:
        half_precision: The 16-bit type that keeps this network's colors, or float32 for none.
        float32_layers: Names of the layers that keep float32 whatever the precision.
    """

    half_precision: torch.dtype = torch.float32
    float32_layers: tuple[str, ...] = ()

    @classmethod
    def from_header(cls, header: Mapping[str, str]) -> Network:
        """Return the network that the header of a weights file describes, with any weights.

        Raises ValueError for an unsound header.
        """
        return cls()

    @property
    def metadata(self) -> ModelMetadata:
        """What the network says about itself."""
        raise NotImplementedError

    def forward(self, lightness: torch.Tensor, hints: torch.Tensor | None = None) -> torch.Tensor:
        """Return logits (b, Q, h / stride, w / stride), or ab (b, 2, h / stride, w / stride).

        Args:
            lightness: L, (b, 1, h, w) in [0, 100]; h and w are multiples of
                `metadata.size_divisor`, and stride is `metadata.output_stride`.
            hints: Color hints, (b, 3, h / stride, w / stride): ab / 110 and a mask of 0 or 1.
                Only networks with `metadata.takes_hints` use them; None means no hints.
        """
        raise NotImplementedError
