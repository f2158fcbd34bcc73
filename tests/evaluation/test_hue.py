"""Hue bias on pictures of one or two colors."""

import numpy as np
import pytest

from colorize.evaluation.hue import GATES, Gate, HueAccumulator

SKIN = (60, 15, 20)


def picture(*colors: tuple[float, float, float], rows: int = 4) -> np.ndarray:
    """Return Lab (rows, 2, 3) of equal bands of colors from top to bottom."""
    bands = np.repeat(np.array(colors, np.float32), rows // len(colors), axis=0)
    return np.repeat(bands[:, None], 2, axis=1)


def bias(gate: str, result: np.ndarray, truth: np.ndarray):
    accumulator = HueAccumulator(GATES[gate])
    accumulator.add(result, truth)
    return accumulator.bias()


def test_hue_bias_of_one_color():
    found = bias("skin", picture((60, 10, 0)), picture(SKIN))
    assert found.pixels == 8
    assert found.ab == (10, 0)
    assert found.true_ab == (15, 20)
    assert found.hue == 0
    assert found.true_hue == pytest.approx(np.degrees(np.arctan2(20, 15)))
    assert found.hue_error == pytest.approx(found.true_hue)


def test_pixels_outside_the_gate_do_not_count():
    truth = picture(SKIN, (60, 15, -20))
    result = picture((60, 0, 10), (60, -50, -50))
    assert bias("skin", result, truth).ab == (0, 10)
    assert bias("skin", result, truth).pixels == 4
    assert bias("foliage", result, truth) is None


def test_hue_error_goes_the_short_way_around():
    """Hues of 350° and 10° are 20° apart."""
    true_ab = 20 * np.cos(np.radians(10)), 20 * np.sin(np.radians(10))
    ab = 20 * np.cos(np.radians(350)), 20 * np.sin(np.radians(350))
    accumulator = HueAccumulator(Gate((0, 100), (-100, 100), (-100, 100)))
    accumulator.add(picture((60, *ab)), picture((60, *true_ab)))
    assert accumulator.bias().hue_error == pytest.approx(20, abs=1e-3)


def test_gray_result_has_no_hue():
    found = bias("skin", picture((60, 0, 0)), picture(SKIN))
    assert np.isnan(found.hue)
    assert np.isnan(found.hue_error)
    half = bias("skin", picture((60, 0, 0), SKIN), picture(SKIN))
    assert half.hue_error == 0  # of the pixels that have a hue


def test_means_are_over_all_pictures():
    accumulator = HueAccumulator(GATES["skin"])
    accumulator.add(picture((60, 10, 0)), picture(SKIN))
    accumulator.add(picture((60, 0, 10), rows=8), picture(SKIN, rows=8))
    found = accumulator.bias()
    assert found.pixels == 24
    assert found.ab == pytest.approx((10 / 3, 20 / 3))


def test_sky_is_in_the_upper_half():
    assert bias("sky", picture((70, 0, -30)), picture((70, -5, -30))).pixels == 4


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("skin", (30, 5, 8), (29.9, 5, 8)),
        ("skin", (90, 30, 40), (90, 30.1, 40)),
        ("sky", (95, 8, -8), (95, 8, -7.9)),
        ("foliage", (15, -6, 8), (15, -5.9, 8)),
    ],
)
def test_gates_include_their_limits(name, inside, outside):
    mask = GATES[name].mask(np.array([[inside, outside]]))
    assert mask.tolist() == [[True, False]]
