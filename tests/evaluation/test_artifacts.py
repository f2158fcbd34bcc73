"""SHSM, blotches and the halo ratio on drawn pictures."""

import numpy as np
import pytest

from colorize.evaluation.artifacts import (
    BlotchAccumulator,
    HaloAccumulator,
    halo_zone,
    spatial_hue_similarity,
)

SIDE = 100


def plain(a: float, b: float) -> np.ndarray:
    picture = np.full((SIDE, SIDE, 3), 50, np.float32)
    picture[..., 1:] = a, b
    return picture


def with_square(background: tuple[float, float], square: tuple[float, float]) -> np.ndarray:
    """Return a picture with a centered square of half its height and width."""
    picture = plain(*background)
    picture[25:75, 25:75, 1:] = square
    return picture


def test_shsm_is_one_for_the_truth_and_for_other_hues():
    truth = with_square((0, 30), (30, 0))
    assert spatial_hue_similarity(truth, truth) == pytest.approx(1)
    turned = with_square((0, -30), (-30, 0))
    assert spatial_hue_similarity(turned, truth) == pytest.approx(1)


def test_shsm_of_hue_edges_everywhere_on_a_plain_truth():
    """Edge densities A = 1 and B = sigmoid(-5) along the diagonal that crosses the stripes."""
    stripes = np.indices((SIDE, SIDE)).sum(axis=0) // 4 % 2 == 1
    striped = plain(30, 0)
    striped[stripes, 1:] = -30, 0
    a, b, k = 1.0, 1 / (1 + np.exp(5.0)), 0.03
    expected = (2 * a * b + k) / (a * a + b * b + k)
    found = spatial_hue_similarity(striped, plain(30, 0))
    assert found == pytest.approx(expected, abs=0.02)  # fewer edges at the border


def test_shsm_ignores_hues_of_negligible_chroma():
    gray = plain(0, 0)
    noise = np.random.default_rng(0).normal(0, 0.3, (*gray.shape[:2], 2))
    noisy = gray.copy()
    noisy[..., 1:] += noise
    assert spatial_hue_similarity(noisy, gray) > 0.95


def test_blotches_lower_shsm():
    truth = plain(20, 20)
    blotchy = truth.copy()
    blotchy[10:30, 10:30, 1:] = 30, -10
    blotchy[60:70, 40:90, 1:] = 30, -10
    assert spatial_hue_similarity(blotchy, truth) < 0.9


def blotches(result: np.ndarray, truth: np.ndarray) -> float:
    accumulator = BlotchAccumulator()
    accumulator.add(result, truth)
    return accumulator.ratio()


def test_blotches_of_plain_colors_are_none():
    assert blotches(plain(30, 0), plain(0, 20)) == pytest.approx(0, abs=1e-6)


def test_blotches_of_fine_stripes_are_their_deviation_over_their_chroma():
    striped = plain(25, 0)
    striped[:, ::2, 1] = 15
    assert blotches(striped, plain(10, 10)) == pytest.approx(5 / 20, rel=0.01)


def test_blotches_count_on_plain_surfaces_of_the_truth_only():
    truth = plain(20, 0)
    truth[:, 50::2, 2] = 40  # patterned right half
    result = truth.copy()
    result[:, 60:, 1] += np.arange(SIDE)[:, None] % 2 * 20
    assert blotches(result, truth) == pytest.approx(blotches(truth, truth), abs=0.01)
    result[:, :40, 1] += np.arange(SIDE)[:, None] % 2 * 20
    assert blotches(result, truth) > blotches(truth, truth) + 0.1
    assert np.isnan(blotches(plain(20, 0), np.tile(truth[:, 50:], (1, 2, 1))))


def test_blotches_of_gray_are_undefined():
    assert np.isnan(blotches(plain(0, 0), plain(20, 0)))


def test_halo_zone_is_the_less_colorful_side_of_edges():
    zone = halo_zone(with_square((0, 0), (40, 40)))
    assert not zone[25:75, 25:75].any()
    assert zone[50, 14:22].all()  # 3 to 11 pixels away
    assert not zone[50, 23:77].any()
    assert not zone[50, :10].any()
    assert not halo_zone(plain(20, 20)).any()


def test_halo_ratio_of_errors_only_inside_the_zone():
    truth = with_square((0, 0), (40, 40))
    zone = halo_zone(truth)
    result = truth.copy()
    result[..., 1] += np.where(zone, 6, 2)
    halo = HaloAccumulator()
    halo.add(result, truth)
    halo.add(plain(23, 20), plain(21, 20))  # no edges: all of it counts as elsewhere
    assert halo.ratio() == pytest.approx(3)


def test_halo_ratio_of_a_perfect_result_is_undefined():
    truth = with_square((0, 0), (40, 40))
    halo = HaloAccumulator()
    assert np.isnan(halo.ratio())
    halo.add(truth, truth)
    assert np.isnan(halo.ratio())


def test_blurred_colors_have_a_larger_halo_ratio():
    truth = with_square((0, 0), (40, 40))
    sharp, blurred = HaloAccumulator(), HaloAccumulator()
    offset = truth + np.array((0, 3, 3), np.float32)
    sharp.add(offset, truth)
    smear = offset.copy()
    smear[15:25, 25:75, 1:] += 10
    blurred.add(smear, truth)
    assert sharp.ratio() == pytest.approx(1)
    assert blurred.ratio() > 1.2
