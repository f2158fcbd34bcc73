"""The boost of rare colors."""

import numpy as np

from colorize.color.quantization import NUM_BINS, bin_centers
from colorize.decoding.annealed_mean import annealed_mean, probabilities
from colorize.decoding.rare_colors import MIN_PRIOR, boost_rare_colors, smooth_prior


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


def polar(chroma: float, degrees: float) -> tuple[float, float]:
    return chroma * np.cos(np.radians(degrees)), chroma * np.sin(np.radians(degrees))


def test_boost_keeps_hue_and_raises_chroma_of_mean():
    """Gray, red and orange: red is four times rarer than orange, as likely, and does not win."""
    centers = np.array([(0, 0), polar(30, 20), polar(30, 60)], np.float32)
    prior = np.array([0.9, 0.02, 0.08])
    logits = np.log([0.5, 0.25, 0.25]).astype(np.float32).reshape(1, 3, 1, 1)

    def hue_and_chroma(prior: np.ndarray | None) -> tuple[float, float]:
        boosted = logits if prior is None else boost_rare_colors(logits, 0.2, prior)
        a, b = annealed_mean(boosted, centers=centers)[0, :, 0, 0]
        return np.degrees(np.arctan2(b, a)), np.hypot(a, b)

    hue, chroma = hue_and_chroma(None)
    boosted_hue, boosted_chroma = hue_and_chroma(smooth_prior(prior, centers))
    assert abs(boosted_hue - hue) < 1
    assert boosted_chroma > 1.3 * chroma
    assert hue - hue_and_chroma(prior)[0] > 5  # what rarity of single bins would do


def test_smooth_prior_is_weighted_mean_of_prior():
    """By hand for two bins of one chroma, 90° apart across the angle where hue wraps around."""
    centers = np.array([polar(30, 135), polar(30, -135)])
    weight = np.exp(-1 / 2)
    expected = np.array([0.2 + 0.8 * weight, 0.8 + 0.2 * weight]) / (1 + weight)
    np.testing.assert_allclose(smooth_prior(np.array([0.2, 0.8]), centers), expected, rtol=1e-5)


def test_smooth_prior_compares_gray_by_chroma_only():
    centers = np.array([(0, 0), polar(10, 0), polar(10, 180)])
    smooth = smooth_prior(np.array([0.8, 0.1, 0.1]), centers)
    assert smooth[1] == smooth[2]
    weight = np.exp(-1 / 2)
    np.testing.assert_allclose(smooth[0], (0.8 + 0.2 * weight) / (1 + 2 * weight), rtol=1e-5)


def test_smooth_prior_keeps_uniform_prior():
    uniform = np.full(NUM_BINS, 1 / NUM_BINS)
    np.testing.assert_allclose(smooth_prior(uniform, bin_centers()), uniform, rtol=1e-5)
