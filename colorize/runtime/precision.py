"""The numbers and the memory layout that networks run fastest with, where colors don't suffer.

Rounding to bfloat16 (8 bits) changes the picture of `eccv16` by a mean ΔE of 0.03 and that of
`siggraph17` by 0.24, but that of `compact`, whose colors lie further apart, by 0.5 and more. So
on processors `compact` keeps float32; on GPUs it takes float16 (11 bits). docs/speed.md has the
figures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from colorize.errors import ColorizeError

if TYPE_CHECKING:
    from colorize.models.base import Network

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
# The last layers stay float32: logits of 20 in bfloat16 would be 0.1 apart, and the weights of
# `model_out` are colors.
FLOAT32_LAYERS = {"model_out", "model_out.0", "model8.6", "decoder.classify"}


def optimize_for_inference(network: Network, precision: str | None = None) -> Network:
    """Return the network, changed in place, ready to run fast where it is.

    precision: one of PRECISIONS, or None for the fastest that keeps the colors. Its input stays
    float32. Raises ColorizeError for an unknown precision.
    """
    if precision is not None and precision not in PRECISIONS:
        raise ColorizeError(f"precision {precision!r}: choose one of {', '.join(PRECISIONS)}")
    dtype = _fastest(network) if precision is None else PRECISIONS[precision]
    if next(network.parameters()).device.type in ("cpu", "cuda"):
        network.to(memory_format=torch.channels_last)
    for name, layer in network.named_modules():
        if name not in FLOAT32_LAYERS and not any(layer.children()):
            layer.to(dtype)
    return network


def _fastest(network: Network) -> torch.dtype:
    """Return the type of numbers for a network where it is."""
    device = next(network.parameters()).device.type
    is_compact = network.metadata.architecture == "compact"
    if device == "cuda":
        return torch.float16 if is_compact else torch.bfloat16
    if device == "cpu" and not is_compact and cpu_supports_bf16():
        return torch.bfloat16
    return torch.float32


def cpu_supports_bf16() -> bool:
    """Tell whether this processor multiplies bfloat16: AVX-512 BF16 or AMX."""
    tests = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, test, lambda: False)()) for test in tests)
