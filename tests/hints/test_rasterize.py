"""Hints as pixels of the photograph and as cells of the network's grid."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from colorize.errors import ColorizeError
from colorize.hints.format import Hint
from colorize.hints.rasterize import HintedPixels, cast_cells, rasterize
from colorize.io.photo import Photo

ORANGE, BLUE = "#c08050", "#5080b0"


def painted(shape: tuple[int, int], area: tuple[slice, slice], color: tuple[int, ...]) -> Photo:
    array = np.zeros((*shape, 4), np.uint8)
    array[area] = (*color, 255)
    return Photo.from_array(array)


@given(st.floats(0, 29), st.floats(0, 19), st.none() | st.floats(0, 1e308))
def test_any_disc_contains_its_center_and_stays_inside(x, y, radius):
    pixels = HintedPixels.from_hints([Hint(x, y, BLUE, radius)], (20, 30))
    found = set(zip(pixels.rows.tolist(), pixels.columns.tolist(), strict=True))
    assert (round(y), round(x)) in found
    assert found <= {(row, column) for row in range(20) for column in range(30)}
    assert len(found) == len(pixels.rows)
    assert (np.diff(pixels.rows) >= 0).all()


def test_disc_has_its_radius():
    pixels = HintedPixels.from_hints([Hint(10, 5, BLUE, 2)], (20, 30))
    found = set(zip(pixels.rows.tolist(), pixels.columns.tolist(), strict=True))
    expected = {(r, c) for r in range(20) for c in range(30) if (r - 5) ** 2 + (c - 10) ** 2 <= 4}
    assert found == expected


@pytest.mark.parametrize(
    ("radius", "size", "number"),
    [(0, (50, 60), 1), (1, (50, 60), 5), (None, (50, 60), 5), (None, (300, 1000), 317)],
)
def test_disc_radius_is_in_pixels(radius, size, number):
    """317 pixels are a disc of radius 10: 1 % of 1000."""
    assert len(HintedPixels.from_hints([Hint(25, 25, BLUE, radius)], size).rows) == number


def test_disc_is_cropped_and_later_hint_wins():
    pixels = HintedPixels.from_hints([Hint(0, 0, BLUE, 5), Hint(0, 0, ORANGE, 0)], (3, 4))
    assert len(pixels.rows) == 12
    np.testing.assert_allclose(pixels.ab[0], Hint(0, 0, ORANGE).ab)
    np.testing.assert_allclose(pixels.ab[1], Hint(0, 0, BLUE).ab)


@given(
    st.lists(st.tuples(st.integers(0, 29), st.integers(0, 19)), min_size=1, max_size=4),
    st.integers(0, 6),
)
def test_stroke_covers_what_is_near_its_lines(points, radius):
    (x, y), *stroke = points
    pixels = HintedPixels.from_hints([Hint(x, y, BLUE, radius, tuple(stroke))], (20, 30))
    found = set(zip(pixels.rows.tolist(), pixels.columns.tolist(), strict=True))
    rows, columns = np.mgrid[:20, :30]
    distance = np.full((20, 30), np.inf)
    for (x0, y0), (x1, y1) in zip(points, points[1:] or points, strict=False):
        squared = max(1, (x1 - x0) ** 2 + (y1 - y0) ** 2)
        along = ((columns - x0) * (x1 - x0) + (rows - y0) * (y1 - y0)) / squared
        along = np.clip(along, 0, 1)
        near = np.hypot(columns - x0 - along * (x1 - x0), rows - y0 - along * (y1 - y0))
        distance = np.minimum(distance, near)
    certain, possible = distance < radius - 1e-6, distance < radius + 1e-6
    assert set(zip(*map(np.ndarray.tolist, np.nonzero(certain)), strict=True)) <= found
    assert found <= set(zip(*map(np.ndarray.tolist, np.nonzero(possible)), strict=True))


def test_cells_are_local_where_most_of_their_hints_are():
    hints = [
        Hint(2, 2, BLUE, 2, (), "cast"),
        Hint(12, 2, BLUE, 2, (), "object"),
        Hint(22, 2, BLUE),
    ]
    pixels = HintedPixels.from_hints(hints, (5, 25))
    assert cast_cells(pixels, (1, 3), "object").tolist() == [[True, False, False]]
    assert cast_cells(pixels, (1, 3), "cast").tolist() == [[True, False, True]]


def test_overlapping_hints_need_no_more_memory():
    """Hints without a radius on a long photograph cover most of it."""
    tracemalloc.start()
    pixels = HintedPixels.from_hints([Hint(9000, 2, BLUE)] * 200, (5, 100_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 9900 < len(pixels.rows) <= 5 * 2001 and peak < 20e6


@pytest.mark.parametrize("position", [(30, 0), (0, 20), (29.6, 0)])
def test_hint_outside_photograph_is_rejected(position):
    with pytest.raises(ColorizeError, match="30×20"):
        HintedPixels.from_hints([Hint(*position, BLUE)], (20, 30))


def test_painting_is_scaled():
    """A painting at half the size covers twice as much; its colors are those of its pixels."""
    painting = painted((10, 15), np.s_[2:4, 5:8], (192, 128, 80))
    pixels = HintedPixels.from_hints(painting, (20, 30))
    assert set(pixels.rows.tolist()) == {4, 5, 6, 7}
    assert set(pixels.columns.tolist()) == set(range(10, 16))
    np.testing.assert_allclose(pixels.ab, np.tile(Hint(0, 0, ORANGE).ab, (24, 1)), atol=1e-3)


def test_painting_counts_where_at_least_half_opaque():
    array = np.zeros((1, 3, 4), np.uint8)
    array[0, :, 3] = 127, 128, 255
    assert HintedPixels.from_hints(Photo.from_array(array), (1, 3)).columns.tolist() == [1, 2]


def test_painting_of_other_aspect_ratio_is_rejected():
    painting = painted((20, 20), np.s_[:5, :5], (200, 0, 0))
    with pytest.raises(ColorizeError, match=r"20×20.*30×20"):
        HintedPixels.from_hints(painting, (20, 30))
    rounded = painted((67, 100), np.s_[:5, :5], (200, 0, 0))  # a third of 200 × 301
    HintedPixels.from_hints(rounded, (200, 301))


def test_rasterize_gives_mean_color_of_each_cell():
    """Cells of 4×4 pixels; a patch of 6×6 from (2, 2) on fills two by two of them."""
    rows, columns = (axis.ravel() for axis in np.mgrid[2:8, 2:8].astype(np.int32))
    ab = np.stack((rows, columns), axis=1).astype(np.float32)
    result = rasterize(HintedPixels(rows, columns, ab, (16, 16)), (4, 4))
    assert result.shape == (3, 4, 4)
    expected = np.zeros((4, 4))
    expected[1, 1] = 1  # 16 pixels; its neighbors with 8 have half as many
    expected[0, 1] = expected[1, 0] = 1
    np.testing.assert_array_equal(result[2], expected)
    np.testing.assert_allclose(result[:2, 1, 1], 5.5 / 110)
    np.testing.assert_allclose(result[:, 0, 1], (2.5 / 110, 5.5 / 110, 1))
    assert not result[:2, result[2] == 0].any()


def test_rasterize_gives_single_pixel_one_cell():
    result = rasterize(HintedPixels.from_hints([Hint(1999, 0, BLUE, 0)], (1000, 2000)), (16, 16))
    assert np.argwhere(result[2]).tolist() == [[0, 15]]
    np.testing.assert_allclose(110 * result[:2, 0, 15], Hint(0, 0, BLUE).ab, rtol=1e-5)


def test_apply_to_sets_hinted_pixels_of_block():
    pixels = HintedPixels.from_hints([Hint(3, 4, BLUE, 0), Hint(5, 9, ORANGE, 0)], (10, 8))
    ab = np.zeros((2, 3, 8), np.float32)
    pixels.apply_to(ab, slice(3, 6), slice(0, 8))
    np.testing.assert_allclose(ab[:, 1, 3], Hint(0, 0, BLUE).ab)
    assert np.count_nonzero(ab.any(axis=0)) == 1


@pytest.mark.parametrize("step", [1, 3, 40])
def test_apply_to_blocks_equals_whole(step):
    hints = [Hint(3, 4, BLUE, 3), Hint(25, 9, ORANGE, 8)]
    pixels = HintedPixels.from_hints(hints, (10, 40))
    whole, blocks = np.zeros((2, 10, 40), np.float32), np.zeros((2, 10, 40), np.float32)
    pixels.apply_to(whole, slice(0, 10), slice(0, 40))
    for rows in (slice(0, 4), slice(4, 10)):
        for left in range(0, 40, step):
            columns = slice(left, min(left + step, 40))
            pixels.apply_to(blocks[:, rows, columns], rows, columns)
    np.testing.assert_array_equal(blocks, whole)
    assert whole.any()
