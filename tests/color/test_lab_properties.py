"""Properties of the Lab conversions over their whole domain."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.color import rgb2lab

from colorize.color import lab

unit = st.floats(0, 1)
colors = arrays(np.float64, (7, 3), elements=unit)
lab_colors = arrays(np.float64, (7, 3), elements=unit).map(
    lambda share: share * (100, 256, 256) - (0, 128, 128)
)


@given(rgb=colors)
def test_lab_to_rgb_inverts_rgb_to_lab(rgb):
    np.testing.assert_allclose(lab.lab_to_rgb(lab.rgb_to_lab(rgb)), rgb, atol=1e-4)


@given(lab_colors)
def test_gamut_mapping_keeps_lightness_and_hue(wanted):
    rgb = lab.lab_to_rgb(wanted)
    assert rgb.min() >= 0 and rgb.max() <= 1
    result = rgb2lab(rgb)
    np.testing.assert_allclose(result[:, 0], wanted[:, 0], atol=0.02)
    chroma_wanted, chroma = (np.hypot(*colors[:, 1:].T) for colors in (wanted, result))
    assert (chroma <= chroma_wanted + 0.1).all()
    cross = wanted[:, 1] * result[:, 2] - wanted[:, 2] * result[:, 1]
    off_hue = np.abs(cross) / np.maximum(chroma_wanted, 1e-9)  # distance from the hue's line
    assert off_hue.max() <= 0.5
    dot = (wanted[:, 1:] * result[:, 1:]).sum(axis=1)
    assert (dot >= -0.5 * chroma_wanted).all()  # never the opposite hue


@given(arrays(np.uint8, (5, 3)), st.integers(0, 2**32 - 1))
def test_pixels_keep_lightness_whatever_the_colors(gray, seed):
    lightness = lab.lightness(gray)
    ab = np.random.default_rng(seed).uniform(-128, 128, (2, 5, 3)).astype(np.float32)
    pixels = lab.lab_to_srgb_pixels(lightness, ab)
    np.testing.assert_allclose(rgb2lab(pixels)[..., 0], lightness, atol=0.55)


@given(arrays(np.uint16, (5, 3, 3)))
def test_lightness_of_pixels_is_that_of_rgb_to_lab(pixels):
    expected = lab.rgb_to_lab(pixels / 65535)[..., 0]
    np.testing.assert_allclose(lab.lightness(pixels), expected, atol=2e-3)


@given(arrays(np.uint8, (4, 4)))
def test_8_and_16_bit_pixels_have_equal_lightness(pixels):
    deep = pixels.astype(np.uint16) * 257
    np.testing.assert_allclose(lab.lightness(deep), lab.lightness(pixels), atol=1e-3)
