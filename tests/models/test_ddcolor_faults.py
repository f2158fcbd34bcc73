"""Faults of DDColor's published program, none of which happens here.

The program: OpenCV reads 8 bits, shrinks to 512×512 without a filter, the network gives ab, which
is enlarged to the photograph by the nearest pixel, joined with its L and clipped to sRGB.
"""

import io
import tracemalloc
import warnings

import numpy as np
import pytest
import torch
from fixtures.ddcolor import FixedColors, uniform_ab
from PIL import Image
from skimage.color import lab2rgb, rgb2lab

from colorize.cli import main
from colorize.io.photo import Photo
from colorize.io.readers import read
from colorize.io.writers import write
from colorize.models.ddcolor import DDColor, DDColorTiny
from colorize.pipeline import Colorizer

SIZE = 512  # of the network's input


def colored(photo: Photo, ab: np.ndarray, **options: object) -> Photo:
    """Return the photograph as colorized by a network that gives this ab."""
    return Colorizer(FixedColors(ab)).with_options(size=ab.shape[-1], **options)(photo)


def gray(lightness: float, height: int = SIZE, width: int = SIZE, dtype: type = np.uint8) -> Photo:
    level = lab2rgb([[[float(lightness), 0, 0]]])[0, 0, 0] * np.iinfo(dtype).max
    return Photo(np.full((height, width), round(level), dtype))


def lab_of(photo: Photo) -> np.ndarray:
    return rgb2lab(photo.pixels / np.iinfo(photo.pixels.dtype).max)


def test_ab_is_enlarged_without_blocks():
    """Nearest pixels: 3 of 4 neighbors are equal, and the fourth differs by the whole step."""
    a = np.tile(np.linspace(-20, 20, 32), (32, 1))  # steps of 1.3
    result = lab_of(colored(gray(60, 128, 1024, np.uint16), np.stack((a, 0 * a))))[64, 16:-16, 1]
    steps = np.diff(result)
    assert steps.min() > 0
    assert steps.max() < 2 * np.median(steps)


def test_colors_change_at_the_edge_of_the_photograph():
    """Not up to half a pixel of the network's beside it."""
    edge = 155  # at 9.7 of the 32 columns that the network sees
    pixels = np.full((512, 512), 200, np.uint8)
    pixels[:, :edge] = 60
    a = np.full((32, 32), 30.0)
    a[:, :10] = -30
    a[:, 9] = 0.7 * -30 + 0.3 * 30
    sides = lab_of(colored(Photo(pixels), np.stack((a, 0 * a))))[256, :, 1]
    assert (sides[: edge - 1] < -15).all()
    assert (sides[edge + 1 :] > 15).all()


@pytest.mark.slow
def test_large_scans_are_shrunk_with_a_filter():
    """Stripes of 2 pixels become their mean, 2000 to 512; taking single pixels keeps contrast."""
    stripes = np.tile(np.repeat([40, 215], 2), 500)
    photo = Photo(np.tile(stripes.astype(np.uint8), (2000, 1)))
    seen = Colorizer(FixedColors(uniform_ab(0, 0))).network_input(photo)[0, 0]
    assert seen.shape == (SIZE, SIZE)
    assert np.ptp(lab_of(photo_rgb(photo))[0, :, 0]) > 60
    assert seen.std() < 1
    assert seen.mean() == pytest.approx(
        lab_of(Photo(np.full((1, 1, 3), 128, np.uint8)))[0, 0, 0], abs=1
    )


@pytest.mark.parametrize("corner", [(-175, -180), (160, 170), (-170, 150), (10, -190)])
def test_ab_beyond_every_color_makes_no_blob_in_a_corner(corner):
    """Clipping changes L by up to 60 and hue; here both stay, and only chroma is reduced."""
    ab = np.array(uniform_ab(8, 12))
    ab[:, :100, :100] = np.reshape(corner, (2, 1, 1))
    photo = gray(55, dtype=np.uint16)
    inside = lab_of(colored(photo, ab))[:80, :80]
    assert np.abs(inside[..., 0] - lab_of(photo_rgb(photo))[:80, :80, 0]).max() < 0.05
    hue, wanted = np.arctan2(inside[..., 2], inside[..., 1]), np.arctan2(corner[1], corner[0])
    assert np.abs(np.angle(np.exp(1j * (hue - wanted)))).max() < np.radians(0.5)
    assert np.hypot(inside[..., 1], inside[..., 2]).max() < np.hypot(*corner)
    with warnings.catch_warnings(action="ignore"):  # of values beyond every color
        clipped = rgb2lab(lab2rgb([[[55.0, *corner]]]))[0, 0, 0]
    assert abs(clipped - 55) > 1


def photo_rgb(photo: Photo) -> Photo:
    return Photo(np.repeat(photo.pixels[..., None], 3, axis=2))


def test_lightness_is_kept_where_colors_leave_srgb():
    """Colors up to 60 at L 60, as measured for the published program: up to 7 L are lost there."""
    random = np.random.default_rng(0)
    ab = random.uniform(-60, 60, (2, 64, 64))
    photo = gray(60, 64, 64, np.uint16)
    result = lab_of(colored(photo, ab, upsampling="bilinear"))
    assert np.abs(result[..., 0] - lab_of(photo_rgb(photo))[..., 0]).max() < 0.05


def test_lightness_is_not_that_of_a_table():
    """OpenCV's differs by up to 0.23."""
    levels = np.arange(256, dtype=np.uint8).repeat(4).reshape(32, 32)
    seen = Colorizer(FixedColors(uniform_ab(0, 0, 32))).with_options(size=32)
    expected = lab_of(photo_rgb(Photo(levels)))[..., 0]
    assert np.abs(seen.network_input(Photo(levels))[0, 0] - expected).max() < 0.01


@pytest.mark.parametrize("size", [32, 96, 1024])
def test_size_of_the_input_is_not_fixed(size):
    result = colored(gray(60, 40, 56), uniform_ab(20, 20, size))
    assert lab_of(result)[..., 1:].mean() == pytest.approx(20, abs=1)


def test_16_bits_transparency_and_metadata_are_kept():
    levels = np.linspace(8000, 50000, 64 * 64).astype(np.uint16).reshape(64, 64)
    alpha = levels[::-1].copy()
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "Leica"
    Image.new("L", (8, 8)).save(file, "JPEG", exif=exif)
    metadata = read(io.BytesIO(file.getvalue())).metadata
    photo = colored(Photo(levels, alpha, metadata), uniform_ab(10, 10, 32))
    target = io.BytesIO()
    write(photo, target, format="png")
    kept = read(io.BytesIO(target.getvalue()))
    assert kept.pixels.dtype == np.uint16
    assert len(np.unique(kept.pixels[..., 1])) > 1000
    np.testing.assert_array_equal(kept.alpha, alpha)
    assert b"Leica" in kept.metadata.exif


def test_orientation_is_applied_once():
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90°
    Image.new("L", (60, 40), 120).save(file, "JPEG", exif=exif)
    target = io.BytesIO()
    photo = read(io.BytesIO(file.getvalue()))
    write(colored(photo, uniform_ab(10, 10, 32)), target, format="jpeg")
    with Image.open(target) as written:
        assert written.size == (40, 60)
        assert written.getexif().get(0x0112, 1) == 1


@pytest.mark.slow
def test_memory_is_that_of_strips():
    """The published program holds several copies of the photograph in float32, 12 bytes each."""
    photo = gray(60, 4000, 3000)
    colorizer = Colorizer(FixedColors(uniform_ab(20, 20)))
    colorizer.threads = 1
    tracemalloc.start()
    try:
        result = colorizer(photo)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < result.pixels.nbytes + 4 * photo.pixels.size


def test_file_that_is_not_a_picture_decides_the_exit_status(tmp_path, monkeypatch, capsys):
    """It is named with the reason, and the others are done."""
    monkeypatch.setattr(
        "colorize.pipeline.load_runner", lambda *args, **kwargs: FixedColors(uniform_ab(20, 9))
    )
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    Image.new("L", (60, 40), 120).save(tmp_path / "b.jpg")
    status = main([str(tmp_path / "a.jpg"), str(tmp_path / "b.jpg"), "--model", "ddcolor"])
    assert status == 1
    assert "a.jpg" in capsys.readouterr().err
    assert {file.name for file in tmp_path.iterdir()} == {"a.jpg", "b.jpg", "b.colorized.jpg"}


def test_published_classes_have_the_published_input_size():
    with torch.device("meta"):
        assert {DDColor().metadata.input_size, DDColorTiny().metadata.input_size} == {SIZE}
