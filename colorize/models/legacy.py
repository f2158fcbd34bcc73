"""Weights files of `compact` from earlier versions, whose network had more inputs.

The decoder took color hints, as channels of its convolutions, and color statistics, through a
small network of its own. Neither was used when colorizing: both were zeros. The conversion is
exact: the channels of zeros are removed, and what the statistics' network returns for zeros, a
constant that was added before a batch normalization, is subtracted from its running mean.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from colorize.color.types import Array, Tensors

HINT_CHANNELS = 3
STATISTICS = "decoder.statistics."  # prefix of a linear layer 0, a ReLU and a linear layer 2
WITH_HINTS = ("decoder.reduce", *(f"decoder.up{size}.merge.0" for size in (16, 8, 4)))


def is_legacy_compact(tensors: Mapping[str, Array]) -> bool:
    """Return whether these are the tensors of an earlier version."""
    return f"{STATISTICS}0.weight" in tensors


def convert_legacy_compact(tensors: Mapping[str, Array]) -> Tensors:
    """Return the tensors of an earlier version as those of today's network.

    Tensors of unexpected names or shapes are passed through, for the check of all tensors to
    report.
    """
    converted = {key.replace(".normalise.", ".norm."): value for key, value in tensors.items()}
    for name in WITH_HINTS:
        key = f"{name}.weight"
        if key in converted and converted[key].ndim == 4:
            converted[key] = converted[key][:, :-HINT_CHANNELS]
    names = (f"{STATISTICS}0.bias", f"{STATISTICS}2.weight", "decoder.norm.running_mean")
    if all(name in converted for name in names):
        bias, weight, mean = (converted[name].astype(np.float32) for name in names)
        if bias.ndim == mean.ndim == 1 and weight.shape == (len(mean), len(bias)):
            converted[names[2]] = mean - weight @ np.maximum(bias, 0)
            for name in ("0.weight", *(name.removeprefix(STATISTICS) for name in names[:2])):
                converted.pop(STATISTICS + name, None)
    return converted
