"""Confidence: closed-form values, that decoding doesn't change it, and the map."""

import numpy as np
import pytest
import torch
from fixtures.colorizers import make_colorizer

from colorize.color.quantization import NUM_BINS
from colorize.decoding.confidence import confidence
from colorize.errors import ColorizeError
from colorize.io.photo import Photo
from colorize.models.eccv16 import ECCV16
from colorize.models.siggraph17 import SIGGRAPH17
from colorize.viewing.heatmap import MAX_SIDE, MIN_WIDTH, render_heatmap


@pytest.mark.parametrize(
    ("colors", "expected"), [(1, 1), (NUM_BINS, 0), (4, 1 - np.log(4) / np.log(NUM_BINS))]
)
def test_so_many_equal_colors(colors, expected):
    probabilities = np.zeros((1, NUM_BINS, 2, 3), np.float32)
    probabilities[:, :colors] = 1 / colors
    result = confidence(probabilities)
    assert result.shape == (1, 2, 3)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, atol=1e-5)


def photo(height: int = 48, width: int = 64) -> Photo:
    rows, columns = np.mgrid[:height, :width]
    return Photo((128 + 100 * np.sin(rows / 9) * np.cos(columns / 13)).astype(np.uint8))


def test_it_is_that_of_natural_frequencies_however_colors_are_decoded(network):
    colorizer = make_colorizer(network, size=64)
    result = colorizer.confidence(photo())
    assert result.shape == (16, 16)
    logits = network(torch.from_numpy(colorizer.network_input(photo())))
    natural = logits - torch.from_numpy(network.metadata.class_weights).log().view(1, -1, 1, 1)
    entropy = torch.distributions.Categorical(logits=natural.movedim(1, -1)).entropy()
    np.testing.assert_allclose(result, 1 - entropy[0].numpy() / np.log(NUM_BINS), atol=1e-4)
    changed = make_colorizer(network, size=64, temperature=2, rebalance=0.1, saturation=0)
    np.testing.assert_array_equal(changed.confidence(photo()), result)


def test_a_network_of_unknown_rebalancing_has_confidence_and_one_of_colors_none():
    torch.manual_seed(0)
    result = make_colorizer(ECCV16().eval().requires_grad_(False), size=64).confidence(photo())
    assert (0 <= result).all()
    assert (result <= 1).all()
    with pytest.raises(ColorizeError, match="distribution"):
        make_colorizer(SIGGRAPH17().eval(), size=64).confidence(photo())


def test_the_map_is_as_large_as_the_photograph_with_a_scale_below():
    values = np.zeros((4, 4), np.float32)
    values[:, 2:] = 1
    picture = render_heatmap(values, (300, 400))
    assert picture.dtype == np.uint8
    assert picture.shape[1] == 400
    assert 330 < picture.shape[0] < 400
    assert tuple(picture[0, 0]) == (68, 1, 84)
    assert tuple(picture[299, 399]) == (253, 231, 37)
    scale = picture[300:]
    assert (scale == (255, 255, 255)).all(axis=2).mean() > 0.5
    bar = scale[np.argmin(scale.min(axis=2).mean(axis=1))].astype(int).sum(axis=1)
    assert np.ptp(bar) > 300  # from dark to bright
    assert (scale[30:].max(axis=2) < 100).sum() > 100  # the labels


def test_lightness_grows_with_confidence():
    picture = render_heatmap(np.linspace(0, 1, 256, dtype=np.float32)[None], (1, 256))
    luminance = picture[0, :256].astype(float) @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(luminance) > -0.5).all()
    assert luminance[-1] > luminance[0] + 150


def test_huge_maps_are_bounded_and_tiny_ones_keep_a_legible_scale():
    assert render_heatmap(np.zeros((4, 4)), (10, 3 * MAX_SIDE)).shape[1] == MAX_SIDE
    tiny = render_heatmap(np.zeros((4, 4)), (1, 1))
    assert tiny.shape[1] == MIN_WIDTH


def test_the_map_of_a_photograph(network):
    made = make_colorizer(network, size=64).confidence_map(photo(300, 400))
    assert made.pixels.shape[1:] == (400, 3)
    assert made.alpha is None
