"""Sixteen bits a channel."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pillow_heif
from fixtures.image_files import ALPHA16, GRAY, GRAY16, image_of, saved

from colorize.color.bit_depth import to_uint8
from colorize.io.photo import Photo
from colorize.io.readers import avif, read
from colorize.io.writers import write


def test_every_16_bit_level_survives_png_and_tiff(tmp_path: Path) -> None:
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    photo = Photo(np.stack([ramp, ramp.T, 65535 - ramp], axis=-1), ramp[::-1].copy())
    for suffix in (".png", ".tif"):
        write(photo, tmp_path / f"deep{suffix}")
        back = read(tmp_path / f"deep{suffix}")
        np.testing.assert_array_equal(back.pixels, photo.pixels)
        np.testing.assert_array_equal(back.alpha, photo.alpha)


def test_16_bits_round_to_the_nearest_8_bit_level() -> None:
    levels = np.arange(65536, dtype=np.uint16)
    np.testing.assert_array_equal(to_uint8(levels), np.rint(levels / 257))


def test_16_bit_gray_is_lossless(tmp_path: Path) -> None:
    for suffix in (".png", ".tif"):
        write(Photo(GRAY16, ALPHA16), tmp_path / f"gray{suffix}")
        back = read(tmp_path / f"gray{suffix}")
        np.testing.assert_array_equal(back.pixels, GRAY16)
        np.testing.assert_array_equal(back.alpha, ALPHA16)


def test_depths_that_decoders_reduce_are_noted() -> None:
    file = io.BytesIO()
    deep = GRAY16.repeat(3).tobytes()
    pillow_heif.from_bytes("RGB;16", GRAY16.shape[::-1], deep).save(file)
    assert "8 of its 10 bits" in "; ".join(read(file).metadata.notes)
    content = bytearray(saved(image_of(GRAY), "AVIF"))
    at = content.index(b"av1C") + 6
    for flags, bits in ((0, 8), (0x40, 10), (0x60, 12)):
        content[at] = content[at] & 0x9F | flags
        assert avif.read_properties(io.BytesIO(bytes(content)), 40, 24).bits == bits
