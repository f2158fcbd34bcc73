"""sRGB to CIE Lab and back, and what to do with colours that no screen can show.

D65 white, 2° observer; matrix, white point and thresholds are scikit-image's, which the
published networks were trained and are run with.
"""

from __future__ import annotations

import functools
from typing import Any, Literal, TypeVar, cast

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Float = TypeVar("Float", bound=np.floating[Any])
Gamut = Literal["reduce", "clip"]

XYZ_FROM_RGB = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)
RGB_FROM_XYZ = np.linalg.inv(XYZ_FROM_RGB)
WHITE = np.array([0.95047, 1.0, 1.08883])
# Rows of XYZ for Y, columns of the linear RGB of X / Xn, Y, Z / Zn.
LUMINANCE = XYZ_FROM_RGB[1]
RGB_FROM_WHITE_RELATIVE = RGB_FROM_XYZ * WHITE

BISECTIONS = 10  # chroma of an out-of-gamut colour is found to 1/1024


def linearize(srgb: Array) -> Array:
    """Return linear light in [0, 1] of sRGB values in [0, 1]."""
    return np.where(srgb > 0.04045, ((srgb + 0.055) / 1.055) ** 2.4, srgb / 12.92)


def delinearize(linear: Array) -> Array:
    """Return sRGB values of linear light in [0, 1]."""
    bright = 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    return np.where(linear > 0.0031308, bright, 12.92 * linear)


def _compress(ratio: Array) -> Array:
    """Return CIE's f of a tristimulus value relative to white: a cube root with a linear toe."""
    return np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)


def _expand(f: Array) -> Array:
    """Return the inverse of `_compress`."""
    result: Array = f * f
    result *= f
    if f.min(initial=1) <= 0.2068966:
        np.copyto(result, (f - 16 / 116) / 7.787, where=f <= 0.2068966)
    return result


def rgb_to_lab(rgb: Array) -> Array:
    """Return Lab, (..., 3), of sRGB in [0, 1], (..., 3); the type of floats is kept."""
    xyz = linearize(rgb) @ XYZ_FROM_RGB.T.astype(rgb.dtype)
    fx, fy, fz = np.moveaxis(_compress(xyz / WHITE.astype(rgb.dtype)), -1, 0)
    return np.stack((116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)), axis=-1)


def lab_to_rgb(lab: Array, gamut: Gamut = "reduce") -> Array:
    """Return sRGB in [0, 1], (..., 3), of Lab, (..., 3); the type of floats is kept.

    Colours outside the sRGB gamut: "reduce" keeps L and hue and takes the largest chroma that
    fits; "clip" clamps each channel, as scikit-image does, which shifts L by up to 33.
    """
    lightness, a, b = np.moveaxis(lab, -1, 0)
    return np.moveaxis(delinearize(_linear_in_gamut(lightness, a, b, gamut)), 0, -1)


def _linear(lightness: Array, a: Array, b: Array) -> Array:
    """Return linear RGB planes, (3, ...), unbounded, of Lab planes."""
    fy = (lightness + 16) / 116
    x, y, z = _expand(fy + a / 500), _expand(fy), _expand(fy - b / 200)
    linear = np.empty((3, *x.shape), x.dtype)
    for plane, (from_x, from_y, from_z) in zip(linear, RGB_FROM_WHITE_RELATIVE, strict=True):
        np.multiply(x, x.dtype.type(from_x), out=plane)
        plane += y * x.dtype.type(from_y)
        plane += z * x.dtype.type(from_z)
    return linear


def _linear_in_gamut(lightness: Array, a: Array, b: Array, gamut: Gamut) -> Array:
    """Return linear RGB planes in [0, 1], (3, ...), of Lab planes."""
    lightness = np.clip(lightness, 0, 100)
    linear = _linear(lightness, a, b)
    if gamut == "reduce":
        outside = _outside(linear)
        if outside.any():
            linear[:, outside] = _reduce_chroma(lightness[outside], a[outside], b[outside])
    return np.clip(linear, 0, 1, out=linear)


def _outside(linear: Array, tolerance: float = 1e-5) -> npt.NDArray[np.bool_]:
    """Return where linear RGB, (3, ...), can't be shown; 1e-5 is 0.009 of L at most."""
    low = np.minimum(np.minimum(linear[0], linear[1]), linear[2])
    high = np.maximum(np.maximum(linear[0], linear[1]), linear[2])
    return cast("npt.NDArray[np.bool_]", (low < -tolerance) | (high > 1 + tolerance))


def _reduce_chroma(lightness: Array, a: Array, b: Array) -> Array:
    """Return linear RGB, (3, n), with the largest chroma that fits at the same L and hue."""
    fits = np.zeros_like(a)
    step = 0.5
    for _ in range(BISECTIONS):
        share = fits + np.asarray(step, a.dtype)
        inside = ~_outside(_linear(lightness, share * a, share * b))
        fits = np.where(inside, share, fits)
        step /= 2
    return _linear(lightness, fits * a, fits * b)


@functools.cache
def _linear_table(levels: int) -> npt.NDArray[np.float32]:
    """Return linear light of every level of an integer type with so many levels."""
    return linearize(np.arange(levels) / (levels - 1)).astype(np.float32)


@functools.cache
def _lightness_table(levels: int) -> npt.NDArray[np.float32]:
    """Return L of every grey level of an integer type with so many levels."""
    return _lightness_of_luminance(linearize(np.arange(levels) / (levels - 1))).astype(np.float32)


@functools.cache
def _srgb_table() -> npt.NDArray[np.uint8]:
    """Return the 8-bit sRGB level of linear light in steps of 1 / 65535."""
    levels: npt.NDArray[np.uint8] = np.rint(255 * delinearize(np.arange(65536) / 65535)).astype(
        np.uint8
    )
    return levels


def _lightness_of_luminance(luminance: Array) -> Array:
    return 116 * _compress(luminance) - 16


def lightness(pixels: Array) -> npt.NDArray[np.float32]:
    """Return L in [0, 100], (H, W) float32, of sRGB pixels.

    pixels: (H, W) grey or (H, W, 3) RGB, uint8 or uint16.
    """
    levels = np.iinfo(pixels.dtype).max + 1
    if pixels.ndim == 2:
        return _lightness_table(levels)[pixels]
    linear = _linear_table(levels)
    r, g, b = (float(weight) for weight in LUMINANCE)
    luminance = r * linear[pixels[..., 0]]
    luminance += g * linear[pixels[..., 1]]
    luminance += b * linear[pixels[..., 2]]
    return _lightness_of_luminance(luminance).astype(np.float32)


def join(lightness: Array, ab: Array, dtype: npt.DTypeLike = np.uint8) -> Array:
    """Return sRGB pixels, (H, W, 3) uint8 or uint16, of L (H, W) and ab (2, H, W).

    Colours outside the gamut lose chroma, not lightness (see `lab_to_rgb`).
    """
    linear = _linear_in_gamut(lightness, ab[0], ab[1], "reduce")
    pixels = np.empty((*lightness.shape, 3), dtype)
    top = np.iinfo(pixels.dtype).max
    for channel, plane in enumerate(linear):
        if top == 255:
            plane *= 65535
            plane += 0.5
            pixels[..., channel] = _srgb_table()[plane.astype(np.uint16)]
        else:
            pixels[..., channel] = np.rint(delinearize(plane) * top)
    return pixels
