"""`Photo` for users of the library."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from fixtures.image_files import ALPHA, GRAY, GRAY16, HEIGHT, RGB, RGB16, WIDTH, image_of
from fixtures.sample_files import SAMPLES
from PIL import Image

from colorize.errors import ColorizeError
from colorize.io.photo import Photo, ResizeSpec
from colorize.io.readers import read
from colorize.io.writers import write


def test_from_array_takes_one_to_four_channels() -> None:
    for array in (GRAY, GRAY[..., None], RGB, np.dstack([GRAY, ALPHA]), np.dstack([RGB, ALPHA])):
        photo = Photo.from_array(array)
        assert photo.pixels.shape[:2] == (photo.height, photo.width) == photo.size
        assert (photo.alpha is None) == (array.ndim == 2 or array.shape[2] in (1, 3))
    for wrong in (RGB[0, 0], RGB.astype(float), RGB[:0], np.zeros((2, 2, 5), np.uint8)):
        with pytest.raises(ColorizeError):
            Photo.from_array(wrong)
    with pytest.raises(ColorizeError, match="alpha"):
        Photo(RGB, ALPHA[:3])


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV",
             "I;16", "I", "F", "La", "RGBa"],
)  # fmt: skip
def test_from_pil_takes_every_mode(mode: str) -> None:
    image = image_in(mode)
    photo = Photo.from_pil(image)
    assert photo.size == (HEIGHT, WIDTH)
    if mode in ("L", "LA", "RGB", "RGBA", "I;16", "1"):
        np.testing.assert_array_equal(np.asarray(photo.to_pil()), np.asarray(image) * (
            np.uint8(255) if mode == "1" else 1))  # fmt: skip


def image_in(mode: str) -> Image.Image:
    if mode == "I;16":
        return Image.fromarray(GRAY16)
    if mode in ("La", "RGBa"):
        return image_in(mode.upper()).convert(mode)
    if mode == "PA":
        return image_in("P").convert("PA")
    if mode == "LAB":
        return Image.merge("LAB", image_of(RGB).split())
    if mode in ("LA", "RGBA"):
        return image_of(GRAY if mode == "LA" else RGB, ALPHA)
    return image_of(RGB).convert(mode)


def test_read_restores_pillow_limit_and_warning_filters(tmp_path: Path) -> None:
    limit, filters = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    write([Photo(GRAY), Photo(RGB16)], tmp_path / "a.tif")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: read(tmp_path / "a.tif"), range(20)))
    assert limit == Image.MAX_IMAGE_PIXELS
    assert list(warnings.filters) == filters


@pytest.mark.slow
def test_read_and_write_are_thread_safe(tmp_path: Path) -> None:
    samples = [sample for sample in SAMPLES if sample.pixels is not None]

    def there_and_back(number: int) -> bool:
        sample = samples[number % len(samples)]
        photo = read(io.BytesIO(sample.content()))
        path = tmp_path / f"{number}.png"
        write(photo, path)
        return np.array_equal(read(path).pixels, photo.pixels)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(there_and_back, range(2 * len(samples))))


def test_import_loads_no_heavy_module() -> None:
    code = (
        "import sys, json; from colorize.io import readers, writers; "
        "print(json.dumps([m for m in ('torch', 'torchvision', 'skimage', 'scipy', 'pyvips', "
        "'pillow_heif') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_thumbnail_of_a_very_long_row_is_as_pillow_makes_it() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 300_000), np.uint8)
    pixels[:, 150_000:] //= 2
    expected = Image.fromarray(pixels).resize((64, 64), Image.Resampling.BICUBIC)
    copy = Photo(pixels).thumbnail(ResizeSpec(64, 64, Image.Resampling.BICUBIC))
    np.testing.assert_allclose(copy, np.asarray(expected), atol=2)
