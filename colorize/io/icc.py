"""ICC profiles: embedded ones are converted to sRGB, and sRGB is embedded in outputs."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageCms

BMP_HEADER, BMP_V5_BYTES = 14, 124
MAX_BMP_PROFILE_BYTES = 16 << 20
Convert = Callable[[Image.Image], Image.Image]

_PROFILE_SPACE = {"RGB": "RGB", "CMYK": "CMYK", "LAB": "Lab", "L": "GRAY"}
SRGB_GAMMA = 1 / 2.2  # the value of gAMA that stands for sRGB's curve
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION


@lru_cache(maxsize=1)
def srgb_profile() -> bytes:
    """Return an sRGB ICC profile, always the same bytes, so that outputs are reproducible."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = bytes.fromhex("07e400010001000000000000")  # dated 2020-01-01, not "now"
    return bytes(profile)


def srgb_converter(icc: bytes | None, mode: str) -> Convert | None:
    """Return a function that converts images of `mode` (RGB, CMYK or LAB) to sRGB.

    Returns None where there is nothing to convert: without a profile, for a profile of another
    color space than `mode`, and for one that changes no color by more than one level.

    Raises OSError or ImageCms.PyCMSError for a profile that LittleCMS cannot use.
    """
    if mode == "LAB":
        return _transform(ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")), "LAB")
    if not icc:
        return None
    if profile_space(icc) != _PROFILE_SPACE[mode]:
        return None
    convert = _transform(_open_profile(icc), mode)
    return None if mode == "RGB" and _changes_nothing(convert) else convert


def gray_curve(icc: bytes | None) -> np.ndarray | None:
    """Return the 256 sRGB levels of a gray (or RGB) profile's grays, None if they are unchanged.

    Raises OSError or ImageCms.PyCMSError for a profile that LittleCMS cannot use.
    """
    if not icc:
        return None
    space = profile_space(icc)
    if space not in ("GRAY", "RGB"):
        return None
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    mode = "L" if space == "GRAY" else "RGB"
    curve = np.asarray(_transform(_open_profile(icc), mode)(ramp.convert(mode)))[0, :, 1]
    same = np.abs(curve.astype(int) - np.arange(256)).max() <= 1
    return None if same else np.array(curve)


def gamma_curve(gamma: float, dtype: np.dtype[np.unsignedinteger]) -> np.ndarray:
    """Return the sRGB level for each level v whose linear light is v ** (1 / gamma).

    Args:
        gamma: the exponent that encoded the light, as PNG's gAMA states it.
        dtype: the unsigned type whose range both levels have.

    The sRGB curve is that of IEC 61966-2-1.
    """
    top = np.iinfo(dtype).max
    light = np.linspace(0, 1, top + 1) ** (1 / max(gamma, 0.01))
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    curve: np.ndarray = np.rint(encoded * top)
    return curve.astype(dtype)


def read_bmp_profile(file: BinaryIO) -> bytes | None:
    """Return the ICC profile in a BMP file, whose header of version 5 states where it is."""
    file.seek(BMP_HEADER)
    header = file.read(BMP_V5_BYTES)
    if len(header) < BMP_V5_BYTES or int.from_bytes(header[:4], "little") != BMP_V5_BYTES:
        return None
    if header[56:60] != b"DEBM":  # embedded
        return None
    offset, size = struct.unpack_from("<II", header, 112)
    file.seek(BMP_HEADER + offset)
    return file.read(min(size, MAX_BMP_PROFILE_BYTES)) or None


def profile_space(icc: bytes) -> str:
    """Return the color space that a profile describes: "RGB", "GRAY", "CMYK", "Lab", ..."""
    return str(_open_profile(icc).profile.xcolor_space).strip()


def _open_profile(icc: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(icc))


def _transform(profile: ImageCms.ImageCmsProfile, mode: str) -> Convert:
    srgb = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
    transform = ImageCms.buildTransform(profile, srgb, mode, "RGB", _INTENT, _FLAGS)
    return transform.apply


def _changes_nothing(convert: Convert) -> bool:
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3)
    after = np.asarray(convert(Image.fromarray(cube)))
    return bool(np.abs(after.astype(int) - cube).max() <= 1)
