"""The annealed mean: its limits, its inverse, and the log-offset of rebalancing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from colorize.color.quantization import NUM_BINS, bin_centers, soft_encode
from colorize.decoding.annealed_mean import annealed_mean, probabilities, rebalance_offset

bins = st.integers(0, NUM_BINS - 1)
temperatures = st.floats(0.01, 10)


def random_logits(seed: int = 1) -> np.ndarray:
    shape = (2, NUM_BINS, 4, 5)
    return 3 * np.random.default_rng(seed).standard_normal(shape, np.float32)


@given(bins, temperatures)
def test_annealed_mean_of_one_certain_bin_is_its_center(index, temperature):
    logits = np.full((1, NUM_BINS, 1, 1), -1000, np.float32)
    logits[0, index] = 0
    ab = annealed_mean(logits, temperature)[0, :, 0, 0]
    np.testing.assert_allclose(ab, bin_centers()[index], atol=1e-3)


@given(st.integers(0, 2**32 - 1))
def test_annealed_mean_at_temperature_one_is_expectation(seed):
    logits = random_logits(seed)
    expected = np.einsum("bqhw,qc->bchw", probabilities(logits), bin_centers())
    np.testing.assert_allclose(annealed_mean(logits, 1.0), expected, atol=1e-3)


@given(st.integers(0, 2**32 - 1))
def test_annealed_mean_at_low_temperature_is_mode(seed):
    logits = np.rint(random_logits(seed))
    logits[:, 7] = logits.max() + 1  # a gap between the mode and the rest
    mode = np.broadcast_to(bin_centers()[7][:, None, None], (2, 2, 4, 5))
    np.testing.assert_allclose(annealed_mean(logits, 0.01), mode, atol=1e-3)


@given(st.integers(0, 2**32 - 1))
def test_annealed_mean_at_high_temperature_is_mean_of_bins(seed):
    ab = annealed_mean(random_logits(seed), 1e6)
    expected = np.broadcast_to(bin_centers().mean(axis=0)[:, None, None], (2, 2, 4, 5))
    np.testing.assert_allclose(ab, expected, atol=1e-2)


@given(st.integers(0, 2**32 - 1), temperatures)
def test_annealed_mean_stays_within_range_of_bins(seed, temperature):
    ab = np.moveaxis(annealed_mean(random_logits(seed), temperature), 1, -1)
    assert (ab >= bin_centers().min(axis=0) - 1e-3).all()
    assert (ab <= bin_centers().max(axis=0) + 1e-3).all()


@pytest.mark.parametrize("temperature", [0, -1, float("nan")])
def test_annealed_mean_rejects_temperature_that_is_not_positive(temperature):
    with pytest.raises(ValueError, match="temperature"):
        annealed_mean(random_logits(), temperature)


@given(bins, st.floats(0, 1))
def test_certain_color_boost_multiplies_color_that_is_certain(index, boost):
    logits = np.full((1, NUM_BINS, 1, 1), -1000, np.float32)
    logits[0, index] = 0
    ab = annealed_mean(logits, certain_color_boost=boost)[0, :, 0, 0]
    np.testing.assert_allclose(ab, (1 + boost) * bin_centers()[index], atol=1e-3)


def test_certain_color_boost_spares_colors_of_opposite_hues():
    centers = np.array([[40, 0], [-40, 0], [40, 10]], np.float32)
    logits = np.log([[0.5, 0.5 - 1e-6, 1e-6], [0.5, 1e-6, 0.5]]).astype(np.float32)[..., None, None]
    plain, boosted = (
        annealed_mean(logits, 1.0, centers, None, boost)[..., 0, 0] for boost in (0, 1)
    )
    np.testing.assert_allclose(boosted[0], plain[0], atol=1e-3)
    np.testing.assert_allclose(boosted[1], 2 * plain[1], rtol=0.02)


def test_annealed_mean_of_soft_encoded_color_is_near_it():
    ab = np.random.default_rng(0).uniform(-40, 40, (2000, 2))
    encoded, weights = soft_encode(ab)
    logits = np.full((2000, NUM_BINS), -60, np.float32)
    np.put_along_axis(logits, encoded, np.log(weights), axis=1)
    error = np.linalg.norm(annealed_mean(logits[:, :, None, None])[:, :, 0, 0] - ab, axis=1)
    assert error.max() < 3.5
    assert error.mean() < 1.5


def test_rebalance_offset_divides_by_power_of_class_weights():
    logits = random_logits()
    weights = np.random.default_rng(3).random(NUM_BINS) + 0.1
    divided = probabilities(logits) / weights[:, None, None] ** 0.75
    result = annealed_mean(logits, log_offset=rebalance_offset(weights, 0.25))
    np.testing.assert_allclose(result, annealed_mean(np.log(divided)), atol=1e-3)
    assert not rebalance_offset(weights, 1.0).any()
