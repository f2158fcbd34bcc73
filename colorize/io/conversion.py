"""From decoded samples of any mode, depth and profile to upright sRGB arrays, and back to Pillow.

Eight bits go strip by strip through Pillow and LittleCMS, sixteen bits through libvips.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageCms

from colorize.color.bit_depth import to_uint8
from colorize.errors import ColorizeError
from colorize.io.exif import INVERSE_ORIENTATION, apply_orientation
from colorize.io.high_bit_depth import convert_to_srgb
from colorize.io.icc import gray_curve, srgb_converter

DARK = 1 << 12  # of 16 bits: what 12 bits are that were not scaled to 16
STRIP_PIXELS = 1 << 20  # converted at a time, so that a large picture is never held twice
GRAY_MODES = {"1", "L", "LA", "La"}
NUMBER_MODES = {"I", "F", "I;16", "I;16L", "I;16B", "I;16N"}

_PROFILE_UNUSABLE = "its color profile is damaged: taken as sRGB"


class Arrays(NamedTuple):
    """Upright sRGB pixels, (H, W) or (H, W, 3); alpha, (H, W) or None; notes for the user."""

    pixels: np.ndarray
    alpha: np.ndarray | None
    notes: list[str]


def image_to_arrays(image: Image.Image, orientation: int = 1) -> Arrays:
    """Return a loaded Pillow image of any mode as arrays of 8 or 16 bits.

    Args:
        image: in any of Pillow's modes.
        orientation: of the image as stored, 1 to 8.
    """
    icc = image.info.get("icc_profile")
    if image.mode in ("La", "RGBa"):
        image = image.convert(image.mode.upper())
    if image.mode not in NUMBER_MODES:
        return _load_in_strips(image, icc, orientation)
    numbers: np.ndarray = np.asarray(image)
    arrays = samples_to_arrays(to_uint16(numbers)[..., None], False, icc, orientation)
    return arrays._replace(notes=[*describe_range(numbers), *arrays.notes])


def samples_to_arrays(
    samples: np.ndarray, has_alpha: bool, icc: bytes | None, orientation: int
) -> Arrays:
    """Return uint16 samples, or uint8 without a profile, as arrays.

    Args:
        samples: (H, W, 1 to 4), gray or RGB, as stored.
        has_alpha: whether the last channel is alpha.
        icc: the profile of the colors.
        orientation: of the samples as stored, 1 to 8.
    """
    upright = apply_orientation(samples, orientation)
    alpha = np.ascontiguousarray(upright[..., -1]) if has_alpha else None
    color = upright[..., :-1] if has_alpha else upright
    color = np.ascontiguousarray(color[..., 0] if color.shape[2] == 1 else color)
    notes = []
    try:
        color = convert_to_srgb(color, icc)
    except (OSError, ImageCms.PyCMSError):
        notes.append(_PROFILE_UNUSABLE)
    highest = int(color.max())
    if color.dtype == np.uint16 and 0 < highest < DARK:
        notes.append(f"it is nearly black: its levels end at {highest} of 65535")
    return Arrays(color, alpha, notes)


def to_uint16(numbers: np.ndarray) -> np.ndarray:
    """Return samples of any number type as uint16.

    Integers of up to 16 bits are taken as they are. Other numbers are in [0, 1] if none is above 1,
    else in [0, 255] if none is above 255, else in [0, 65535].

    Raises ColorizeError for NaN, infinite, negative or larger numbers.
    """
    if numbers.dtype.kind == "u" and numbers.dtype.itemsize <= 2:
        return numbers.astype(np.uint16, copy=False)
    low, high = float(numbers.min()), float(numbers.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ColorizeError("has pixels that are not numbers (NaN or infinite)")
    if low < 0 or high > 65535:
        raise ColorizeError(f"has values from {low:g} to {high:g}: scale them to 0 to 65535")
    scale = 65535 // _white_level(high)
    if numbers.dtype.kind in "ui":
        return numbers.astype(np.uint16) * np.uint16(scale)
    if numbers.dtype.itemsize < 4:
        numbers = numbers.astype(np.float32)  # half floats end below 65535
    scaled: np.ndarray = np.rint(numbers * numbers.dtype.type(scale))
    return scaled.astype(np.uint16)


def _white_level(highest: float) -> int:
    return 1 if highest <= 1 else 255 if highest <= 255 else 65535


def describe_range(numbers: np.ndarray) -> list[str]:
    """Return a note about numbers whose range `to_uint16` guesses: all but floats up to 1."""
    low, high = float(numbers.min()), float(numbers.max())
    is_whole = numbers.dtype.kind in "ui"
    if (is_whole and numbers.dtype.itemsize <= 2) or (not is_whole and high <= 1):
        return []
    kind = f"{8 * numbers.dtype.itemsize}-bit whole numbers" if is_whole else "floats"
    return [f"its {kind} of {low:g} to {high:g} are taken as 0 to {_white_level(high)}"]


def arrays_to_image(pixels: np.ndarray, alpha: np.ndarray | None) -> Image.Image:
    """Return a Pillow image: L, LA, RGB or RGBA, or I;16 for gray; 16-bit color is rounded to 8."""
    if pixels.dtype == np.uint16 and pixels.ndim == 2 and alpha is None:
        return Image.fromarray(np.ascontiguousarray(pixels))
    image = Image.fromarray(np.ascontiguousarray(to_uint8(pixels)))
    if alpha is not None:
        image.putalpha(Image.fromarray(np.ascontiguousarray(to_uint8(alpha))))
    return image


def _load_in_strips(image: Image.Image, icc: bytes | None, orientation: int) -> Arrays:
    """Return an 8-bit Pillow image as arrays, converted and turned strip by strip."""
    convert, notes = _strip_converter(image, icc)
    stored = np.empty((image.height, image.width), np.bool_)
    shape = apply_orientation(stored, orientation).shape
    pixels = np.empty(shape if _is_gray(image) else (*shape, 3), np.uint8)
    alpha = np.empty(shape, np.uint8) if image.has_transparency_data else None
    # views of the upright arrays in the order of the file
    inverse = INVERSE_ORIENTATION[orientation]
    stored_pixels = apply_orientation(pixels, inverse)
    stored_alpha = None if alpha is None else apply_orientation(alpha, inverse)
    for rows, strip in _strips(image):
        if stored_alpha is not None:
            strip = strip.convert("RGBA")
            stored_alpha[rows] = np.asarray(strip.getchannel("A"))
        stored_pixels[rows] = convert(strip)
    return Arrays(pixels, alpha, notes)


def _strips(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    step = max(1, STRIP_PIXELS // image.width)
    for top in range(0, image.height, step):
        bottom = min(top + step, image.height)
        yield slice(top, bottom), image.crop((0, top, image.width, bottom))


def _is_gray(image: Image.Image) -> bool:
    if image.mode in ("P", "PA"):
        palette = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
        return bool((palette == palette[:, :1]).all())
    return image.mode in GRAY_MODES


def _strip_converter(
    image: Image.Image, icc: bytes | None
) -> tuple[Callable[[Image.Image], np.ndarray], list[str]]:
    """Return what makes an sRGB array of a strip of the image, and notes."""
    mode = image.mode if image.mode in ("CMYK", "LAB") else "RGB"
    is_gray = _is_gray(image)
    curve = to_srgb = None
    notes = []
    try:
        if is_gray:
            curve = gray_curve(icc)
        else:
            to_srgb = srgb_converter(icc, mode)
    except (OSError, ImageCms.PyCMSError):
        notes.append(_PROFILE_UNUSABLE)

    def convert_gray(strip: Image.Image) -> np.ndarray:
        gray = np.asarray(strip.getchannel("R") if strip.mode == "RGBA" else strip.convert("L"))
        return gray if curve is None else curve[gray]

    def convert_color(strip: Image.Image) -> np.ndarray:
        if to_srgb is None:
            return np.asarray(strip.convert("RGB"))
        return np.asarray(to_srgb(strip if strip.mode == mode else strip.convert(mode)))

    return convert_gray if is_gray else convert_color, notes
