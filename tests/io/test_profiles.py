"""Color profiles and gamma become sRGB."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from fixtures.icc_profiles import (
    ADOBE_RGB,
    DISPLAY_P3,
    SRGB,
    cmyk_profile,
    gray_profile,
    rgb_profile,
)
from fixtures.image_files import GRAY, GRAY16, RGB, image_of, plain_tiff, saved, with_tag
from PIL import Image, PngImagePlugin

from colorize.io import tiff_ifd as tiff
from colorize.io.icc import srgb_profile
from colorize.io.readers import read


@pytest.mark.parametrize(
    ("primaries", "gamma"), [(ADOBE_RGB, 2.19921875), (DISPLAY_P3, 2.2), (SRGB, 1.0)]
)
@pytest.mark.parametrize("deep", [False, True])
def test_rgb_profile_is_converted_to_srgb(primaries: np.ndarray, gamma: float, deep: bool) -> None:
    colors = np.array([[200, 120, 90], [30, 60, 50], [128, 128, 128], [250, 240, 230]])
    top = 65535 if deep else 255
    stored = (colors * (top // 255))[None].astype(np.uint16 if deep else np.uint8)
    file = io.BytesIO(saved_with_profile(stored, rgb_profile(primaries, gamma)))
    curve_gamma = round(gamma * 256) / 256
    linear = (stored.astype(float) / top) ** curve_gamma @ (np.linalg.inv(SRGB) @ primaries).T
    error = read(file).pixels / top - srgb_curve(linear)
    assert np.abs(error).max() <= (0.008 if deep else 1.2 / 255)  # deep: of LittleCMS near black


def srgb_curve(linear: np.ndarray) -> np.ndarray:
    linear = linear.clip(0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def saved_with_profile(stored: np.ndarray, profile: bytes) -> bytes:
    if stored.dtype == np.uint8:
        return saved(Image.fromarray(stored), "PNG", icc_profile=profile)
    content = plain_tiff(stored, 2 if stored.ndim == 3 else 1)
    return with_tag(content, tiff.ICC_PROFILE, tiff.Tag(7, profile))


@pytest.mark.parametrize("deep", [False, True])
def test_gray_profile_is_converted_to_srgb(deep: bool) -> None:
    stored = GRAY16 if deep else GRAY
    top = 65535 if deep else 255
    pixels = read(io.BytesIO(saved_with_profile(stored, gray_profile(2.2)))).pixels
    expected = srgb_curve((stored / top) ** (round(2.2 * 256) / 256))
    assert pixels.ndim == 2
    assert np.abs(pixels / top - expected).max() <= (0.003 if deep else 1.2 / 255)


@pytest.mark.parametrize("gamma", [1.0, 0.55])
def test_png_gamma_is_corrected(gamma: float) -> None:
    info = PngImagePlugin.PngInfo()
    info.add(b"gAMA", struct.pack(">I", round(gamma * 100000)))
    pixels = read(io.BytesIO(saved(image_of(GRAY), "PNG", pnginfo=info))).pixels
    expected = srgb_curve((GRAY / 255) ** (1 / gamma)) * 255
    assert np.abs(pixels - expected).max() <= 0.51


def test_srgb_profile_changes_nothing() -> None:
    for image in (image_of(RGB), image_of(GRAY)):
        photo = read(io.BytesIO(saved(image, "PNG", icc_profile=srgb_profile())))
        np.testing.assert_array_equal(photo.pixels, np.asarray(image))


def test_cmyk_profile_takes_precedence_over_the_formula() -> None:
    inks = np.zeros((1, 4, 4), np.uint8)
    inks[0, 1] = (0, 255, 255, 0)  # by the profile magenta and yellow do not darken
    inks[0, 2] = (0, 0, 0, 255)
    inks[0, 3] = (128, 0, 0, 0)
    image = Image.frombytes("CMYK", (4, 1), inks.tobytes())
    pixels = read(io.BytesIO(saved(image, "TIFF", icc_profile=cmyk_profile()))).pixels
    assert pixels[0, 0].min() >= 254 and pixels[0, 1].min() >= 254
    assert pixels[0, 2].max() <= 1
    assert np.abs(pixels[0, 3].astype(int) - 118).max() <= 2  # L* = 49.8


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_damaged_or_foreign_profile_is_ignored(mode: str) -> None:
    image = image_of(RGB).convert(mode)
    for profile in (b"no profile at all", gray_profile(2.2)[:150], cmyk_profile()[:-300]):
        photo = read(io.BytesIO(saved(image, "TIFF", icc_profile=profile)))
        np.testing.assert_array_equal(
            photo.pixels, np.asarray(image if mode != "CMYK" else image.convert("RGB"))
        )


def test_profile_of_bmp_is_converted() -> None:
    profile, (height, width) = rgb_profile(SRGB, 1.0), RGB.shape[:2]
    rows = RGB[::-1, :, ::-1].reshape(height, -1)
    pixels = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4))).tobytes()
    header = struct.pack("<IiiHHIIiiII", 124, width, height, 1, 24, 0, len(pixels), 0, 0, 0, 0)
    header += bytes(16) + b"DEBM" + bytes(52)
    header += struct.pack("<II", 124 + len(pixels), len(profile)) + bytes(4)
    header = struct.pack("<2sIII", b"BM", 14 + 124 + len(pixels) + len(profile), 0, 138) + header
    assert len(header) == 138
    expected = srgb_curve(RGB / 255)
    error = read(io.BytesIO(header + pixels + profile)).pixels / 255 - expected
    assert np.abs(error).max() <= 1.2 / 255
