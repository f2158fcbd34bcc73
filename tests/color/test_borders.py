"""Plain borders: what is one, and that they stay gray around the colors of the picture."""

import numpy as np
import pytest
from fixtures.colorizers import make_colorizer

from colorize.color import lab
from colorize.color.borders import crop_borders, pad_borders, strips_around
from colorize.hints.format import Hint
from colorize.io.photo import Photo


def picture(height=200, width=300, dtype=np.uint8) -> np.ndarray:
    """Return gray pixels of waves and grain, with nothing plain at the edges."""
    rows, columns = np.mgrid[:height, :width]
    wave = 0.5 + 0.35 * np.sin(rows / 23) * np.cos(columns / 31)
    wave += np.random.default_rng(0).normal(0, 0.04, (height, width))
    return (wave.clip(0, 1) * np.iinfo(dtype).max).astype(dtype)


def framed(pixels: np.ndarray, widths=((12, 16), (18, 22)), level=235) -> np.ndarray:
    scale = np.iinfo(pixels.dtype).max // 255
    return np.pad(pixels, widths, constant_values=level * scale)


def whole(pixels: np.ndarray) -> lab.Block:
    return slice(0, pixels.shape[0]), slice(0, pixels.shape[1])


def is_gray(pixels: np.ndarray) -> bool:
    return bool((np.ptp(pixels.astype(int), axis=-1) <= np.iinfo(pixels.dtype).max / 20000).all())


@pytest.mark.parametrize("level", [0, 20, 235, 255])
@pytest.mark.parametrize("size", [(200, 300), (1500, 1100)])
def test_border_of_paper_or_film_is_found(level, size):
    widths = ((size[0] // 20, size[0] // 15), (size[1] // 10, size[1] // 18))
    rows, columns = crop_borders(framed(picture(*size), widths, level))
    for side, (before, after), length in zip((rows, columns), widths, size, strict=True):
        assert before <= side.start <= before + 0.02 * length
        assert before + 0.98 * length <= side.stop <= before + length
        assert after > 0


def test_uneven_borders_on_two_sides_are_found():
    pixels = framed(picture(), ((0, 0), (20, 35)), 250)
    pixels[:, :20] -= np.random.default_rng(0).integers(0, 8, (200, 20), np.uint8)
    rows, columns = crop_borders(pixels)
    assert rows == slice(0, 200)
    assert 20 <= columns.start <= 24 and 316 <= columns.stop <= 320


def test_a_soft_edge_is_found():
    pixels = framed(picture(), ((20, 20), (0, 0)))
    for position, share in ((19, 0.3), (20, 0.6), (219, 0.6), (220, 0.3)):
        mixed = 235 + share * (picture()[0].astype(float) - 235)
        pixels[position] = mixed.astype(np.uint8)
    rows, _ = crop_borders(pixels)
    assert 20 <= rows.start <= 23 and 217 <= rows.stop <= 220


def test_sky_is_no_border():
    pixels = picture()
    pixels[:20] = 230
    assert crop_borders(pixels) == whole(pixels)


def test_plain_background_is_no_border():
    pixels = np.full((200, 300), 200, np.uint8)
    pixels[60:140, 100:200] = 100
    assert crop_borders(pixels) == whole(pixels)


def test_background_that_the_subject_reaches_into_slowly_is_no_border():
    rows, columns = np.mgrid[:200, :300]
    disc = (rows - 100) ** 2 / 90**2 + (columns - 150) ** 2 / 135**2 < 1
    pixels = np.where(disc, picture(), 235)
    near_side = (pixels[:, 20] != 235).mean()
    assert 0 < near_side < 0.5  # a column that is not plain, behind columns that are
    assert crop_borders(pixels) == whole(pixels)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 3), (8, 500)])
def test_tiny_pictures_have_something_inside(size):
    for pixels in (np.full(size, 9, np.uint8), picture(*size)):
        rows, columns = crop_borders(pixels)
        assert pixels[rows, columns].size > 0


def test_strips_cover_exactly_what_is_outside():
    for inside in ((slice(2, 7), slice(3, 9)), (slice(0, 8), slice(3, 9)), whole(picture(8, 10))):
        counts = np.zeros((8, 10), int)
        for block in (inside, *strips_around(inside, (8, 10))):
            counts[block] += 1
        assert (counts == 1).all()


def test_padding_keeps_proportions():
    padded = pad_borders(
        np.zeros((64, 64), np.float32), (slice(10, 90), slice(0, 50)), (100, 50), 1
    )
    assert padded.shape == (80, 64)
    assert (padded[:8] == 1).all() and (padded[8:72] == 0).all() and (padded[72:] == 1).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("options", [{}, {"upsampling": "bilinear"}])
def test_colors_are_those_of_the_picture_without_its_border(network, dtype, options):
    colorizer = make_colorizer(network, size=64, **options)
    photo = Photo(framed(picture(dtype=dtype)))
    rows, columns = crop_borders(photo.pixels)
    result = colorizer(photo).pixels
    alone = colorizer(Photo(photo.pixels[rows, columns].copy())).pixels
    np.testing.assert_array_equal(result[rows, columns], alone)
    assert result.dtype == dtype and not is_gray(alone)
    assert all(is_gray(result[strip]) for strip in strips_around((rows, columns), photo.size))
    np.testing.assert_allclose(result[0, :, 0], photo.pixels[0], atol=np.iinfo(dtype).max / 20000)


def test_a_toned_border_becomes_gray_and_metadata_stay(network):
    gray = framed(picture())
    toned = Photo(np.stack([gray, gray * 0.9, gray * 0.7], axis=-1).astype(np.uint8), gray)
    result = make_colorizer(network, size=64)(toned)
    assert is_gray(result.pixels[:10]) and not is_gray(result.pixels)
    np.testing.assert_array_equal(result.alpha, gray)


def test_borders_are_colored_where_that_is_asked_for(network):
    photo = Photo(framed(picture()))
    result = make_colorizer(network, size=64, borders="color")(photo)
    assert not is_gray(result.pixels[:12])


def test_a_hint_inside_has_its_pixels_and_one_on_the_border_colors_it(network):
    colorizer = make_colorizer(network, size=64)
    photo = Photo(framed(picture()))
    inside = crop_borders(photo.pixels)
    result = colorizer(photo, hints=[Hint(100, 90, "#4060ff", 3)]).pixels
    alone = Photo(photo.pixels[inside].copy())
    shifted = Hint(100 - inside[1].start, 90 - inside[0].start, "#4060ff", 3)
    np.testing.assert_array_equal(result[inside], colorizer(alone, hints=[shifted]).pixels)
    assert is_gray(result[:10])
    on_border = colorizer(photo, hints=[Hint(100, 3, "#4060ff", 3)]).pixels
    assert not is_gray(on_border[3:4, 100:101])


def test_the_neutral_pixel_is_counted_in_the_whole_photograph(network):
    photo = Photo(framed(picture()))
    inside = crop_borders(photo.pixels)
    x, y = 150, 120
    result = make_colorizer(network, size=64, neutral=f"{x},{y}")(photo).pixels
    alone = Photo(photo.pixels[inside].copy())
    position = f"{x - inside[1].start},{y - inside[0].start}"
    expected = make_colorizer(network, size=64, neutral=position)(alone).pixels
    np.testing.assert_array_equal(result[inside], expected)
    on_border = make_colorizer(network, size=64, neutral="5,5")(photo).pixels
    assert not is_gray(on_border[:10])


def test_confidence_covers_the_whole_photograph(network):
    photo = Photo(framed(picture()))
    confidence = make_colorizer(network, size=64).confidence(photo)
    assert confidence.shape[0] > 16 and confidence.shape[1] > 16
    assert (confidence[0] == 1).all() and confidence[5, 5] < 1
