"""Autocontrast: what it clips, what it ignores, and that it is linear in L."""

import dataclasses
from functools import cache

import numpy as np
import pytest
from fixtures.colorizers import make_colorizer
from PIL import Image
from skimage.color import rgb2lab

from colorize.cli import main
from colorize.color import lab
from colorize.color.autocontrast import (
    CLIPPED,
    autocontrast,
    black_white_points,
    stretch_lightness,
)
from colorize.io.photo import Photo
from colorize.io.readers import read


@cache
def faded(low=35.0, high=70.0, size=(200, 300), dtype=np.uint8) -> Photo:
    """Return a gray photograph whose L lies between two values, with some grain."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    wave = 0.5 + 0.45 * np.sin(rows / 23) * np.cos(columns / 31)
    wave += np.random.default_rng(0).normal(0, 0.02, size)
    return gray(low + (high - low) * wave.clip(0, 1), dtype)


def gray(lightness: np.ndarray, dtype: type = np.uint8) -> Photo:
    ab = np.zeros((2, *lightness.shape), np.float32)
    return Photo(lab.lab_to_srgb_pixels(lightness.astype(np.float32), ab, dtype)[..., 1].copy())


def bordered(photo: Photo, tone: int, share: float = 0.05) -> Photo:
    rows, columns = (round(share * side) for side in photo.size)
    return Photo(np.pad(photo.pixels, ((rows, rows), (columns, columns)), constant_values=tone))


def lightness_of(photo: Photo) -> np.ndarray:
    return lab.lightness(photo.pixels)


def stretched(photo: Photo) -> Photo:
    return dataclasses.replace(photo, pixels=autocontrast(photo.pixels, photo.alpha))


def points(photo: Photo) -> tuple[float, float]:
    return black_white_points(photo.pixels, photo.alpha)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_stretch_uses_full_range(dtype):
    result = stretched(faded(dtype=dtype))
    assert result.pixels.dtype == dtype
    assert result.pixels.min() == 0 and result.pixels.max() == np.iinfo(dtype).max


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.uint8, 0.25), (np.uint16, 0.002)])
def test_stretch_is_linear_in_lightness(dtype, tolerance):
    photo = faded(dtype=dtype)
    low, high = points(photo)
    before = lightness_of(photo).astype(np.float64)
    expected = np.clip((before - low) * 100 / (high - low), 0, 100)
    assert np.abs(lightness_of(stretched(photo)) - expected).max() <= tolerance


def test_stretch_keeps_order_of_lightness():
    photo = faded(dtype=np.uint16)
    order = np.argsort(photo.pixels, axis=None)
    assert (np.diff(stretched(photo).pixels.ravel()[order].astype(int)) >= 0).all()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_points_clip_at_most_half_a_percent_each(seed, dtype):
    rng = np.random.default_rng(seed)
    top = np.iinfo(dtype).max
    pixels = (rng.beta(*rng.uniform(0.5, 8, 2), (150, 170)) * top).astype(dtype)
    photo = Photo(pixels)
    low, high = points(photo)
    lightness = lightness_of(photo)
    assert np.mean(lightness < low) <= CLIPPED
    assert np.mean(lightness > high) <= CLIPPED
    assert high - low >= 24.999


def test_points_ignore_few_specks():
    photo = faded()
    pixels = photo.pixels.copy()
    pixels[::40, ::40], pixels[5::40, ::40] = 255, 0
    assert points(Photo(pixels)) == pytest.approx(points(photo), abs=2)


def test_stretch_keeps_full_contrast():
    photo = faded(-10, 110)
    assert np.abs(stretched(photo).pixels.astype(int) - photo.pixels).max() <= 2


@pytest.mark.parametrize("level", [0, 1, 90, 200, 255])
def test_stretch_keeps_single_tone(level):
    photo = Photo(np.full((40, 30), level, np.uint8))
    assert np.abs(stretched(photo).pixels.astype(int) - level).max() <= 1


def test_stretch_is_at_most_fourfold():
    photo = faded(60, 64)
    before, after = (np.ptp(lightness_of(p)) for p in (photo, stretched(photo)))
    assert 3 * before < after <= 4 * before + 1


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (3, 5), (2, 2000)])
def test_stretch_accepts_small_and_thin_photographs(size):
    photo = Photo(np.random.default_rng(1).integers(90, 160, size, np.uint8))
    assert stretched(photo).size == size


@pytest.mark.parametrize("tone", [0, 255, 240])
@pytest.mark.parametrize("share", [0.01, 0.05, 0.12])
@pytest.mark.parametrize("size", [(200, 300), (1100, 1500)])
def test_points_ignore_plain_borders(tone, share, size):
    photo = faded(size=size)
    assert points(bordered(photo, tone, share)) == pytest.approx(points(photo), abs=0.6)


def test_points_count_a_sky():
    """A plain bright strip at one edge counts, so no more than half a percent is clipped."""
    pixels = faded().pixels.copy()
    pixels[:20] = 230
    assert points(Photo(pixels))[1] >= lab.lightness(pixels[:1])[0, 0]


def test_points_ignore_transparent_pixels():
    photo = faded()
    alpha = np.full(photo.size, 255, np.uint8)
    alpha[:, 150:] = 0
    pixels = photo.pixels.copy()
    pixels[:, 150:] = np.random.default_rng(0).integers(0, 256, (200, 150), np.uint8)
    result = stretched(Photo(pixels, alpha))
    assert points(Photo(pixels, alpha)) == points(Photo(photo.pixels[:, :150]))
    np.testing.assert_array_equal(result.alpha, alpha)
    nothing = Photo(pixels, np.zeros(photo.size, np.uint8))
    assert points(nothing) == (0, 100)


def test_stretch_of_tinted_photograph_is_gray():
    ab = np.stack([np.full((200, 300), tint, np.float32) for tint in (8, 20)])
    sepia = Photo(lab.lab_to_srgb_pixels(lightness_of(faded()), ab))
    result = stretched(sepia)
    assert result.pixels.ndim == 2
    assert points(sepia) == pytest.approx(points(faded()), abs=0.5)


# With the colorizer


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.uint8, 0.75), (np.uint16, 0.02)])
def test_colorizer_result_has_stretched_lightness(network, dtype, tolerance):
    photo = faded(dtype=dtype)
    low, high = points(photo)
    expected = np.clip((lightness_of(photo) - low) * (100 / (high - low)), 0, 100)
    result = make_colorizer(network, size=64, autocontrast=True)(photo)
    top = np.iinfo(dtype).max
    assert np.abs(rgb2lab(result.pixels / top)[..., 0] - expected).max() <= tolerance


def test_colorizer_network_gets_stretched_photograph(network):
    photo = faded()
    result = make_colorizer(network, size=64, autocontrast=True)(photo)
    by_hand = make_colorizer(network, size=64)(stretched(photo))
    plain = make_colorizer(network, size=64)(photo)
    np.testing.assert_array_equal(result.pixels, by_hand.pixels)
    assert np.abs(result.pixels.astype(int) - plain.pixels).mean() > 5


def test_command_stretches_only_with_autocontrast(weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photo = faded()
    Image.fromarray(photo.pixels).save("a.png")
    common = ["--weights", weights, "--size", "64", "-i", "a.png"]
    assert main([*common, "-o", "plain.png"]) == 0
    assert main([*common, "-o", "stretched.png", "--autocontrast"]) == 0
    ranges = [np.ptp(lightness_of(read(name))) for name in ("plain.png", "stretched.png")]
    assert ranges[0] < 40 and ranges[1] > 99


def test_stretch_of_lightness_is_that_of_the_photograph():
    batch = np.stack([lightness_of(photo) for photo in (faded(), faded(10, 30))])[:, None]
    before = batch.copy()
    whole = stretch_lightness(batch, 1.0)
    for lightness, photo in zip(whole[:, 0], (faded(), faded(10, 30)), strict=True):
        np.testing.assert_allclose(lightness, lightness_of(stretched(photo)), atol=0.3)
    np.testing.assert_allclose(stretch_lightness(batch, 0.5), (batch + whole) / 2, atol=1e-4)
    np.testing.assert_array_equal(batch, before)


def test_stretch_of_lightness_keeps_a_single_tone():
    assert stretch_lightness(np.full((1, 1, 8, 8), 50, np.float32), 1.0) == pytest.approx(
        50, abs=0.1
    )
