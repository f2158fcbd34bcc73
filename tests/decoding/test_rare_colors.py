"""The boost of rare colors."""

import numpy as np

from colorize.color.quantization import NUM_BINS
from colorize.decoding.annealed_mean import probabilities
from colorize.decoding.rare_colors import MIN_PRIOR, boost_rare_colors


def test_boost_grows_with_root_of_probability():
    rng = np.random.default_rng(4)
    logits = 3 * rng.standard_normal((2, NUM_BINS, 4, 5), np.float32)
    prior = rng.random(NUM_BINS) ** 8
    prior /= prior.sum()
    offset = np.linspace(-1, 1, NUM_BINS)
    q = probabilities(logits, log_offset=offset)
    clipped = np.maximum(prior, MIN_PRIOR)[:, None, None]
    expected = np.exp(logits) * (1 + 0.2 * np.sqrt(q) / clipped)
    result = boost_rare_colors(logits, 0.2, prior, offset)
    np.testing.assert_allclose(np.exp(result), expected, rtol=1e-4)
    np.testing.assert_allclose(boost_rare_colors(logits, 0, prior, offset), logits)


def test_boost_lifts_rare_color_only_where_likely():
    """Color 1 is 100 times rarer than color 0: at 20 % it wins, at 0.01 % it does not."""
    prior = np.full(NUM_BINS, 1e-9)
    prior[:2] = 0.99, 0.0099
    likely, unlikely = np.full((2, 1, NUM_BINS, 1, 1), -50.0)
    likely[0, :2, 0, 0] = np.log([0.8, 0.2])
    unlikely[0, :2, 0, 0] = np.log([0.9999, 0.0001])
    for logits, winner in ((likely, 1), (unlikely, 0)):
        assert boost_rare_colors(logits, 0.2, prior)[0, :, 0, 0].argmax() == winner
