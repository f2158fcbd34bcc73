"""Propagation of hints to similar cells."""

import numpy as np
import pytest

from colorize.hints.propagate import propagate_hints


def halves(top: float, bottom: float) -> np.ndarray:
    planes = np.full((16, 16), top, np.float32)
    planes[8:] = bottom
    return planes


def one_hint(row: int, column: int, ab: tuple[float, float]) -> np.ndarray:
    hints = np.zeros((3, 16, 16), np.float32)
    hints[:, row, column] = ab[0] / 110, ab[1] / 110, 1
    return hints


def test_propagation_follows_lightness_and_distribution():
    """One hint in the upper half moves similar cells more than others at the same distance."""
    probabilities = np.zeros((2, 16, 16), np.float32)
    probabilities[0], probabilities[1] = halves(1, 0), halves(0, 1)
    ab = np.zeros((2, 16, 16), np.float32)
    flat = halves(50, 50)
    by_colors = propagate_hints(ab, flat, one_hint(7, 8, (40, 0)), probabilities)[0]
    assert by_colors[5, 8] > 10 and by_colors[9, 8] < 1
    alike = np.full((2, 16, 16), 0.5, np.float32)
    by_lightness = propagate_hints(ab, halves(50, 90), one_hint(7, 8, (40, 0)), alike)[0]
    assert by_lightness[5, 8] > 2 * by_lightness[9, 8] > 0


def test_propagation_meets_hints_and_keeps_agreeing_colors():
    alike = np.full((2, 16, 16), 0.5, np.float32)
    flat = halves(50, 50)
    ab = np.stack((halves(10, -20), halves(0, 5)))
    result = propagate_hints(ab, flat, one_hint(3, 4, (60, -30)), alike)
    np.testing.assert_allclose(result[:, 3, 4], (60, -30), atol=2)
    np.testing.assert_allclose(
        propagate_hints(ab, flat, one_hint(3, 4, (10, 0)), alike), ab, atol=1e-4
    )
    np.testing.assert_array_equal(propagate_hints(ab, flat, np.zeros((3, 16, 16)), alike), ab)


def test_small_changes_go_everywhere_and_large_ones_only_with_the_scope_cast():
    """Surfaces apart from that of the hint, which look alike, follow a small change."""
    alike = np.full((2, 16, 16), 0.5, np.float32)
    edges, ab = halves(50, 50), np.zeros((2, 16, 16), np.float32)
    edges[6:10] = 0
    far = (0, 15, 15)
    small, large = one_hint(2, 2, (8, 0)), one_hint(2, 2, (60, 0))
    assert propagate_hints(ab, edges, small, alike)[far] > 5
    assert propagate_hints(ab, edges, large, alike)[far] < 1
    assert propagate_hints(ab, edges, large, alike, is_cast=True)[far] > 15


def test_contradicting_hints_stay_bounded():
    hints = one_hint(5, 5, (60, 0)) + one_hint(5, 6, (-60, 0))
    alike = np.full((2, 16, 16), 0.5, np.float32)
    change = propagate_hints(np.zeros((2, 16, 16)), halves(50, 50), hints, alike)
    assert np.abs(change).max() < 75


@pytest.mark.slow
def test_fully_painted_picture_is_propagated():
    hints = np.zeros((3, 64, 64), np.float32)
    hints[0], hints[2] = 0.3, 1
    alike = np.full((2, 64, 64), 0.5, np.float32)
    result = propagate_hints(np.zeros((2, 64, 64)), np.full((64, 64), 50.0), hints, alike)
    np.testing.assert_allclose(result[0], 33, atol=3)


def test_each_hint_has_its_own_scope():
    """Behind an edge, only the hint with the scope cast has an effect."""
    alike = np.full((2, 16, 16), 0.5, np.float32)
    edges, ab = halves(50, 50), np.zeros((2, 16, 16), np.float32)
    edges[6:10] = 0
    hints = one_hint(2, 2, (40, 0)) + one_hint(2, 13, (0, 40))
    is_cast = np.zeros((16, 16), bool)
    is_cast[2, 2] = True
    result = propagate_hints(ab, edges, hints, alike, is_cast)
    np.testing.assert_allclose(result[:, 2, 13], (0, 40), atol=1)
    np.testing.assert_allclose(result[:, 2, 2], (40, 0), atol=1)
    a, b = result[:, 15, 8]
    assert a > 5 and abs(b) < 1


@pytest.mark.parametrize("distribution", [True, False])
def test_hint_fills_a_thing_up_to_its_edge(distribution):
    """A square of another L takes the color as a whole, what is around it hardly changes."""
    lightness = np.full((64, 64), 30, np.float32)
    lightness[20:44, 20:44] = 70
    alike = np.full((2, 64, 64), 0.5, np.float32) if distribution else None
    hints = np.zeros((3, 64, 64), np.float32)
    hints[:, 30, 30] = -40 / 110, 60 / 110, 1
    change = propagate_hints(np.zeros((2, 64, 64), np.float32), lightness, hints, alike)
    strength = np.hypot(*change)
    thing = np.zeros((64, 64), bool)
    thing[20:44, 20:44] = True
    assert strength[thing].min() > 0.9 * np.hypot(40, 60)
    assert strength[~thing].mean() < 5


def test_gray_hint_keeps_a_thing_gray():
    ab = np.full((2, 64, 64), 25, np.float32)
    lightness = np.full((64, 64), 30, np.float32)
    lightness[20:44, 20:44] = 70
    hints = np.zeros((3, 64, 64), np.float32)
    hints[2, 30, 30] = 1  # #808080
    result = propagate_hints(ab, lightness, hints, np.full((2, 64, 64), 0.5, np.float32))
    assert np.hypot(*result[:, 20:44, 20:44]).max() < 3
    assert np.hypot(*result[:, 50:, 50:]).min() > 25
