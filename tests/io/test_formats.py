"""Every format in and out: samples, alpha, quality; formats by suffix."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.image_files import ALPHA, GRAY, HEIGHT, RGB, WIDTH, image_of, saved
from fixtures.sample_files import SAMPLES, SampleFile, sample_id
from PIL import Image

from benchmarks.list_formats import DOCUMENT, document
from colorize.color.bit_depth import to_uint8
from colorize.errors import ColorizeError
from colorize.io.formats import FORMATS, has_image_suffix, output_format
from colorize.io.photo import Photo
from colorize.io.readers import read, read_pages
from colorize.io.writers import write

LOSSLESS = (".png", ".tif", ".jp2")


@pytest.mark.parametrize("sample", SAMPLES, ids=sample_id)
def test_read_returns_the_samples_of_the_file(sample: SampleFile) -> None:
    photos = list(read_pages(io.BytesIO(sample.content())))
    assert len(photos) == sample.pages
    photo = photos[0]
    assert photo.size == (HEIGHT, WIDTH)
    expected = "transparency" if "not declared" in sample.name else "left out"
    if any(kind in sample.name for kind in ("floats", "whole numbers")):
        expected = "are taken as 0 to"
    assert all(expected in note for note in photo.metadata.notes)
    if sample.pixels is not None:
        assert photo.pixels.dtype == sample.pixels.dtype
        np.testing.assert_array_equal(photo.pixels, sample.pixels)
        np.testing.assert_equal(photo.alpha, sample.alpha)


@pytest.mark.parametrize(
    "sample", [sample for sample in SAMPLES if sample.pixels is None], ids=sample_id
)
def test_read_is_close_for_lossy_files(sample: SampleFile) -> None:
    photo = read(io.BytesIO(sample.content()))
    truth = RGB if photo.pixels.ndim == 3 else GRAY
    if sample.name in ("1 bit", "1 bit (P4)"):  # dithered: right on average only
        assert set(np.unique(photo.pixels)) == {0, 255}
    elif sample.name == "Lab":
        assert np.ptp(photo.pixels.astype(int), axis=2).max() <= 2
        assert abs(int(photo.pixels[GRAY == 128][0, 0]) - 119) <= 1  # L* = 50.2
    elif sample.name == "CMYK with profile":
        assert np.ptp(photo.pixels.astype(int), axis=2).max() <= 2  # its inks only make gray
        assert np.ptp(photo.pixels) > 200
    else:
        error = np.abs(photo.pixels.astype(int) - truth)
        if photo.alpha is not None:
            error = error[photo.alpha > 128]
        assert np.median(error) <= 12


@pytest.mark.parametrize("sample", SAMPLES, ids=sample_id)
def test_colored_photo_survives_its_source_format(sample: SampleFile, tmp_path: Path) -> None:
    photo = read(io.BytesIO(sample.content()))
    gray = photo.pixels if photo.pixels.ndim == 2 else photo.pixels[..., 1]
    rgb = np.stack([gray, gray // 2, gray // 3], axis=-1)
    path = tmp_path / f"out{sample.suffix}"
    write(dataclasses.replace(photo, pixels=rgb), path)
    back = read(path)
    kept = FORMATS[output_format(path)]
    assert back.size == photo.size
    if kept.alpha and photo.alpha is not None and sample.suffix not in (".heic", ".gif"):
        np.testing.assert_array_equal(back.alpha, photo.alpha)
    if sample.suffix in LOSSLESS:
        expected = rgb if kept.deep else to_uint8(rgb)
        np.testing.assert_array_equal(back.pixels, expected)


@pytest.mark.slow
def test_table_in_docs_is_current() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document()


def test_output_format_follows_option_then_suffix_then_source() -> None:
    assert output_format("a.JPG") == "JPEG"
    assert output_format("a.jpg", "png") == "PNG"
    assert output_format("a.jpg", "TIF") == output_format("a", "tiff") == "TIFF"
    assert output_format(io.BytesIO(), None, "GIF") == "GIF"
    assert output_format(io.BytesIO()) == "PNG"
    for target, format in (("a.txt", None), ("a", None), ("a.png", "mp4")):
        with pytest.raises(ColorizeError, match="choose one of"):
            output_format(target, format)


def test_has_image_suffix_ignores_case_and_hidden_files() -> None:
    assert has_image_suffix("scans/A.TIF") and has_image_suffix(Path("a.b.heic"))
    assert not any(map(has_image_suffix, ("a.txt", "jpg", ".jpg", ".hidden.png", "a.png.tmp")))


def test_quality_changes_size_and_is_checked(tmp_path: Path) -> None:
    for suffix in (".jpg", ".webp", ".avif", ".jp2", ".heic"):
        sizes = []
        for quality in (10, 90):
            write(Photo(RGB), tmp_path / f"out{suffix}", quality=quality)
            sizes.append((tmp_path / f"out{suffix}").stat().st_size)
        assert sizes[0] < sizes[1]
    with pytest.raises(ColorizeError, match="give 0 to 100"):
        write(Photo(RGB), tmp_path / "out.jpg", quality=101)


def test_webp_of_lossless_source_is_lossless_and_jpeg_is_444(tmp_path: Path) -> None:
    photo = read(io.BytesIO(saved(image_of(RGB, ALPHA), "PNG")))
    write(photo, tmp_path / "out.webp")
    np.testing.assert_array_equal(read(tmp_path / "out.webp").pixels, RGB)
    write(photo, tmp_path / "out.jpg")
    with Image.open(tmp_path / "out.jpg") as image:
        layers: Any = image.layer  # type: ignore[attr-defined]
        assert [layer[1:3] for layer in layers] == [(1, 1)] * 3


def test_alpha_is_laid_on_white_with_a_note(tmp_path: Path) -> None:
    photo = Photo(np.zeros((8, 8, 3), np.uint8), np.full((8, 8), 51, np.uint8))
    for suffix in (".jpg", ".bmp", ".ppm"):
        notes = write(photo, tmp_path / f"out{suffix}")
        assert notes == [f"{output_format('x' + suffix)} has no alpha: composited onto white"]
        assert np.abs(read(tmp_path / f"out{suffix}").pixels.astype(int) - 204).max() <= 1


def test_extreme_shapes_survive(tmp_path: Path) -> None:
    for shape in ((1, 1), (1, 60000), (60000, 1), (1, 5)):
        photo = Photo((np.arange(np.prod(shape)) % 251).reshape(shape).astype(np.uint8))
        for suffix in (".png", ".tif", ".jpg", ".bmp"):
            write(photo, tmp_path / f"out{suffix}")
            assert read(tmp_path / f"out{suffix}").size == shape
    with pytest.raises(ColorizeError, match="60000 pixels a side are more than WEBP holds"):
        write(Photo(np.zeros((60000, 1), np.uint8)), tmp_path / "out.webp")
