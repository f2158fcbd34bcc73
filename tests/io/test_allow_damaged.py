"""What is damaged is an error, and what can be decoded of it is taken with `allow_damaged`."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from fixtures.image_files import image_of, saved, vips_image
from PIL import Image

from colorize.errors import ColorizeError
from colorize.io.photo import Photo
from colorize.io.readers import read, read_pages

random = np.random.default_rng(0)
SMOOTH = np.add.outer(np.arange(160) // 2, np.arange(240) // 3).astype(np.uint8)
PICTURE = np.stack([SMOOTH, 200 - SMOOTH, SMOOTH], axis=-1) + random.integers(
    0, 40, (160, 240, 3), dtype=np.uint8
)
BILEVEL = Image.fromarray(random.integers(0, 160, SMOOTH.shape) > SMOOTH)
OPAQUE, TURNED = image_of(PICTURE), image_of(PICTURE[::-1])
TRANSLUCENT = image_of(PICTURE, np.full(SMOOTH.shape, 200, np.uint8))

STILLS: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: saved(OPAQUE, "JPEG"),
    "png": lambda: saved(OPAQUE, "PNG"),
    "tiff": lambda: saved(OPAQUE, "TIFF"),
    "webp": lambda: saved(OPAQUE, "WEBP"),
    "lossless webp": lambda: saved(OPAQUE, "WEBP", lossless=True),
    "webp with alpha": lambda: saved(TRANSLUCENT, "WEBP"),
    "avif": lambda: saved(OPAQUE, "AVIF"),
    "gif": lambda: saved(OPAQUE, "GIF"),
    "bmp": lambda: saved(OPAQUE, "BMP"),
    "ppm": lambda: saved(OPAQUE, "PPM"),
    "jp2 in tiles": lambda: saved(OPAQUE, "JPEG2000", tile_size=(64, 64)),
}
ANIMATIONS = {"PNG": {}, "GIF": {}, "WEBP": {"lossless": True}, "AVIF": {}}


def is_near(photo: Photo, expected: np.ndarray) -> np.ndarray:
    """Return which rows are much like those of a picture."""
    difference = np.abs(photo.pixels.astype(int) - expected.astype(int))
    return difference.mean(axis=tuple(range(1, difference.ndim))) < 20


def rejection(content: bytes) -> str:
    with pytest.raises(ColorizeError) as caught:
        list(read_pages(io.BytesIO(content)))
    return str(caught.value)


@pytest.mark.parametrize("name", STILLS)
def test_rows_before_a_cut_are_taken(name: str) -> None:
    content = STILLS[name]()
    expected = read(io.BytesIO(content)).pixels
    cut = content[: int(len(content) * 0.7)]
    assert "--allow-damaged" in rejection(cut)
    photo = read(io.BytesIO(cut), allow_damaged=True)
    assert photo.pixels.shape == expected.shape
    assert 64 <= is_near(photo, expected).sum() < len(expected)
    assert any("damaged" in note for note in photo.metadata.notes)


@pytest.mark.parametrize("depth", [8, 16])
def test_cut_jpeg2000_is_taken_in_less_detail(depth: int) -> None:
    pixels = PICTURE if depth == 8 else PICTURE[..., 0].astype(np.uint16) * 257
    content = saved(Image.fromarray(pixels), "JPEG2000")
    cut = content[: int(len(content) * 0.7)]
    assert "--allow-damaged" in rejection(cut)
    photo = read(io.BytesIO(cut), allow_damaged=True)
    difference = np.abs(photo.pixels.astype(int) - pixels).mean() / (1 if depth == 8 else 257)
    assert 0 < difference < 15
    assert any("damaged" in note for note in photo.metadata.notes)


@pytest.mark.parametrize("format", ANIMATIONS)
def test_frames_before_a_cut_are_taken(format: str) -> None:
    frames = [OPAQUE, TURNED, OPAQUE.rotate(180)]
    options = ANIMATIONS[format]
    content = saved(frames[0], format, save_all=True, append_images=frames[1:], **options)
    expected = [photo.pixels for photo in read_pages(io.BytesIO(content))]
    cut = content[: int(len(content) * 0.6)]
    assert "--allow-damaged" in rejection(cut)
    photos = list(read_pages(io.BytesIO(cut), allow_damaged=True))
    assert is_near(photos[0], expected[0]).all()
    assert any("damaged" in note for photo in photos for note in photo.metadata.notes)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["avif", "jp2 in tiles"])
def test_sizes_beyond_reason_are_not_filled_up(name: str) -> None:
    content = bytearray(STILLS[name]())
    if name == "avif":
        at = content.index(b"mdat") - 4
    else:
        at = content.index(b"\xff\x90\0\x0a") + 6
    content[at : at + 4] = b"\xff\xff\xff\xf0"
    tracemalloc.start()
    try:
        with suppress(ColorizeError):
            read(io.BytesIO(bytes(content)), allow_damaged=True)
        assert tracemalloc.get_traced_memory()[1] < 400 << 20
    finally:
        tracemalloc.stop()


def test_gif_animation_cut_between_frames_is_rejected() -> None:
    content = saved(OPAQUE, "GIF", save_all=True, append_images=[TURNED])
    assert content.endswith(b";")
    assert "--allow-damaged" in rejection(content[:-1])
    read(io.BytesIO(saved(OPAQUE, "GIF")[:-1]))  # a still is whole without its end marker


def test_what_cannot_be_decoded_at_all_is_rejected() -> None:
    content = saved(OPAQUE, "WEBP")
    with pytest.raises(ColorizeError):
        read(io.BytesIO(content[:25]), allow_damaged=True)


def tiff(compression: str, **options: Any) -> bytes:
    return saved(OPAQUE, "TIFF", compression=compression, **options)


def tiff16(**options: Any) -> bytes:
    image = vips_image(PICTURE.astype(np.uint16) * 257 + 3)
    content: bytes = image.tiffsave_buffer(compression="deflate", keep=0, **options)
    return content


CHECKED = {
    "group 3": lambda: saved(BILEVEL, "TIFF", compression="group3"),
    "group 4": lambda: saved(BILEVEL, "TIFF", compression="group4"),
    "rle": lambda: saved(BILEVEL, "TIFF", compression="tiff_ccitt"),
    "deflate": lambda: tiff("tiff_adobe_deflate"),
    "deflate, 16 bits": lambda: tiff16(),
    "deflate, 16 bits, predictor": lambda: tiff16(predictor="horizontal"),
    "deflate, tiles": lambda: tiff16(tile=True, tile_width=64, tile_height=64),
}


@pytest.mark.parametrize("name", CHECKED)
def test_damage_that_the_decoder_complains_of_is_rejected(name: str) -> None:
    content = CHECKED[name]()
    for at in random.integers(len(content) // 4, len(content) * 3 // 4, 12):
        damaged = bytearray(content)
        damaged[at : at + 30] = random.bytes(30)
        assert "--allow-damaged" in rejection(bytes(damaged))
        photo = read(io.BytesIO(bytes(damaged)), allow_damaged=True)
        assert any("damaged" in note for note in photo.metadata.notes)


def test_damage_of_a_jpeg_with_restarts_is_rejected() -> None:
    content = saved(OPAQUE, "JPEG", quality=95, restart_marker_rows=1)
    assert read(io.BytesIO(content)).metadata.notes == ()
    middle = content.index(b"\xff\xd3") + 20
    assert "--allow-damaged" in rejection(content[:middle] + content[middle + 200 :])


def test_damaged_jpeg_in_tiff_is_rejected() -> None:
    content = tiff("jpeg", quality=95)
    middle = len(content) // 2
    assert "--allow-damaged" in rejection(content[:middle] + bytes(300) + content[middle + 300 :])


@pytest.mark.parametrize("interlace", [False, True])
def test_garbage_in_png_pixels_is_taken_where_allowed(interlace: bool) -> None:
    content: bytes = vips_image(PICTURE, space="srgb").pngsave_buffer(interlace=interlace)
    for at in random.integers(len(content) // 4, len(content) * 3 // 4, 20):
        damaged = bytearray(content)
        damaged[at : at + 5] = random.bytes(5)
        photo = read(io.BytesIO(bytes(damaged)), allow_damaged=True)
        assert photo.pixels.shape == PICTURE.shape
