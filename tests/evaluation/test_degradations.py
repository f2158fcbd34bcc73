"""Degradations: gray, repeatable, aligned, and of the strength that their names say."""

import numpy as np
import pytest

from colorize.color import lab
from colorize.evaluation.degradations import (
    DEGRADATIONS,
    SCAN_DEGRADATIONS,
    SIDE,
    gray_of,
    gray_picture,
)
from colorize.io.photo import Photo


@pytest.fixture(scope="module")
def gray() -> np.ndarray:
    rows, columns = np.mgrid[:120, :160]
    return (128 + 100 * np.sin(rows / 9) * np.cos(columns / 13)).astype(np.uint8)


@pytest.mark.parametrize("degradation", SCAN_DEGRADATIONS, ids=lambda each: each.name)
def test_scan_degradation_changes_the_picture_and_keeps_it_aligned(degradation, gray):
    degraded = degradation.apply(gray)
    assert degraded.dtype == np.uint8
    inside = degradation.inside(degraded, gray.shape)
    assert inside.shape == gray.shape
    assert not np.array_equal(degraded, gray)
    assert np.corrcoef(inside.ravel(), gray.ravel())[0, 1] > 0.9
    np.testing.assert_array_equal(degraded, degradation.apply(gray))


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_degraded_color_photograph_is_gray_and_repeatable(name, gray):
    photograph = np.stack((gray, gray[::-1], gray[:, ::-1]), axis=-1)
    degraded = DEGRADATIONS[name](photograph)
    assert (degraded.shape, degraded.dtype) == ((120, 160), np.uint8)
    assert not np.array_equal(degraded, gray_of(lab.lightness(photograph)))
    np.testing.assert_array_equal(degraded, DEGRADATIONS[name](photograph))


def test_orthochromatic_film_records_red_as_black_and_blue_as_light():
    patches = np.array([[[255, 0, 0], [0, 0, 255], [128, 128, 128], [255, 255, 255]]], np.uint8)
    recorded = DEGRADATIONS["orthochromatic"](patches)
    assert recorded.tolist() == [[0, 188, 128, 255]]  # half of the light: level 188
    assert recorded[0, 1] > gray_of(lab.lightness(patches))[0, 1]


def test_scan_degradations_have_the_strength_of_their_names():
    flat = np.full((200, 300), 128, np.uint8)
    grain, _, faded, _, framed = (each.apply(flat) for each in SCAN_DEGRADATIONS)
    assert grain.std() == pytest.approx(12, rel=0.03)
    assert np.ptp(SCAN_DEGRADATIONS[2].apply(np.arange(256, dtype=np.uint8)[None])) == 102
    assert faded.std() == 0
    assert framed.shape == (220, 330)
    assert (framed != 128).sum() == 220 * 330 - 200 * 300


def test_gray_picture_keeps_lightness_and_limits_the_size(gray):
    lightness, ab = np.full((900, 600), 60, np.float32), np.full((2, 900, 600), 20, np.float32)
    small = gray_picture(Photo(lab.lab_to_srgb_pixels(lightness, ab)))
    assert small.shape == (SIDE, round(SIDE * 2 / 3))
    assert np.abs(lab.lightness(small) - 60).max() < 0.6
    np.testing.assert_array_equal(gray_picture(Photo(gray.astype(np.uint16) * 257)), gray)
