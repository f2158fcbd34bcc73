"""The measure of flicker that publications use."""

import numpy as np
import pytest

pytest.importorskip("cv2")
pytest.importorskip("skimage")

from benchmarks.flicker import GAPS, color_distribution_consistency, histograms


def test_equal_distributions_have_no_divergence_and_disjoint_ones_all_of_it():
    black, white = (histograms(np.full((8, 8, 3), level, np.uint8)) for level in (0, 255))
    assert color_distribution_consistency([black] * 6)["cdc"] == 0
    turns = color_distribution_consistency([black, white, black, white, black, white])
    assert turns["cdc1"] == pytest.approx(np.log(2))  # the largest Jensen-Shannon divergence
    assert turns["cdc2"] == turns["cdc4"] == 0
    assert turns["cdc"] == pytest.approx(np.log(2) / len(GAPS))


def test_one_channel_counts_a_third_and_half_of_the_pixels_by_the_formula():
    black, red = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8, 3), np.uint8)
    red[:4, :, 0] = 255
    result = color_distribution_consistency([histograms(black), histograms(red)] * 3)
    p, q = np.array([1, 0]), np.array([0.5, 0.5])
    middle = (p + q) / 2
    divergence = (p[0] * np.log(p[0] / middle[0]) + (q * np.log(q / middle)).sum()) / 2
    assert result["cdc1"] == pytest.approx(divergence / 3)


def test_gray_has_the_same_levels_in_all_channels():
    gray = np.arange(64, dtype=np.uint8).reshape(8, 8)
    assert (histograms(gray) == histograms(np.dstack([gray] * 3))).all()
    assert histograms(gray).sum(axis=1) == pytest.approx(1)
