"""Samples of a TIFF page from decompressed bytes: predictors undone, bits unpacked."""

from __future__ import annotations

import itertools

import numpy as np

from colorize.io.high_bit_depth import UnsupportedError
from colorize.io.readers.tiff_layout import FLOAT, SIGNED, UNSIGNED, Layout

PART_SAMPLES = 1 << 20  # whose bits are unpacked at a time


def unpredicted(rows: np.ndarray, layout: Layout, width: int) -> np.ndarray:
    """Return samples of whole bytes, (H, tiles, width * channels), with the predictor undone."""
    height, across, _ = rows.shape
    size, channels = layout.bits // 8, layout.channels
    if layout.predictor == 3:  # bytes of one significance together, each the difference to before
        total = np.add.accumulate(
            rows.reshape(height, across, -1, channels), axis=2, dtype=np.uint8
        )
        planes = total.reshape(height, across, size, width * channels)
        big_endian = np.ascontiguousarray(planes.swapaxes(2, 3))
        return big_endian.view(f">f{size}").astype(f"f{size}")[..., 0]
    kind = {UNSIGNED: "u", SIGNED: "i", FLOAT: "f"}[layout.sample_format]
    integers = rows.view(f"{layout.byte_order}u{size}").astype(f"u{size}", copy=False)
    if layout.predictor == 2:
        pixels = integers.reshape(height, across, width, channels)
        integers = np.add.accumulate(pixels, axis=2, dtype=integers.dtype)
        integers = integers.reshape(height, across, -1)
    if kind == "f" and size == 1:
        raise UnsupportedError("floats of 8 bits")
    return integers.view(f"{kind}{size}")


def unpacked(rows: np.ndarray, bits: int, count: int) -> np.ndarray:
    """Return `count` samples of some bits, the highest first, from each row of bytes."""
    if bits > 16:
        raise UnsupportedError(f"{bits} bits")
    flat = rows.reshape(-1, rows.shape[-1])
    dtype = np.uint8 if bits <= 8 else np.uint16
    samples = np.empty((len(flat), count), dtype)
    down, across = max(1, PART_SAMPLES // max(count, 1)), PART_SAMPLES  # whole bytes, as 8 divides
    for top, left in itertools.product(range(0, len(flat), down), range(0, count, across)):
        part = samples[top : top + down, left : left + across]
        size = part.shape[1] * bits
        packed = flat[top : top + down, left * bits // 8 : (left * bits + size + 7) // 8]
        digits = np.unpackbits(packed, axis=1)[:, :size].reshape(*part.shape, bits)
        value = np.zeros(part.shape, dtype)
        for index in range(bits):
            value = (value << 1) | digits[..., index]
        part[:] = value
    return samples
