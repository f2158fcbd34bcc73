"""Confidence: closed-form values, and that the decoding does not change it."""

import numpy as np
import pytest
import torch
from fixtures.colorizers import make_colorizer

from colorize.color.quantization import NUM_BINS
from colorize.decoding.confidence import confidence
from colorize.errors import ColorizeError
from colorize.io.photo import Photo


@pytest.mark.parametrize(
    ("colors", "expected"), [(1, 1), (NUM_BINS, 0), (4, 1 - np.log(4) / np.log(NUM_BINS))]
)
def test_confidence_of_equally_probable_colors(colors, expected):
    probabilities = np.zeros((NUM_BINS, 2, 3), np.float32)
    probabilities[:colors] = 1 / colors
    result = confidence(probabilities)
    assert result.shape == (2, 3)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, atol=1e-5)


def photo(height: int = 48, width: int = 64) -> Photo:
    rows, columns = np.mgrid[:height, :width]
    return Photo((128 + 100 * np.sin(rows / 9) * np.cos(columns / 13)).astype(np.uint8))


def test_confidence_is_that_of_natural_frequencies(network):
    colorizer = make_colorizer(network, size=64)
    result = colorizer.confidence(photo())
    assert result.shape == (16, 16)
    logits = network(torch.from_numpy(colorizer.network_input(photo())))
    natural = logits - torch.from_numpy(network.metadata.class_weights).log().view(1, -1, 1, 1)
    entropy = torch.distributions.Categorical(logits=natural.movedim(1, -1)).entropy()
    np.testing.assert_allclose(result, 1 - entropy[0].numpy() / np.log(NUM_BINS), atol=1e-4)
    changed = make_colorizer(network, size=64, temperature=2, rebalance=0.1, saturation=0)
    np.testing.assert_array_equal(changed.confidence(photo()), result)


def test_confidence_needs_distribution_only(eccv16, siggraph17):
    result = make_colorizer(eccv16, size=64).confidence(photo())
    assert (0 <= result).all()
    assert (result <= 1).all()
    with pytest.raises(ColorizeError, match="distribution"):
        make_colorizer(siggraph17, size=64).confidence(photo())
