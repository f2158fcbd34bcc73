"""Confidence maps as pictures."""

import numpy as np
from fixtures.colorizers import make_colorizer

from colorize.io.photo import Photo
from colorize.viewing.heatmap import MAX_SIDE, MIN_WIDTH, render_heatmap


def test_heatmap_has_size_of_photograph_with_color_bar_below():
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


def test_heatmap_luminance_grows_with_value():
    picture = render_heatmap(np.linspace(0, 1, 256, dtype=np.float32)[None], (1, 256))
    luminance = picture[0, :256].astype(float) @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(luminance) > -0.5).all()
    assert luminance[-1] > luminance[0] + 150


def test_heatmap_size_is_limited_and_color_bar_legible():
    assert render_heatmap(np.zeros((4, 4)), (10, 3 * MAX_SIDE)).shape[1] == MAX_SIDE
    tiny = render_heatmap(np.zeros((4, 4)), (1, 1))
    assert tiny.shape[1] == MIN_WIDTH


def test_confidence_map_is_rgb_without_alpha(network):
    photo = Photo(np.tile(np.arange(250, dtype=np.uint8), (200, 1)))
    result = make_colorizer(network, size=64).confidence_map(photo)
    assert result.pixels.shape[1:] == (250, 3)
    assert result.alpha is None
