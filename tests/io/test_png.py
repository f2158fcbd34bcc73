"""PNG written by our own encoder, read by Pillow's decoder."""

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from colorize.io import png


def decoded(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        return np.asarray(image)


def encoded(pixels: np.ndarray, chunks=()) -> bytes:
    file = io.BytesIO()
    png.encode_png(pixels, file, chunks)
    return file.getvalue()


@pytest.mark.parametrize(
    "shape", [(1, 1, 3), (1, 9, 3), (9, 1, 4), (7, 5), (7, 5, 1), (7, 5, 2), (7, 5, 4), (60, 40, 3)]
)
def test_pillow_reads_the_pixels(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    np.testing.assert_array_equal(decoded(encoded(pixels)).reshape(shape), pixels)


@pytest.mark.parametrize("strip_bytes", [100, 20])  # a few rows each, and parts of a row
def test_strips_join_without_seams(monkeypatch, strip_bytes):
    monkeypatch.setattr(png, "STRIP_BYTES", strip_bytes)
    pixels = np.random.default_rng(0).integers(0, 256, (31, 17, 3), np.uint8)
    np.testing.assert_array_equal(decoded(encoded(pixels)), pixels)


def test_non_contiguous_pixels_are_written():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)[::2, ::-1]
    np.testing.assert_array_equal(decoded(encoded(pixels)), pixels)


def test_chunks_precede_the_pixels():
    content = encoded(np.zeros((2, 2, 3), np.uint8), [(b"tEXt", b"Comment\0grain")])
    assert content.index(b"tEXt") < content.index(b"IDAT")
    with Image.open(io.BytesIO(content)) as image:
        assert image.info["Comment"] == "grain"


def test_file_size_is_close_to_that_of_pillow():
    rows, columns = np.mgrid[:300, :300]
    smooth = 128 + 80 * np.sin(rows / 40) * np.cos(columns / 30)
    noise = np.random.default_rng(0).normal(0, 3, (300, 300))
    pixels = np.repeat(np.clip(smooth + noise, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    assert len(encoded(pixels)) < 1.2 * len(file.getvalue())


def test_zlib_replaces_isal(monkeypatch):
    monkeypatch.setattr(png, "isal_zlib", None)
    pixels = np.random.default_rng(0).integers(0, 256, (31, 17, 3), np.uint8)
    content = encoded(pixels, [(b"tEXt", b"Comment\0grain")])
    np.testing.assert_array_equal(decoded(content), pixels)


def test_import_works_without_isal():
    code = (
        "import sys; sys.modules['isal'] = None\n"
        "from colorize.io import png; assert png.isal_zlib is None"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
