"""Compare an exported network with the original, in batches of different sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from colorize.color.types import Floats
from colorize.decoding.annealed_mean import annealed_mean, rebalance_offset
from colorize.models.metadata import DEFAULT_STYLE, ModelMetadata

Run = Callable[..., Floats]  # takes the inputs of the network by position

SIZES = ((1, 256, 256), (3, 64, 96))  # batch, height and width of what is compared


@dataclass(frozen=True)
class Difference:
    """How far an exported network is from the original."""

    output: float  # largest, of the network's own output
    ab: float  # largest, of the decoded colors


def compare(original: Run, exported: Run, metadata: ModelMetadata) -> Difference:
    """Return the largest differences over all of `SIZES`."""
    outputs, colors = [], []
    for size in SIZES:
        inputs = example_inputs(metadata, size)
        expected, found = original(*inputs), exported(*inputs)
        outputs.append(np.abs(expected - found).max())
        colors.append(np.abs(_ab(expected, metadata) - _ab(found, metadata)).max())
    return Difference(float(np.max(outputs)), float(np.max(colors)))


def example_inputs(metadata: ModelMetadata, size: tuple[int, int, int]) -> list[Floats]:
    """Return seeded inputs: a smooth L with noise, and some hints where the network takes them.

    size: batch, height and width.
    """
    random = np.random.default_rng(0)
    b, h, w = size
    rows, columns = np.mgrid[:h, :w]
    waves = 50 + 40 * np.sin(rows / 9) * np.cos(columns / 13)
    lightness = np.clip(waves + random.normal(0, 5, (b, 1, h, w)), 0, 100)
    inputs = [lightness.astype(np.float32)]
    if metadata.takes_hints:
        h, w = h // metadata.output_stride, w // metadata.output_stride
        mask = random.random((b, 1, h, w)) < 0.01
        colors = random.uniform(-0.5, 0.5, (b, 2, h, w)) * mask
        inputs.append(np.concatenate((colors, mask), axis=1, dtype=np.float32))
    return inputs


def _ab(output: Floats, metadata: ModelMetadata) -> Floats:
    """Return the colors of the network's output, in its default style."""
    if metadata.output == "ab":
        return output
    style, weights = metadata.styles[DEFAULT_STYLE], metadata.class_weights
    offset = None if weights is None else rebalance_offset(weights, style.rebalance)
    return annealed_mean(output, style.temperature, metadata.bin_centers, offset)
