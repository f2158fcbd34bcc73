"""Lab against scikit-image, and the promise that L is kept."""

import numpy as np
import pytest
from skimage.color import lab2rgb, rgb2lab

from colorize.color import lab


@pytest.fixture(scope="module")
def cube() -> np.ndarray:
    axis = np.linspace(0, 1, 33)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(33, -1, 3)


def random_lab(n: int = 20000) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.uniform((0, -110, -110), (100, 110, 110), (n, 1, 3))


def test_rgb_to_lab_equals_scikit_image(cube):
    np.testing.assert_allclose(lab.rgb_to_lab(cube), rgb2lab(cube), atol=1e-9)


def test_lab_to_rgb_inverts_rgb_to_lab(cube):
    np.testing.assert_allclose(lab.lab_to_rgb(lab.rgb_to_lab(cube)), cube, atol=2e-5)


@pytest.mark.filterwarnings("ignore:Conversion from CIE-LAB")
def test_lab_to_rgb_equals_scikit_image_in_the_gamut():
    colors = random_lab()
    theirs = lab2rgb(colors)  # clamped outside
    in_gamut = ((theirs > 0) & (theirs < 1)).all(axis=-1)
    assert in_gamut.mean() > 0.1
    np.testing.assert_allclose(lab.lab_to_rgb(colors)[in_gamut], theirs[in_gamut], atol=1e-9)


def test_lab_to_rgb_keeps_lightness_and_hue():
    colors = random_lab()
    result = rgb2lab(lab.lab_to_rgb(colors))
    np.testing.assert_allclose(result[..., 0], colors[..., 0], atol=0.01)
    wanted, got = colors[..., 1:], result[..., 1:]
    cross = wanted[..., 0] * got[..., 1] - wanted[..., 1] * got[..., 0]
    assert (
        np.abs(cross / np.linalg.norm(wanted, axis=-1)).max() < 0.5
    )  # distance from the hue's ray
    assert (np.linalg.norm(got, axis=-1) <= np.linalg.norm(wanted, axis=-1) + 0.1).all()


@pytest.mark.filterwarnings("ignore:Conversion from CIE-LAB")
def test_lab_to_rgb_takes_the_largest_chroma():
    colors = random_lab(2000)
    result = rgb2lab(lab.lab_to_rgb(colors))
    reduced = (
        np.linalg.norm(result[..., 1:], axis=-1) < np.linalg.norm(colors[..., 1:], axis=-1) - 1
    )
    more = result.copy()
    more[..., 1:] += 1.5 * colors[..., 1:] / np.linalg.norm(colors[..., 1:], axis=-1, keepdims=True)
    shifted = rgb2lab(lab2rgb(more))
    assert reduced.mean() > 0.5
    assert (np.abs(shifted - more).max(axis=-1)[reduced] > 0.02).mean() > 0.99


def test_float32_is_kept_and_close(cube):
    result = lab.rgb_to_lab(cube.astype(np.float32))
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, rgb2lab(cube), atol=2e-3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_lightness_of_gray_and_rgb_equals_scikit_image(dtype):
    top = np.iinfo(dtype).max
    gray = np.linspace(0, top, 256).astype(dtype).reshape(16, 16)
    rgb = np.random.default_rng(1).integers(0, top, (16, 16, 3), dtype, endpoint=True)
    expected = rgb2lab(np.repeat(gray[..., None], 3, axis=2) / top)[..., 0]
    np.testing.assert_allclose(lab.lightness(gray), expected, atol=1e-3)
    np.testing.assert_allclose(lab.lightness(rgb), rgb2lab(rgb / top)[..., 0], atol=1e-3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pixels_without_color_are_gray(dtype):
    gray = np.arange(np.iinfo(dtype).max + 1).astype(dtype).reshape(-1, 16)
    result = lab.lab_to_srgb_pixels(
        lab.lightness(gray), np.zeros((2, *gray.shape), np.float32), dtype
    )
    assert result.dtype == dtype
    assert np.abs(result.astype(int) - gray[..., None].astype(int)).max() <= (
        2 if dtype == np.uint16 else 0
    )  # white is not quite neutral


@pytest.mark.filterwarnings("ignore:Conversion from CIE-LAB")
@pytest.mark.parametrize(("dtype", "limit"), [(np.uint8, 0.5), (np.uint16, 0.01)])
def test_pixels_keep_lightness(dtype, limit):
    rng = np.random.default_rng(2)
    lightness = rng.uniform(0, 100, (300, 300)).astype(np.float32)
    ab = rng.uniform(-60, 60, (2, 300, 300)).astype(np.float32)
    result = lab.lab_to_srgb_pixels(lightness, ab, dtype)
    exact = lab2rgb(np.stack((lightness, *ab), axis=-1).astype(float))
    in_gamut = ((exact > 0) & (exact < 1)).all(axis=-1)
    out = rgb2lab(result / np.iinfo(dtype).max)[..., 0]
    error = np.abs(out - lightness)
    assert in_gamut.mean() > 0.2
    assert error[in_gamut].max() <= limit
    assert error.max() <= limit + 0.01  # where chroma was reduced
