"""sRGB to CIE Lab and back, with gamut mapping.

D65 white, 2° observer. The matrix, white point and thresholds are those of scikit-image, with
which the published networks were trained.
"""

from __future__ import annotations

import functools
import itertools
import math
import threading
from typing import cast

import numpy as np
import numpy.typing as npt

from colorize.color.types import Array

XYZ_FROM_RGB = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)
RGB_FROM_XYZ = np.linalg.inv(XYZ_FROM_RGB)
WHITE = np.array([0.95047, 1.0, 1.08883])
# Rows of XYZ for Y, columns of the linear RGB of X / Xn, Y, Z / Zn.
LUMINANCE = XYZ_FROM_RGB[1]
RGB_FROM_WHITE_RELATIVE = RGB_FROM_XYZ * WHITE

Block = tuple[slice, slice]  # rows and columns

BLOCK_PIXELS = 1 << 17  # a block's float32 planes fit the processor's cache
BLOCK_WIDTH = 4096  # at most, so that a block of a wide picture has rows enough
GAMUT_TOLERANCE = 1e-5  # linear light outside [0, 1] that counts as in gamut: 0.009 of L at most
CHROMA_STEPS = 8  # of bisection: the chroma of an out-of-gamut color is found to 1/256


def srgb_to_linear(srgb: Array) -> Array:
    """Return linear light in [0, 1] of sRGB values in [0, 1]."""
    return np.where(srgb > 0.04045, ((srgb + 0.055) / 1.055) ** 2.4, srgb / 12.92)


def linear_to_srgb(linear: Array) -> Array:
    """Return sRGB values of linear light in [0, 1]."""
    bright = 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    return np.where(linear > 0.0031308, bright, 12.92 * linear)


def _lab_f(ratio: Array) -> Array:
    """Return CIE's f of a tristimulus value relative to white: a cube root with a linear toe."""
    return np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)


def _lab_f_inverse(f: Array, scratch: Array) -> None:
    """Replace f by the inverse of `_lab_f`, in place; `scratch` has the same shape."""
    dark = np.flatnonzero(f <= 0.2068966) if f.min(initial=1) <= 0.2068966 else None
    toe = None if dark is None else (f.reshape(-1)[dark] - 16 / 116) / 7.787
    np.multiply(f, f, out=scratch)
    f *= scratch
    if dark is not None:
        f.reshape(-1)[dark] = toe


def rgb_to_lab(rgb: Array) -> Array:
    """Return Lab, (..., 3), of sRGB in [0, 1], (..., 3), in the same floating-point type."""
    xyz = srgb_to_linear(rgb) @ XYZ_FROM_RGB.T.astype(rgb.dtype)
    fx, fy, fz = np.moveaxis(_lab_f(xyz / WHITE.astype(rgb.dtype)), -1, 0)
    return np.stack((116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)), axis=-1)


def lab_to_rgb(lab: Array) -> Array:
    """Return sRGB in [0, 1], (..., 3), of Lab, (..., 3), in the same floating-point type.

    A color outside the sRGB gamut keeps L and hue and gets the largest chroma that fits. To clamp
    each channel, as scikit-image does, would shift L by up to 33.
    """
    lightness, a, b = np.moveaxis(lab, -1, 0)
    linear = np.clip(_linear_in_gamut(lightness, a, b), 0, 1)
    return np.moveaxis(linear_to_srgb(linear), 0, -1)


def _linear(lightness: Array, a: Array, b: Array, scratch: Array | None = None) -> Array:
    """Return unbounded linear RGB planes, (3, ...), of Lab planes.

    scratch: contiguous (6, ...) of the same dtype, overwritten; the result is its first half.
    """
    number = a.dtype.type
    scratch = np.empty((6, *a.shape), a.dtype) if scratch is None else scratch
    result, xyz = scratch[:3], scratch[3:]
    x, y, z = xyz
    np.multiply(lightness, number(1 / 116), out=y)
    y += number(16 / 116)
    np.multiply(a, number(1 / 500), out=x)
    x += y
    np.multiply(b, number(-1 / 200), out=z)
    z += y
    _lab_f_inverse(xyz, result)
    np.einsum("ij,j...->i...", RGB_FROM_WHITE_RELATIVE.astype(number), xyz, out=result)
    return result


def _linear_in_gamut(lightness: Array, a: Array, b: Array, scratch: Array | None = None) -> Array:
    """Return linear RGB planes, (3, ...), in [0, 1] within GAMUT_TOLERANCE, of Lab planes.

    scratch: see `_linear`.
    """
    lightness = np.clip(lightness, 0, 100)
    linear = _linear(lightness, a, b, scratch)
    if linear.min(initial=0) < -GAMUT_TOLERANCE or linear.max(initial=1) > 1 + GAMUT_TOLERANCE:
        outside = np.flatnonzero(_out_of_gamut(linear))
        colors = (plane.reshape(-1)[outside] for plane in (lightness, a, b))
        linear.reshape(3, -1)[:, outside] = _reduce_chroma(*colors)
    return linear


def _out_of_gamut(linear: Array) -> npt.NDArray[np.bool_]:
    """Return where linear RGB, (3, ...), is outside the gamut."""
    low = np.minimum(np.minimum(linear[0], linear[1]), linear[2])
    high = np.maximum(np.maximum(linear[0], linear[1]), linear[2])
    return cast("npt.NDArray[np.bool_]", (low < -GAMUT_TOLERANCE) | (high > 1 + GAMUT_TOLERANCE))


def _reduce_chroma(lightness: Array, a: Array, b: Array) -> Array:
    """Return linear RGB, (3, n), with the largest chroma in the gamut at the same L and hue."""
    factor = np.zeros_like(a)
    step = a.dtype.type(0.5)
    scratch = np.empty((6, *a.shape), a.dtype)
    for _ in range(CHROMA_STEPS):
        candidate = factor + step
        outside = _out_of_gamut(_linear(lightness, candidate * a, candidate * b, scratch))
        np.copyto(factor, candidate, where=~outside)
        step /= 2
    return _linear(lightness, factor * a, factor * b, scratch)


@functools.cache
def _luminance_tables(levels: int) -> npt.NDArray[np.float32]:
    """Return the luminance Y of each level of red, green and blue, (3, levels)."""
    linear = srgb_to_linear(np.arange(levels) / (levels - 1))
    tables: npt.NDArray[np.float32] = (LUMINANCE[:, None] * linear).astype(np.float32)
    return tables


@functools.cache
def _lightness_table(levels: int) -> npt.NDArray[np.float32]:
    """Return L of every gray level of an integer type with that number of levels."""
    linear = srgb_to_linear(np.arange(levels) / (levels - 1))
    return (116 * _lab_f(linear) - 16).astype(np.float32)


@functools.cache
def _srgb_table() -> npt.NDArray[np.uint8]:
    """Return the 8-bit sRGB level of linear light, in 65536 steps."""
    levels: npt.NDArray[np.uint8] = np.rint(
        255 * linear_to_srgb((np.arange(65536) + 0.5) / 65536)
    ).astype(np.uint8)
    return levels


def lightness(pixels: Array) -> npt.NDArray[np.float32]:
    """Return L in [0, 100], (H, W) float32, of sRGB pixels.

    pixels: (H, W) gray or (H, W, 3) RGB, uint8 or uint16.
    """
    levels = np.iinfo(pixels.dtype).max + 1
    if pixels.ndim == 3 and _is_gray(pixels):
        pixels = pixels[..., 1]
    if pixels.ndim == 2:
        return _lookup(_lightness_table(levels), pixels)
    red, green, blue = _luminance_tables(levels)
    luminance = _lookup(red, pixels[..., 0])
    luminance += _lookup(green, pixels[..., 1])
    luminance += _lookup(blue, pixels[..., 2])
    return _lightness_of_luminance(luminance)


def _lookup(table: Array, levels: Array) -> Array:
    """Return the table's values at integer levels, without a bounds check."""
    result: Array = table.take(levels, mode="clip")
    return result


def _is_gray(pixels: Array) -> bool:
    """Return whether the three channels are equal; the first row settles most color pictures."""
    red, green, blue = np.moveaxis(pixels, -1, 0)
    return all(
        np.array_equal(green[rows], channel[rows])
        for rows in (slice(1), slice(1, None))
        for channel in (red, blue)
    )


def _lightness_of_luminance(luminance: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return 116 f(Y) - 16, which is 903.3 Y below the toe."""
    result = np.cbrt(luminance)
    result *= 116
    result -= 16
    if luminance.min(initial=1) <= 0.008856:
        np.copyto(result, luminance * np.float32(116 * 7.787), where=luminance <= 0.008856)
    return result


class _Scratch(threading.local):
    """Working memory of one thread, kept between blocks because allocating it is slow."""

    def __init__(self) -> None:
        self.floats = np.empty(0, np.float32)
        self.indices = np.empty(0, np.intp)

    def planes(self, shape: tuple[int, ...]) -> tuple[Array, Array]:
        """Return six float32 planes, (6, *shape), and one of indices, of this shape."""
        size = math.prod(shape)
        if size > self.indices.size:
            self.floats = np.empty(6 * size, np.float32)
            self.indices = np.empty(size, np.intp)
        return self.floats[: 6 * size].reshape(6, *shape), self.indices[:size].reshape(shape)


_scratch = _Scratch()


def blocks(height: int, width: int) -> list[Block]:
    """Return blocks that cover a picture, of at most BLOCK_PIXELS pixels each, row by row."""
    across = -(-width // BLOCK_WIDTH)
    columns = [slice(width * n // across, width * (n + 1) // across) for n in range(across)]
    step = max(1, BLOCK_PIXELS * across // width)
    rows = [slice(top, min(top + step, height)) for top in range(0, height, step)]
    return list(itertools.product(rows, columns))


def lab_to_srgb_pixels(lightness: Array, ab: Array, dtype: npt.DTypeLike = np.uint8) -> Array:
    """Return sRGB pixels, (H, W, 3) uint8 or uint16, of float32 L (H, W) and ab (2, H, W).

    Colors outside the gamut lose chroma and keep their lightness (see `lab_to_rgb`).
    """
    pixels = np.empty((*lightness.shape, 3), dtype)
    for block in blocks(*lightness.shape):
        _fill_pixels(lightness[block], ab[:, *block], pixels[block])
    return pixels


def _fill_pixels(lightness: Array, ab: Array, pixels: Array) -> None:
    scratch, indices = _scratch.planes(lightness.shape)
    linear = _linear_in_gamut(lightness, ab[0], ab[1], scratch)
    top = np.iinfo(pixels.dtype).max
    for channel, plane in enumerate(linear):
        if top == 255:
            np.multiply(plane, 65536, out=indices, casting="unsafe")
            pixels[..., channel] = _lookup(_srgb_table(), indices)
        else:
            pixels[..., channel] = np.rint(linear_to_srgb(np.clip(plane, 0, 1)) * top)
