"""The stretch of faded lightness: what it clips, what it ignores, that it is one for all pixels."""

import dataclasses

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

from colorize.cli import main
from colorize.color import lab
from colorize.color.autocontrast import CLIPPED, autocontrast, limits, photograph_area
from colorize.io.metadata import Metadata
from colorize.io.photo import Photo
from colorize.io.readers import read
from colorize.pipeline import Colorizer
from colorize.runtime.torch_runner import TorchRunner


def faded(low=35.0, high=70.0, size=(200, 300), dtype=np.uint8) -> Photo:
    """Return a gray photograph whose L lies between two values, with some grain."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    wave = 0.5 + 0.45 * np.sin(rows / 23) * np.cos(columns / 31)
    wave += np.random.default_rng(0).normal(0, 0.02, size)
    return gray(low + (high - low) * wave.clip(0, 1), dtype)


def gray(lightness: np.ndarray, dtype: type = np.uint8) -> Photo:
    ab = np.zeros((2, *lightness.shape), np.float32)
    return Photo(lab.join(lightness.astype(np.float32), ab, dtype)[..., 1].copy())


def bordered(photo: Photo, tone: int, share: float = 0.05) -> Photo:
    rows, columns = (round(share * side) for side in photo.size)
    return Photo(np.pad(photo.pixels, ((rows, rows), (columns, columns)), constant_values=tone))


def lightness_of(photo: Photo) -> np.ndarray:
    return lab.lightness(photo.pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_faded_photograph_gets_the_whole_range(dtype):
    result = autocontrast(faded(dtype=dtype))
    assert result.pixels.dtype == dtype
    assert result.pixels.min() == 0 and result.pixels.max() == np.iinfo(dtype).max


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.uint8, 0.25), (np.uint16, 0.002)])
def test_it_is_one_line_for_all_pixels(dtype, tolerance):
    photo = faded(dtype=dtype)
    low, high = limits(photo)
    before = lightness_of(photo).astype(np.float64)
    expected = np.clip((before - low) * 100 / (high - low), 0, 100)
    assert np.abs(lightness_of(autocontrast(photo)) - expected).max() <= tolerance


def test_order_stays():
    photo = faded(dtype=np.uint16)
    order = np.argsort(photo.pixels, axis=None)
    assert (np.diff(autocontrast(photo).pixels.ravel()[order].astype(int)) >= 0).all()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_no_more_than_half_a_percent_is_clipped_at_either_end(seed, dtype):
    rng = np.random.default_rng(seed)
    top = np.iinfo(dtype).max
    pixels = (rng.beta(*rng.uniform(0.5, 8, 2), (150, 170)) * top).astype(dtype)
    photo = Photo(pixels)
    low, high = limits(photo)
    lightness = lightness_of(photo)
    assert np.mean(lightness < low) <= CLIPPED
    assert np.mean(lightness > high) <= CLIPPED
    assert high - low >= 24.999


def test_a_few_specks_do_not_keep_a_photograph_faded():
    photo = faded()
    pixels = photo.pixels.copy()
    pixels[::40, ::40], pixels[5::40, ::40] = 255, 0
    assert limits(Photo(pixels)) == pytest.approx(limits(photo), abs=2)


def test_full_contrast_stays_as_it_is():
    photo = faded(-10, 110)
    assert np.abs(autocontrast(photo).pixels.astype(int) - photo.pixels).max() <= 2


@pytest.mark.parametrize("level", [0, 1, 90, 200, 255])
def test_one_tone_stays(level):
    photo = Photo(np.full((40, 30), level, np.uint8))
    assert np.abs(autocontrast(photo).pixels.astype(int) - level).max() <= 1


def test_contrast_grows_fourfold_at_most():
    photo = faded(60, 64)
    before, after = (np.ptp(lightness_of(p)) for p in (photo, autocontrast(photo)))
    assert 3 * before < after <= 4 * before + 1


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (3, 5), (2, 2000)])
def test_small_and_thin_photographs_pass(size):
    photo = Photo(np.random.default_rng(1).integers(90, 160, size, np.uint8))
    assert autocontrast(photo).size == size


@pytest.mark.parametrize("tone", [0, 255, 240])
@pytest.mark.parametrize("share", [0.01, 0.05, 0.12])
@pytest.mark.parametrize("size", [(200, 300), (1100, 1500)])
def test_plain_borders_do_not_count(tone, share, size):
    photo = faded(size=size)
    assert limits(bordered(photo, tone, share)) == pytest.approx(limits(photo), abs=0.6)


def test_uneven_borders_on_two_sides_do_not_count():
    photo = faded()
    pixels = np.pad(photo.pixels, ((0, 0), (20, 35)), constant_values=250)
    pixels[:, :20] -= np.random.default_rng(0).integers(0, 8, (200, 20), np.uint8)
    rows, columns = photograph_area(pixels)
    assert rows == slice(0, 200)
    assert 20 <= columns.start <= 24 and 316 <= columns.stop <= 320


def test_a_sky_is_no_border():
    """A plain bright strip at one edge counts, so no more than half a percent is clipped."""
    photo = faded()
    pixels = photo.pixels.copy()
    pixels[:20] = 230
    assert photograph_area(pixels) == (slice(0, 200), slice(0, 300))
    assert limits(Photo(pixels))[1] >= lab.lightness(pixels[:1])[0, 0]


def test_a_plain_background_is_no_border():
    lightness = np.full((200, 300), 80.0)
    lightness[60:140, 100:200] = 40
    photo = gray(lightness)
    assert photograph_area(photo.pixels) == (slice(0, 200), slice(0, 300))


def test_transparent_pixels_do_not_count():
    photo = faded()
    alpha = np.full(photo.size, 255, np.uint8)
    alpha[:, 150:] = 0
    pixels = photo.pixels.copy()
    pixels[:, 150:] = np.random.default_rng(0).integers(0, 256, (200, 150), np.uint8)
    result = autocontrast(Photo(pixels, alpha))
    assert limits(Photo(pixels, alpha)) == limits(Photo(photo.pixels[:, :150]))
    np.testing.assert_array_equal(result.alpha, alpha)
    nothing = Photo(pixels, np.zeros(photo.size, np.uint8))
    assert limits(nothing) == (0, 100)


def test_a_tint_is_stretched_by_its_lightness():
    ab = np.stack([np.full((200, 300), tint, np.float32) for tint in (8, 20)])
    sepia = Photo(lab.join(lightness_of(faded()), ab))
    result = autocontrast(sepia)
    assert result.pixels.ndim == 2
    assert limits(sepia) == pytest.approx(limits(faded()), abs=0.5)


def test_metadata_stays():
    photo = dataclasses.replace(faded(), metadata=Metadata(format="TIFF", dpi=(300, 300)))
    assert autocontrast(photo).metadata == photo.metadata


# With the colorizer


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.uint8, 0.75), (np.uint16, 0.02)])
def test_the_result_has_the_stretched_lightness(network, dtype, tolerance):
    photo = faded(dtype=dtype)
    low, high = limits(photo)
    expected = np.clip((lightness_of(photo) - low) * (100 / (high - low)), 0, 100)
    result = Colorizer(TorchRunner(network), size=64, autocontrast=True)(photo)
    top = np.iinfo(dtype).max
    assert np.abs(rgb2lab(result.pixels / top)[..., 0] - expected).max() <= tolerance


def test_the_network_sees_the_stretched_photograph(network):
    photo = faded()
    stretched = Colorizer(TorchRunner(network), size=64, autocontrast=True)(photo)
    by_hand = Colorizer(TorchRunner(network), size=64)(autocontrast(photo))
    plain = Colorizer(TorchRunner(network), size=64)(photo)
    np.testing.assert_array_equal(stretched.pixels, by_hand.pixels)
    assert np.abs(stretched.pixels.astype(int) - plain.pixels).mean() > 5


def test_the_command_stretches_only_if_asked(weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photo = faded()
    Image.fromarray(photo.pixels).save("a.png")
    common = ["--weights", weights, "--size", "64", "-i", "a.png"]
    assert main([*common, "-o", "plain.png"]) == 0
    assert main([*common, "-o", "stretched.png", "--autocontrast"]) == 0
    ranges = [np.ptp(lightness_of(read(name))) for name in ("plain.png", "stretched.png")]
    assert ranges[0] < 40 and ranges[1] > 99
