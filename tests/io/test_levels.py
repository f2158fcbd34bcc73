"""Levels: every format is read by a second, independent reader, and lightness is compared."""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import pyvips
import tifffile
from fixtures.image_files import (
    GRAY,
    GRAY16,
    RGB,
    RGB16,
    image_of,
    palette_image,
    plain_tiff,
    saved,
    tiff_with,
    with_tag,
)
from fixtures.sample_files import SAMPLES, SampleFile, sample_id
from PIL import Image
from skimage.color import lab2rgb, rgb2lab

from colorize.errors import ColorizeError
from colorize.io import tiff_ifd as tiff
from colorize.io.readers import read
from colorize.io.tiff_ifd_reader import read_ifds

LOSSY = (".jpg", ".webp", ".avif")
UNREADABLE = {  # by libvips, or with a profile that it is not asked to apply
    "CMYK with profile", "gray, 12 bits", "Lab", "CMYK (Adobe, inverted)", "CMYK", "CMYK, 16 bits",
    "RGBA, premultiplied", "YCbCr", "palette, one transparent",
}  # fmt: skip
RAMP = np.linspace(0, 1, 80 * 64).reshape(64, 80)  # from black to white
RAMP_RGB = np.stack([RAMP, RAMP[::-1], np.roll(RAMP, 40, axis=1)], axis=-1)


def lightness(pixels: np.ndarray) -> np.ndarray:
    """Return L*, (H, W), of gray or RGB, unsigned or floats in 0 to 1."""
    unit = pixels / np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else pixels
    rgb = np.dstack([unit] * 3) if unit.ndim == 2 else unit[..., :3]
    result: np.ndarray = rgb2lab(rgb)[..., 0]
    return result


def assert_same_levels(pixels: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    ours, theirs = lightness(pixels), lightness(expected)
    assert ours.shape == theirs.shape
    assert abs(ours.min() - theirs.min()) <= tolerance, "black"
    assert abs(ours.max() - theirs.max()) <= tolerance, "white"
    assert np.abs(ours - theirs).mean() <= tolerance / 2


def by_vips(content: bytes) -> np.ndarray:
    """Return gray or RGB without alpha, uint8 or uint16, as libvips reads it."""
    image = pyvips.Image.new_from_buffer(content, "")
    if image.hasalpha():
        image = image[: image.bands - 1]
    array: np.ndarray = image.numpy()
    if array.dtype.kind == "f":
        array = array / (1 if array.max() <= 1 else 255 if array.max() <= 255 else 65535)
    elif array.dtype.itemsize > 2:
        array = array.astype(np.uint16)
    return array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array


@pytest.mark.parametrize(
    "sample",
    [
        sample
        for sample in SAMPLES
        if sample.name not in UNREADABLE
        and (sample.suffix, sample.name) != (".avif", "animation")
        and sample.suffix in (".jpg", ".png", ".tif", ".webp", ".gif", ".avif")
    ],
    ids=sample_id,
)
def test_levels_are_those_of_libvips(sample: SampleFile) -> None:
    content = sample.content()
    tolerance = 2.0 if sample.suffix in LOSSY else 0.5
    assert_same_levels(read(io.BytesIO(content)).pixels, by_vips(content), tolerance)


def written_by_tifffile(array: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    options = {"photometric": "rgb" if array.ndim == 3 else "minisblack"} | options
    tifffile.imwrite(file, array, metadata=None, **options)
    return file.getvalue()


def _tiff_arrays() -> dict[str, tuple[np.ndarray, dict[str, Any], np.ndarray]]:
    """Return array, options of tifffile, and the levels that it stands for, in 0 to 1."""
    deep, deep_rgb = (np.rint(each * 65535).astype(np.uint16) for each in (RAMP, RAMP_RGB))
    eight, eight_rgb = (np.rint(each * 255).astype(np.uint8) for each in (RAMP, RAMP_RGB))
    floats = RAMP.astype(np.float32)
    cases: dict[str, tuple[np.ndarray, dict[str, Any], np.ndarray]] = {}
    for order in "<>":
        for name, array, levels in (
            ("8", eight, RAMP), ("16", deep, RAMP), ("float", floats, RAMP),
            ("half", RAMP.astype(np.float16), RAMP), ("double", RAMP, RAMP),
            ("RGB 8", eight_rgb, RAMP_RGB), ("RGB 16", deep_rgb, RAMP_RGB),
            ("RGB float", RAMP_RGB.astype(np.float32), RAMP_RGB),
        ):  # fmt: skip
            cases[f"{name} {order}"] = array, {"byteorder": order}, levels
            cases[f"{name} {order} BigTIFF"] = array, {"byteorder": order, "bigtiff": True}, levels
            cases[f"{name} {order} tiles"] = array, {"byteorder": order, "tile": (16, 32)}, levels
            if array.ndim == 2:
                options = {"byteorder": order, "photometric": "miniswhite"}
                cases[f"{name} {order} white is 0"] = array, options, 1 - levels
            else:
                planes = np.moveaxis(array, -1, 0)
                options = {"byteorder": order, "planarconfig": "separate"}
                cases[f"{name} {order} planes"] = planes, options, levels
                cases[f"{name} {order} planes of tiles"] = (
                    planes, options | {"tile": (16, 32)}, levels,
                )  # fmt: skip
    return cases


TIFF_ARRAYS = _tiff_arrays()


@pytest.mark.parametrize("name", TIFF_ARRAYS)
def test_levels_of_tiff_arrangements(name: str) -> None:
    array, options, levels = TIFF_ARRAYS[name]
    content = written_by_tifffile(array, **options)
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(content)), array)
    photo = read(io.BytesIO(content))
    assert_same_levels(photo.pixels, levels, 0.3)


def packed(samples: np.ndarray, bits: int) -> bytes:
    """Return rows of samples of some bits, the highest first, each row in whole bytes."""
    rows = samples.reshape(len(samples), -1)
    digits = (rows[..., None] >> np.arange(bits)[::-1]) & 1
    return np.packbits(digits.reshape(len(samples), -1).astype(np.uint8), axis=1).tobytes()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [2, 4, 6, 10, 12, 14])
@pytest.mark.parametrize("photometric", [0, 1, 2])
def test_levels_of_packed_bits(bits: int, photometric: int, order: Any) -> None:
    levels = RAMP_RGB if photometric == 2 else RAMP
    samples = np.rint(levels * ((1 << bits) - 1)).astype(np.uint32)
    row = np.frombuffer(packed(samples, bits), np.uint8).reshape(len(levels), -1)
    content = tiff_with(
        plain_tiff(row, photometric, order), {tiff.IMAGE_WIDTH: (levels.shape[1], 1)}
    )
    channels = 3 if photometric == 2 else 1
    content = _with_shorts(content, tiff.BITS_PER_SAMPLE, [bits] * channels)
    content = _with_shorts(content, tiff.SAMPLES_PER_PIXEL, [channels])
    expected = samples / ((1 << bits) - 1)
    expected = 1 - expected if photometric == 0 else expected
    assert_same_levels(read(io.BytesIO(content)).pixels, expected, 0.3)


def _with_shorts(content: bytes, number: int, values: list[int]) -> bytes:
    """Return a TIFF file of plain_tiff with another value of a tag."""
    ifd = next(read_ifds(io.BytesIO(content)))
    ifd.tags[number] = tiff.Tag(3, struct.pack(f"{ifd.byte_order}{len(values)}H", *values))
    start = len(content) + len(content) % 2
    header = content[:4] + struct.pack(ifd.byte_order + "I", start)
    return header + content[8:].ljust(start - 8, b"\0") + tiff.pack(ifd, start)


def test_levels_of_a_palette_in_8_bits() -> None:
    content = saved(palette_image(), "TIFF")
    ifd = next(read_ifds(io.BytesIO(content)))
    colors = [value >> 8 for value in ifd.integers(tiff.COLOR_MAP)]
    assert_same_levels(
        read(io.BytesIO(_with_shorts(content, tiff.COLOR_MAP, colors))).pixels,
        np.asarray(palette_image().convert("RGB")), 0.1,
    )  # fmt: skip


def test_levels_without_a_color_model_are_noted() -> None:
    content = plain_tiff(GRAY, 1)
    ifd = next(read_ifds(io.BytesIO(content)))
    del ifd.tags[tiff.PHOTOMETRIC]
    start = len(content) + len(content) % 2
    content = content[:4] + struct.pack("<I", start) + content[8:].ljust(start - 8, b"\0")
    photo = read(io.BytesIO(content + tiff.pack(ifd, start)))
    np.testing.assert_array_equal(photo.pixels, GRAY)
    assert any("color model" in note for note in photo.metadata.notes)


@pytest.mark.parametrize(("across", "down"), [(1, 1), (2, 1), (2, 2), (4, 2), (1, 2)])
def test_levels_of_ycbcr(across: int, down: int) -> None:
    reference = np.asarray(image_of(RGB).convert("YCbCr")).astype(np.float64)
    reference = reference.repeat(4, axis=0).repeat(4, axis=1)  # so that subsampling loses nothing
    narrow = np.rint(
        (reference - [0, 128, 128]) * [219 / 255, 112 / 127, 112 / 127] + [16, 128, 128]
    )
    height, width = narrow.shape[:2]
    blocks = narrow.reshape(height // down, down, width // across, across, 3)
    luma = blocks[..., 0].swapaxes(1, 2).reshape(height // down, width // across, -1)
    units = np.concatenate([luma, blocks[:, 0, :, 0, 1:]], axis=-1).astype(np.uint8)
    content = plain_tiff(units.reshape(height // down, -1), 6)
    for number, values in (
        (tiff.IMAGE_WIDTH, [width]), (tiff.IMAGE_LENGTH, [height]), (tiff.ROWS_PER_STRIP, [height]),
        (tiff.SAMPLES_PER_PIXEL, [3]), (tiff.BITS_PER_SAMPLE, [8] * 3),
        (tiff.YCBCR_SUBSAMPLING, [across, down]),
    ):  # fmt: skip
        content = _with_shorts(content, number, values)
    levels = struct.pack("<12I", 16, 1, 235, 1, 128, 1, 240, 1, 128, 1, 240, 1)
    content = with_tag(content, tiff.REFERENCE_BLACK_WHITE, tiff.Tag(5, levels))
    expected = RGB.repeat(4, axis=0).repeat(4, axis=1)
    assert_same_levels(read(io.BytesIO(content)).pixels, expected, 1.5)


def test_levels_of_deep_ycbcr_whose_tag_is_for_8_bits() -> None:
    ramp = np.rint(RAMP * 65535).astype(np.uint16)
    content = plain_tiff(np.dstack([ramp, *[np.full_like(ramp, 32768)] * 2]), 6)
    content = _with_shorts(content, tiff.YCBCR_SUBSAMPLING, [1, 1])
    levels = struct.pack("<12I", 0, 1, 255, 1, 128, 1, 255, 1, 128, 1, 255, 1)
    content = with_tag(content, tiff.REFERENCE_BLACK_WHITE, tiff.Tag(5, levels))
    assert_same_levels(read(io.BytesIO(content)).pixels, RAMP, 0.3)


@pytest.mark.parametrize("extra", [(0, 2), (2, 0), (0, 2, 0)])
@pytest.mark.parametrize("colors", [1, 3, 4])
def test_channels_besides_colors_are_alpha_or_noted(colors: int, extra: tuple[int, ...]) -> None:
    ramp = np.rint(RAMP * 255).astype(np.uint8)
    alpha = np.ascontiguousarray(ramp[::-1])
    photometric, first = {1: (1, [ramp]), 3: (2, [ramp] * 3),
                          4: (5, [255 - ramp] * 3 + [ramp * 0])}[colors]  # fmt: skip
    infrared = [alpha if meaning else 255 - ramp for meaning in extra]
    content = plain_tiff(np.dstack([*first, *infrared]), photometric)
    photo = read(io.BytesIO(_with_shorts(content, tiff.EXTRA_SAMPLES, list(extra))))
    assert_same_levels(photo.pixels, RAMP, 0.3)
    assert photo.alpha is not None
    np.testing.assert_array_equal(photo.alpha, alpha)
    assert f"{len(extra) - 1} channel" in "; ".join(photo.metadata.notes)


def test_last_channel_that_is_not_declared_is_noted() -> None:
    ramp = np.rint(RAMP * 255).astype(np.uint8)
    photo = read(io.BytesIO(plain_tiff(np.dstack([ramp] * 4), 2)))
    assert photo.alpha is not None
    assert "transparency" in "; ".join(photo.metadata.notes)


def test_lab_in_floats_is_rejected() -> None:
    lab = np.dstack([RAMP * 100, RAMP * 0, RAMP * 0]).astype(np.float32)
    with pytest.raises(ColorizeError, match="Lab"):
        read(io.BytesIO(plain_tiff(lab, 8)))


@pytest.mark.parametrize("photometric", [8, 9])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_levels_of_lab(photometric: int, dtype: Any) -> None:
    lab = rgb2lab(RAMP_RGB)
    top = 255 if dtype == np.uint8 else 65280 if photometric == 9 else 65535
    unit = 1 if dtype == np.uint8 else 256
    signed = np.int8 if dtype == np.uint8 else np.int16
    stored = np.empty(lab.shape, dtype)
    stored[..., 0] = np.rint(lab[..., 0] / 100 * top)
    ab = np.rint(np.clip(lab[..., 1:], -127, 127) * unit)
    stored[..., 1:] = ab + 128 * unit if photometric == 9 else ab.astype(signed).view(dtype)
    pixels = read(io.BytesIO(plain_tiff(stored, photometric))).pixels
    # D65 taken as D50 keeps lightness, for which the adaptation matters little
    assert_same_levels(pixels, lab2rgb(lab), 2.0)
    only_lightness = read(io.BytesIO(plain_tiff(stored[..., 0], photometric))).pixels
    assert np.abs(lightness(only_lightness) - lab[..., 0]).max() < 0.5


@pytest.mark.parametrize("bits", [9, 10, 12, 16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_levels_of_deep_jpeg2000(bits: int, channels: int) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    top = (1 << bits) - 1
    levels = np.dstack([RAMP_RGB, RAMP])[..., :channels] if channels > 1 else RAMP
    samples = np.rint(levels * top).astype(np.uint16)
    content = imagecodecs.jpeg2k_encode(
        samples, bitspersample=bits, reversible=True, level=0, codecformat="jp2"
    )
    photo = read(io.BytesIO(content))
    assert photo.pixels.dtype == np.uint16
    color = levels[..., :3] if channels > 1 else levels
    assert_same_levels(photo.pixels, color, 0.3)
    assert photo.pixels.max() == 65535 and photo.pixels.min() == 0
    assert (photo.alpha is not None) == (channels == 4)


def test_deep_color_jpeg2000_without_imagecodecs_is_right_or_rejected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    from colorize.errors import ColorizeError

    encode: Callable[..., bytes] = imagecodecs.jpeg2k_encode
    contents = [
        encode(samples.astype(np.uint16), reversible=True, level=0, codecformat="jp2")
        for samples in (RAMP_RGB * 65535, 1000 + RAMP_RGB * 60000)
    ]
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(ColorizeError, match=r"\[tiff\]"):
        read(io.BytesIO(contents[0]))
    assert_same_levels(read(io.BytesIO(contents[1])).pixels, (1000 + RAMP_RGB * 60000) / 65535, 0.5)


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_levels_of_lossless_jpeg_in_tiff(bits: int, channels: int) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    samples = (GRAY16 if channels == 1 else RGB16) >> (16 - bits)
    samples = samples.astype(np.uint8 if bits == 8 else np.uint16)
    strip = imagecodecs.jpeg_encode(samples, lossless=True, bitspersample=bits)
    content = plain_tiff(np.frombuffer(strip, np.uint8)[None], 1 if channels == 1 else 2)
    for number, values in (
        (tiff.IMAGE_WIDTH, [samples.shape[1]]), (tiff.IMAGE_LENGTH, [samples.shape[0]]),
        (tiff.ROWS_PER_STRIP, [samples.shape[0]]), (tiff.SAMPLES_PER_PIXEL, [channels]),
        (tiff.BITS_PER_SAMPLE, [bits] * channels), (tiff.COMPRESSION, [7]),
        (tiff.SAMPLE_FORMAT, [1] * channels),
    ):  # fmt: skip
        content = _with_shorts(content, number, values)
    pixels = read(io.BytesIO(content)).pixels
    top, white = (1 << bits) - 1, np.iinfo(pixels.dtype).max
    expected = np.rint(samples.astype(np.float64) * white / top)
    assert np.abs(pixels.astype(np.float64) - expected).max() <= 0.5


@pytest.mark.parametrize("dtype", [np.uint32, np.int32, np.uint64])
@pytest.mark.parametrize("top", [1, 255, 65535])
def test_levels_of_whole_numbers_of_many_bits(dtype: type[np.integer], top: int) -> None:
    numbers = np.rint(RAMP * top).astype(dtype)
    levels = numbers / top
    for photometric in ("minisblack", "miniswhite"):
        photo = read(io.BytesIO(written_by_tifffile(numbers, photometric=photometric)))
        expected = levels if photometric == "minisblack" else 1 - levels
        assert_same_levels(photo.pixels, expected, 0.1)
        assert any(f"0 to {top}" in note for note in photo.metadata.notes)


def test_levels_that_leave_a_picture_nearly_black_are_noted() -> None:
    dark, bright = (np.rint(RAMP * top).astype(np.uint16) for top in (1023, 16383))
    for numbers in (dark, bright):
        for content in (written_by_tifffile(numbers), saved(Image.fromarray(numbers), "PNG")):
            photo = read(io.BytesIO(content))
            np.testing.assert_array_equal(photo.pixels, numbers)
            noted = any("nearly black" in note for note in photo.metadata.notes)
            assert noted == (numbers is dark)
