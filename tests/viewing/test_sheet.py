"""The sheet of labeled pictures."""

import numpy as np
import pytest

from colorize.io.photo import Photo
from colorize.viewing.sheet import MAX_COLUMNS, contact_sheet

RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)


def plain(color: tuple[int, int, int], height: int = 60, width: int = 90) -> Photo:
    return Photo(np.full((height, width, 3), color, np.uint8))


def count(sheet: Photo, color: tuple[int, int, int]) -> int:
    return int((sheet.pixels == color).all(axis=2).sum())


def test_every_picture_is_shown_once_in_full():
    colors = (RED, GREEN, BLUE)
    sheet = contact_sheet([(str(color), plain(color)) for color in colors], 200)
    assert [count(sheet, color) for color in colors] == [60 * 90] * 3


def test_pictures_have_dark_labels_on_white():
    unlabeled, labeled = (contact_sheet([(label, plain(RED))], 200) for label in ("", "ddcolor"))
    dark = [int((sheet.pixels.max(axis=2) < 100).sum()) for sheet in (unlabeled, labeled)]
    assert dark[0] == 0 < dark[1]
    assert (labeled.pixels[0] == 255).all()


def test_longer_side_is_limited_and_long_labels_fit():
    large = contact_sheet([("a", plain(RED, 300, 600))], 100)
    assert count(large, RED) == 50 * 100
    narrow = contact_sheet([("ddcolor-artistic, faithful", plain(RED, 60, 10))], 60)
    assert narrow.width > 100
    assert (narrow.pixels[:, -2:] == 255).all()


@pytest.mark.parametrize("number", [1, 2, 5, 12])
@pytest.mark.parametrize("size", [(60, 90), (200, 20), (20, 200)])
def test_sheet_is_neither_a_row_nor_a_column(number, size):
    sheet = contact_sheet([("", plain(RED, *size))] * number, 200)
    assert count(sheet, RED) == number * size[0] * size[1]
    assert sheet.width <= (MAX_COLUMNS + 1) * (size[1] + 11)
    if size == (60, 90):
        assert 0.5 < sheet.width / sheet.height < 3


def test_pictures_of_different_depth_alpha_and_size_are_combined():
    deep = Photo(np.full((30, 40), 65535, np.uint16), np.zeros((30, 40), np.uint16))
    sheet = contact_sheet([("deep", deep), ("red", plain(RED))], 200)
    assert sheet.pixels.dtype == np.uint8
    assert count(sheet, RED) == 60 * 90
