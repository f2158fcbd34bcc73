"""The ab bins and soft encoding."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from colorize.color.lab import rgb_to_lab
from colorize.color.quantization import (
    GRID,
    NUM_BINS,
    SOFT_NEIGHBORS,
    SOFT_SIGMA,
    bin_centers,
    soft_encode,
    soft_encode_table,
)

# SHA-256 of ECCV16's pts_in_hull.npy, as int64
PUBLISHED = "2a39983ed60d5b52b717842d56d5f766982289e6d5a609582155f437cecc1045"


def test_bins_are_grid_points_sorted_by_a_then_b():
    centers = bin_centers()
    assert centers.shape == (NUM_BINS, 2) == (313, 2)
    assert (centers % GRID == 0).all()
    pairs = [tuple(pair) for pair in centers.tolist()]
    assert pairs == sorted(set(pairs))


@pytest.mark.slow
def test_bins_cover_srgb_gamut():
    axis = np.linspace(0, 1, 40)
    cube = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    ab = rgb_to_lab(cube)[:, 1:]
    centers = bin_centers()
    nearest_color, nearest_bin = np.full(NUM_BINS, np.inf), []
    for block in np.array_split(ab, 64):
        distance = np.linalg.norm(block[:, None] - centers, axis=2)
        nearest_bin.append(distance.min(axis=1).max())
        nearest_color = np.minimum(nearest_color, distance.min(axis=0))
    assert max(nearest_bin) < 8  # half the grid's diagonal is 7.07
    assert nearest_color.max() < 15  # the published list has a margin


def test_bins_equal_published_list():
    assert hashlib.sha256(bin_centers().astype("<i8").tobytes()).hexdigest() == PUBLISHED


@given(st.lists(st.tuples(*[st.floats(-300, 300, width=32)] * 2), min_size=1, max_size=8))
def test_soft_encode_weights_are_gaussian_over_nearest_bins(colors):
    ab = np.array(colors, np.float32)
    bins, weights = soft_encode(ab)
    assert bins.shape == weights.shape == (len(ab), SOFT_NEIGHBORS)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)
    assert (np.diff(weights, axis=1) <= 0).all()
    squared = np.square(ab[:, None].astype(np.float64) - bin_centers()).sum(axis=2)
    chosen = np.take_along_axis(squared, bins, axis=1)
    np.testing.assert_allclose(chosen, np.sort(squared, axis=1)[:, :SOFT_NEIGHBORS], rtol=1e-5)
    expected = np.exp(-(chosen - chosen[:, :1]) / (2 * SOFT_SIGMA**2))
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(weights, expected, atol=2e-3)


@pytest.mark.slow
def test_soft_encode_table_equals_soft_encode():
    ab = np.array([[-128.0, 127.0], [0.0, 0.0], [17.0, -33.0]])
    index = ((ab[:, 0] + 128) * 256 + ab[:, 1] + 128).astype(int)
    bins, weights = soft_encode(ab)
    table_bins, table_weights = soft_encode_table()
    np.testing.assert_array_equal(table_bins[index], bins)
    np.testing.assert_allclose(table_weights[index], weights, rtol=1e-5)
