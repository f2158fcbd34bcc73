"""Metrics with closed-form answers."""

import numpy as np
import pytest

from colorize.evaluation.metrics import ErrorHistogram, colorfulness, mean_delta_e, psnr


def test_psnr_of_a_constant_error():
    truth = np.full((4, 4, 3), 0.5)
    assert psnr(truth + 0.1, truth) == pytest.approx(20)
    assert psnr(truth, truth) == float("inf")


def test_delta_e_of_neutral_lightness_steps():
    """At L = 50 the CIEDE2000 weighting of lightness is 1, so a step of 1 is a ΔE of about 1."""
    truth, result = (np.zeros((2, 2, 3)) for _ in range(2))
    truth[..., 0], result[..., 0] = 49.5, 50.5
    assert mean_delta_e(result, truth) == pytest.approx(1, abs=1e-3)


def test_colorfulness_of_gray_is_zero_and_of_flat_red_is_its_offset():
    gray = np.repeat(np.random.default_rng(0).random((8, 8, 1)), 3, axis=2)
    assert colorfulness(gray) == pytest.approx(0, abs=1e-9)
    red = np.zeros((8, 8, 3))
    red[..., 0] = 1
    assert colorfulness(red) == pytest.approx(0.3 * np.hypot(255, 127.5))


def test_colorfulness_of_half_red_half_green():
    picture = np.zeros((2, 4, 3))
    picture[:, :2, 0] = 1
    picture[:, 2:, 1] = 1
    # rg is ±255 (deviation 255, mean 0), yb is 127.5 throughout.
    assert colorfulness(picture) == pytest.approx(255 + 0.3 * 127.5)


def histogram(errors: list[float], truth: tuple[float, float] = (0, 0)) -> ErrorHistogram:
    true = np.tile(np.array(truth, float)[:, None, None], (1, 1, len(errors)))
    ab = true.copy()
    ab[0, 0] += errors
    result = ErrorHistogram()
    result.add(ab, true)
    return result


@pytest.mark.parametrize(
    ("errors", "auc"),
    [
        ([0.0], 100),
        ([151.0], 0),
        ([150.0], 100 / 151),
        ([75.5], 100 * 75 / 151),
        ([0.0, 151.0], 50),
        ([0.5, 0.5], 100 * 150 / 151),
    ],
)
def test_auc_counts_thresholds_that_hold_the_error(errors, auc):
    assert histogram(errors).auc() == pytest.approx(auc)
    assert histogram(errors).auc(rebalanced=True) == pytest.approx(auc)


def test_rebalanced_auc_gives_rare_colors_the_weight_of_common_ones():
    """Nine gray pixels right, one far blue pixel wrong: raw 90 %, rebalanced near one half."""
    truth = np.zeros((2, 1, 10))
    truth[:, 0, 9] = (60, -100)
    ab = truth.copy()
    ab[:, 0, 9] = (-100, 100)
    result = ErrorHistogram()
    result.add(ab, truth)
    assert result.auc() == pytest.approx(90)
    assert 30 < result.auc(rebalanced=True) < 70
    assert result.auc(rebalanced=True) < result.auc()
