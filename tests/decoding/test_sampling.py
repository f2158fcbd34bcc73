"""Samples: what they favor, that regions change as a whole, and that seeds repeat them."""

import itertools

import numpy as np
import pytest
from fixtures.colorizers import make_colorizer

from colorize.color.quantization import NUM_BINS, bin_centers
from colorize.decoding.annealed_mean import annealed_mean
from colorize.decoding.sampling import copula_log_weights
from colorize.errors import ColorizeError
from colorize.io.photo import Photo


def bump(a: float, b: float, width: float) -> np.ndarray:
    """Return a distribution around a color, (Q,)."""
    distance = np.linalg.norm(bin_centers() - (a, b), axis=1)
    weights = np.exp(-((distance / width) ** 2) / 2)
    return (weights / weights.sum()).astype(np.float32)


def two_regions() -> np.ndarray:
    """Return distributions (Q, 8, 8): the left half unsure around gray, the right sure of blue."""
    result = np.empty((NUM_BINS, 8, 8), np.float32)
    result[:, :, :4] = bump(0, 0, 30)[:, None, None]
    result[:, :, 4:] = bump(0, -60, 3)[:, None, None]
    return result


def colors(probabilities: np.ndarray, number: int, seed: int = 0) -> np.ndarray:
    """Return the mean colors (2, h, w) of a sample."""
    changes = copula_log_weights(probabilities, bin_centers(), number, seed)
    return annealed_mean((np.log(probabilities + 1e-30) + changes)[None])[0]


def test_only_uncertain_region_changes_and_as_a_whole():
    picture = two_regions()
    samples = np.stack([colors(picture, number) for number in range(1, 9)])
    assert samples[..., :4].std(axis=(2, 3)).max() < 1e-3
    assert samples[:, :, 0, 0].std(axis=0).min() > 5
    assert np.abs(samples[..., 4:] - [[[[0]], [[-60]]]]).max() < 5


def test_samples_vary_no_more_than_distribution():
    """The colors of many samples have its mean, and no more than its deviation."""
    picture = two_regions()[:, :1, :1]
    samples = np.stack([colors(picture, 1, seed)[:, 0, 0] for seed in range(300)])
    probabilities = picture[:, 0, 0]
    mean = probabilities @ bin_centers()
    deviation = np.sqrt(probabilities @ (bin_centers() - mean) ** 2)
    assert np.abs(samples.mean(axis=0) - mean).max() < 4
    assert (samples.std(axis=0) < deviation).all()
    assert (samples.std(axis=0) > 0.5 * deviation).all()


def test_modes_are_sampled_by_their_probability():
    picture = (0.8 * bump(60, 0, 5) + 0.2 * bump(-50, 30, 5))[:, None, None]
    a = np.array([colors(picture, 1, seed)[0, 0, 0] for seed in range(200)])
    assert 0.05 < np.mean(a < 0) < 0.35  # 0.2, but for the width of the window
    assert np.mean(np.abs(a) > 30) > 0.7


def test_unlikely_colors_stay_unlikely():
    """However the draw falls, a color of a thousandth gets no more than a few hundredths."""
    common, rare = bump(10, 10, 15), bump(90, -90, 3)
    picture = (0.999 * common + 0.001 * rare)[:, None, None]
    for seed in range(50):
        weights = picture * np.exp(copula_log_weights(picture, bin_centers(), 1, seed))
        share = weights[rare > 0.1].sum() / weights.sum()
        assert share < 0.2


def test_paired_samples_are_opposites():
    picture = np.repeat(bump(0, 0, 30)[:, None, None], 2, axis=2)
    for number in (1, 3, 5):
        first, second = (colors(picture, n)[:, 0, 0] for n in (number, number + 1))
        np.testing.assert_allclose(first, -second, atol=4)  # the bins are not symmetric


def test_seed_determines_sample():
    picture = two_regions()
    np.testing.assert_array_equal(colors(picture, 3, 7), colors(picture, 3, 7))
    assert np.abs(colors(picture, 3, 7) - colors(picture, 3, 8)).max() > 1


def photo() -> Photo:
    rows, columns = np.mgrid[:60, :80]
    return Photo((128 + 100 * np.sin(rows / 9) * np.cos(columns / 13)).astype(np.uint8))


def test_colorizer_samples_differ_and_repeat(network):
    colorizer = make_colorizer(network, size=64)
    four = colorizer.samples(photo(), 4, seed=1)
    assert [sample.pixels.shape for sample in four] == [(60, 80, 3)] * 4
    for first, second in itertools.pairwise(four):
        assert np.abs(first.pixels.astype(int) - second.pixels).mean() > 0.5
    two = colorizer.samples(photo(), 2, seed=1)
    for first, second in zip(two, four, strict=False):
        np.testing.assert_array_equal(first.pixels, second.pixels)
    third = colorizer.with_options(sample=3, seed=1)(photo())
    np.testing.assert_array_equal(third.pixels, four[2].pixels)


def test_steps_of_pipeline_make_sample(network):
    colorizer = make_colorizer(network, size=64, upsampling="bilinear", sample=2, seed=5)
    lightness = colorizer.network_input(photo())
    logits = colorizer.postprocess_logits(colorizer.predict_logits(lightness), lightness)
    sampled = colorizer.decoder.sample(logits, 2, 5)
    ab = colorizer.with_options(sample=None).decode(sampled)
    by_hand = colorizer.merge(photo(), colorizer.upsample(ab)[0])
    np.testing.assert_array_equal(by_hand.pixels, colorizer(photo()).pixels)


def test_samples_need_distribution(siggraph17):
    colorizer = make_colorizer(siggraph17, size=64)
    with pytest.raises(ColorizeError, match="distribution"):
        colorizer.samples(photo(), 2)
