"""The turn that EXIF or XMP asks for."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.image_files import (
    GRAY,
    GRAY16,
    HEIGHT,
    RGB,
    RGB16,
    WIDTH,
    XMP,
    exif_bytes,
    heic,
    image_of,
    plain_tiff,
    saved,
    with_tag,
)
from PIL import Image, ImageOps

from colorize.io import tiff_ifd as tiff
from colorize.io.exif import read_orientation
from colorize.io.readers import read
from colorize.io.writers import write


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".jp2", ".avif", ".heic"])
def test_orientation_is_applied_once_and_reset(
    suffix: str, orientation: int, tmp_path: Path
) -> None:
    path = tmp_path / f"in{suffix}"
    turned_file(path, orientation)
    expected = upright_reference(GRAY, orientation)
    photo = read(path)
    gray = photo.pixels if photo.pixels.ndim == 2 else photo.pixels[..., 0]
    assert gray.shape == expected.shape
    assert np.abs(gray.astype(int) - expected).mean() < 8
    write(photo, tmp_path / f"out{suffix}")
    again = read(tmp_path / f"out{suffix}")
    assert again.size == photo.size
    assert read_orientation(again.metadata.exif, again.metadata.xmp) == 1
    if suffix != ".heic":
        with Image.open(tmp_path / f"out{suffix}") as image:
            assert image.getexif().get(0x0112, 1) == 1


def upright_reference(stored: np.ndarray, orientation: int) -> np.ndarray:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(stored)
    image.info["exif"] = exif.tobytes()
    return np.asarray(ImageOps.exif_transpose(image))


def turned_file(path: Path, orientation: int) -> None:
    exif = exif_bytes(orientation)
    if path.suffix == ".tif":
        image_of(GRAY).save(path, exif=exif)
    elif path.suffix == ".heic":
        path.write_bytes(heic(RGB[..., [0, 0, 0]], exif=exif))
    elif path.suffix == ".jp2":
        path.write_bytes(
            saved(image_of(GRAY), "JPEG2000")
            + struct.pack(">I", 24 + len(exif) - 6) + b"uuidJpgTiffExif->JP2" + exif[6:]
        )  # fmt: skip
    else:
        options: dict[str, Any] = {".webp": {"lossless": True}}.get(path.suffix, {"quality": 95})
        image_of(GRAY).save(path, exif=exif, **options)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_applies_to_16_bit_tiff(orientation: int, tmp_path: Path) -> None:
    content = plain_tiff(RGB16, 2)
    tag = tiff.Tag(3, struct.pack("<H", orientation))
    photo = read(io.BytesIO(with_tag(content, tiff.ORIENTATION, tag)))
    for channel in range(3):
        expected = upright_reference((RGB16[..., channel] >> 8).astype(np.uint8), orientation)
        np.testing.assert_array_equal(photo.pixels[..., channel] >> 8, expected)


def test_orientation_falls_back_to_xmp() -> None:
    photo = read(io.BytesIO(saved(image_of(GRAY), "JPEG", xmp=XMP)))
    assert photo.size == (WIDTH, HEIGHT)
    assert photo.metadata.xmp == XMP.replace(b'Orientation="6"', b'Orientation="1"')


@pytest.mark.parametrize("pixels", [GRAY, GRAY16])
def test_orientation_falls_back_to_xmp_in_tiff(pixels: np.ndarray) -> None:
    content = with_tag(plain_tiff(pixels, 1), tiff.XMP, tiff.Tag(1, XMP))
    photo = read(io.BytesIO(content))
    np.testing.assert_array_equal(photo.pixels, np.rot90(pixels, -1))


def test_upright_exif_changes_orientation_dimensions_and_thumbnail_only() -> None:
    before = exif_bytes(6)
    after = read(io.BytesIO(saved(image_of(GRAY), "JPEG", exif=before))).metadata.exif
    assert after is not None and len(after) == len(before) - 6
    exif = Image.Exif()
    exif.load(after)
    assert exif[0x0112] == 1
    inner = exif.get_ifd(0x8769)
    assert (inner[0xA002], inner[0xA003], inner[0x927C]) == (HEIGHT, WIDTH, b"mk\1\2")
