"""The types of pictures that a colorizer takes and gives back."""

import io

import numpy as np
import pytest
from PIL import Image

from colorize.errors import ColorizeError
from colorize.io.photo import Photo
from colorize.io.picture import from_photo, to_photo
from colorize.io.writers import write

GRAY = np.arange(24 * 16, dtype=np.uint16).reshape(24, 16).astype(np.uint8)
COLOR = np.dstack([GRAY, GRAY // 2, GRAY // 3])
COLORED = Photo(COLOR)


def encoded(format: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(GRAY).save(file, format)
    return file.getvalue()


def test_photo_comes_back_as_a_photo():
    photo = Photo(GRAY)
    assert to_photo(photo) is photo
    assert from_photo(COLORED, photo) is COLORED


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK"])
def test_pillow_image_comes_back_as_one(mode):
    image = Image.fromarray(GRAY).convert(mode)
    assert to_photo(image).size == (24, 16)
    result = from_photo(COLORED, image)
    assert isinstance(result, Image.Image)
    assert (result.mode, result.size) == ("RGB", (16, 24))


@pytest.mark.parametrize("shape", [(24, 16), (24, 16, 1), (24, 16, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_array_comes_back_as_one(shape, dtype):
    array = np.zeros(shape, dtype)
    assert to_photo(array).pixels.dtype == dtype
    assert (from_photo(COLORED, array) == COLOR).all()


def test_alpha_of_an_array_comes_back_last():
    array = np.dstack([COLOR, GRAY])
    photo = to_photo(array)
    assert (photo.alpha == GRAY).all()
    assert (from_photo(photo, array) == array).all()


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_bytes_come_back_in_their_format(format):
    content = encoded(format)
    result = from_photo(to_photo(content), content)
    with Image.open(io.BytesIO(result)) as image:
        assert (image.format, image.size) == (format, (16, 24))


def test_path_gives_a_photo(tmp_path):
    file = tmp_path / "photo.png"
    file.write_bytes(encoded("PNG"))
    for path in (file, str(file)):
        photo = to_photo(path)
        assert photo.size == (24, 16)
        assert from_photo(COLORED, path) is COLORED


@pytest.mark.parametrize(
    "wrong", [None, 3, [1, 2], np.zeros((4, 4)), np.zeros((4, 4, 5), np.uint8)]
)
def test_anything_else_is_an_error(wrong):
    with pytest.raises(ColorizeError):
        to_photo(wrong)


def test_damaged_bytes_are_an_error():
    with pytest.raises(ColorizeError):
        to_photo(b"no picture")


@pytest.mark.parametrize("channels", [1, 4])
def test_masked_array_keeps_its_mask(channels):
    mask = GRAY > 100
    values, photo = GRAY, COLORED
    if channels == 4:
        values, photo = np.dstack([COLOR, GRAY]), Photo(COLOR, GRAY)
        mask = mask[..., None] & np.array([True, False, False, False])
    result = from_photo(photo, np.ma.masked_array(values, mask))
    assert result.shape == (*GRAY.shape, max(channels, 3))
    assert (np.ma.getmaskarray(result) == (GRAY > 100)[..., None]).all()
    np.testing.assert_array_equal(result.data[..., :3], COLOR)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_notebooks_show_photos(dtype):
    photo = Photo(np.full((20, 2000, 3), 200, dtype), np.full((20, 2000), 255, dtype))
    shown = Image.open(io.BytesIO(photo._repr_png_()))
    assert (shown.format, shown.size, shown.mode) == ("PNG", (1024, 10), "RGBA")


@pytest.mark.parametrize("wrong", [np.zeros((4, 4), np.uint8), Image.new("L", (4, 4)), b"x"])
def test_only_photos_are_written(wrong, tmp_path):
    with pytest.raises(ColorizeError, match=f"not a {type(wrong).__name__}"):
        write(wrong, tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_missing_folder_of_an_output_is_named_so(tmp_path):
    with pytest.raises(ColorizeError, match="no such folder"):
        write(Photo(np.zeros((4, 4), np.uint8)), tmp_path / "none" / "a.png")
