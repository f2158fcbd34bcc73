"""The dtype and memory format in which a network runs fastest without changing its colors.

Rounding to bfloat16 (8 bits) changes the result of `eccv16` by a mean ΔE of 0.03 and that of
`siggraph17` by 0.24, but that of `compact`, whose colors lie further apart, by 0.5 and more. So
`compact` keeps float32 on CPUs and runs in float16 (11 bits) on GPUs. docs/speed.md has the
figures.
"""

from __future__ import annotations

import torch

from colorize.models.base import Network
from colorize.runtime.load import PRECISIONS

DTYPES = {name: getattr(torch, name) for name in PRECISIONS}


def optimize_for_inference(network: Network, precision: str | None = None) -> Network:
    """Return the network, changed in place, ready to run fast on its device.

    precision: one of `PRECISIONS`, or None for the fastest that keeps the colors. Inputs stay
    float32, and so do `network.float32_layers`.
    """
    dtype = default_dtype(network) if precision is None else DTYPES[precision]
    if next(network.parameters()).device.type in ("cpu", "cuda"):
        network.to(memory_format=torch.channels_last)
    for name, layer in network.named_modules():
        if name in network.float32_layers:
            continue
        if not any(layer.children()):
            layer.to(dtype)
        for parameter in layer.parameters(recurse=False):  # next to layers, as in attention
            parameter.data = parameter.data.to(dtype)
    return network


def default_dtype(network: Network) -> torch.dtype:
    """Return the fastest dtype that keeps the colors on the network's device."""
    device = next(network.parameters()).device.type
    on_cpu = device == "cpu" and network.half_precision == torch.bfloat16 and cpu_supports_bf16()
    return network.half_precision if device == "cuda" or on_cpu else torch.float32


def cpu_supports_bf16() -> bool:
    """Return whether this CPU multiplies bfloat16: AVX-512 BF16 or AMX."""
    tests = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, test, lambda: False)()) for test in tests)
