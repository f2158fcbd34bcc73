"""Damaged pixels of which the decoders say nothing: refused, or taken with a note if allowed."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
import tifffile
from fixtures.image_files import (
    GRAY,
    GRAY16,
    HEIGHT,
    RGB16,
    WIDTH,
    exif_bytes,
    heic,
    image_of,
    png_chunk,
    saved,
)

from colorize.errors import ColorizeError
from colorize.io.photo import Photo
from colorize.io.png import SIGNATURE
from colorize.io.readers import read_pages
from colorize.io.readers.limits import DAMAGED, TAKE_DAMAGED


def photos(content: bytes, **options: Any) -> list[Photo]:
    return list(read_pages(io.BytesIO(content), **options))


def notes_of(content: bytes, **options: Any) -> list[str]:
    return [note for photo in photos(content, **options) for note in photo.metadata.notes]


def rejection(content: bytes) -> str:
    with pytest.raises(ColorizeError) as caught:
        photos(content)
    return str(caught.value)


def apng(rows: tuple[int, ...], bits: int = 8) -> bytes:
    """Return frames of GRAY of which only some rows are there, all checksums right."""
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, bits, 0, 0, 0, 0)
    content = png_chunk(b"IHDR", header) + png_chunk(b"acTL", struct.pack(">II", len(rows), 0))
    numbers = iter(range(100))
    for index, count in enumerate(rows):
        levels = np.roll(GRAY, index, axis=1)[:count].astype(">u2" if bits == 16 else "u1")
        pixels = zlib.compress(b"".join(b"\0" + row.tobytes() for row in levels))
        control = struct.pack(">IIIIIHHBB", next(numbers), WIDTH, HEIGHT, 0, 0, 1, 10, 0, 0)
        content += png_chunk(b"fcTL", control)
        if index == 0:
            content += png_chunk(b"IDAT", pixels)
        else:
            content += png_chunk(b"fdAT", struct.pack(">I", next(numbers)) + pixels)
    return SIGNATURE + content + png_chunk(b"IEND", b"")


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("rows", [(24, 10, 24), (24, 24, 10), (10, 24, 24), (10,)])
def test_frames_that_lack_rows_are_damaged(rows: tuple[int, ...], bits: int) -> None:
    assert TAKE_DAMAGED in rejection(apng(rows, bits))
    assert DAMAGED in notes_of(apng(rows, bits), allow_damaged=True)
    frames = photos(apng((HEIGHT,) * len(rows), bits))
    assert len(frames) == len(rows)
    assert not any(DAMAGED in frame.metadata.notes for frame in frames)


def indexed_png(*chunks: bytes) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 3, 0, 0, 0))
    return SIGNATURE + header + b"".join(chunks) + png_chunk(b"IEND", b"")


INDICES = png_chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in GRAY)))
INVERSE = png_chunk(b"PLTE", bytes(255 - index // 3 for index in range(768)))


def test_png_without_one_palette_says_so() -> None:
    assert "palette" in rejection(indexed_png(INDICES))
    assert "palettes" in rejection(indexed_png(INVERSE, INVERSE, INDICES))


def test_palette_behind_the_pixels_of_a_png_is_taken() -> None:
    (photo,) = photos(indexed_png(INDICES, INVERSE))
    np.testing.assert_array_equal(photo.pixels, 255 - GRAY)


def gif(indices: list[np.ndarray], colors: int, transparent: int | None = None) -> bytes:
    """Return frames that share a palette, which may be shorter than their indices need."""
    options = {} if transparent is None else {"transparency": transparent}
    frames = b""
    for each in indices:
        image = image_of(each).convert("P")
        image.putpalette(bytes(255 - index // 3 for index in range(768)))
        still = saved(image, "GIF", optimize=False, **options)
        assert still[10] & 0x87 == 0x87
        frames += still[13 + 768 : -1]
    flags = 0x80 | (colors.bit_length() - 2)
    return b"GIF89a" + still[6:10] + bytes([flags]) + still[11 : 13 + 3 * colors] + frames + b";"


FEW = GRAY % 64


@pytest.mark.parametrize("indices", [[GRAY], [FEW, GRAY], [GRAY, FEW, FEW]])
def test_gif_pixels_beyond_the_palette_are_damage(indices: list[np.ndarray]) -> None:
    assert TAKE_DAMAGED in rejection(gif(indices, 64))
    assert DAMAGED in notes_of(gif(indices, 64), allow_damaged=True)


def test_gif_with_the_palette_that_it_needs_is_whole() -> None:
    still, *moving = photos(gif([FEW], 64)) + photos(gif([FEW, np.roll(FEW, 7, 1)], 64))
    np.testing.assert_array_equal(still.pixels, 255 - FEW)
    np.testing.assert_array_equal(moving[1].pixels[..., 0], 255 - np.roll(FEW, 7, 1))
    assert not any(photo.metadata.notes for photo in (still, *moving))


def test_gif_may_be_transparent_beyond_its_palette() -> None:
    (photo,) = photos(gif([np.where(FEW == 5, 200, FEW)], 64, transparent=200))
    assert photo.alpha is not None and photo.metadata.notes == ()
    np.testing.assert_array_equal(photo.alpha == 0, FEW == 5)


def pnm(kind: str, levels: np.ndarray, white: int) -> bytes:
    header = f"{kind}\n{levels.shape[1]} {levels.shape[0]}\n{white}\n".encode()
    return header + levels.astype("u1" if white < 256 else ">u2").tobytes()


COLOR = np.stack([GRAY, 255 - GRAY, GRAY // 2], axis=-1)


@pytest.mark.parametrize(
    ("kind", "levels", "white"),
    [
        ("P5", GRAY % 101, 100), ("P6", COLOR % 101, 100), ("P5", GRAY16 // 16, 4095),
        ("P6", RGB16 // 16, 4095), ("P5", GRAY16, 65535), ("P6", RGB16, 65535),
    ],
)  # fmt: skip
def test_white_of_pnm_may_be_any_level(kind: str, levels: np.ndarray, white: int) -> None:
    (photo,) = photos(pnm(kind, levels, white))
    assert photo.metadata.notes == ()
    full = 255 if white < 256 else 65535
    assert photo.pixels.dtype.itemsize == (1 if full == 255 else 2)
    np.testing.assert_allclose(photo.pixels, levels * (full / white), atol=0.501)


@pytest.mark.parametrize(
    ("kind", "levels", "white"),
    [("P5", GRAY, 100), ("P6", COLOR, 100), ("P5", GRAY16, 4095), ("P6", RGB16, 4095)],
)
def test_levels_above_white_are_damage(kind: str, levels: np.ndarray, white: int) -> None:
    assert "white" in rejection(pnm(kind, levels, white))
    (photo,) = photos(pnm(kind, levels, white), allow_damaged=True)
    assert DAMAGED in photo.metadata.notes
    full = np.iinfo(photo.pixels.dtype).max
    np.testing.assert_array_equal(photo.pixels == full, levels >= white)


def test_damaged_text_pixels_are_not_taken_as_black() -> None:
    content = b"P2\n2 2\n100\n1 50 101 100\n"
    assert "damaged" in rejection(content)
    with pytest.raises(ColorizeError, match="nothing"):
        photos(content, allow_damaged=True)


SMOOTH = np.add.outer(np.arange(160), np.arange(240)).astype(np.uint8)
GRAINY = np.dstack([SMOOTH, 255 - SMOOTH, SMOOTH // 2]) // 2
GRAINY += np.random.default_rng(0).integers(0, 60, GRAINY.shape, dtype=np.uint8)
FLAT = np.full((600, 800, 3), 255, np.uint8)


def coded(pixels: np.ndarray, format: str, **options: Any) -> bytes:
    frames = [image_of(pixels), image_of(pixels[::-1])]
    if format == "HEIF":
        return heic(pixels, **options)
    if format == "TIFF":
        file = io.BytesIO()
        tifffile.imwrite(file, pixels, photometric="rgb", metadata=None, **options)
        return file.getvalue()
    if options.get("save_all"):
        options["append_images"] = frames[1:]
    return saved(frames[0], format, **options)


CODED: dict[str, tuple[str, dict[str, Any]]] = {
    "WebP": ("WEBP", {}),
    "WebP without loss": ("WEBP", {"lossless": True}),
    "animated WebP": ("WEBP", {"save_all": True}),
    "AVIF": ("AVIF", {"speed": 9}),
    "animated AVIF": ("AVIF", {"speed": 9, "save_all": True}),
    "AVIF with EXIF": ("AVIF", {"speed": 9, "exif": exif_bytes() + bytes(500)}),
    "HEIC": ("HEIF", {"quality": 80}),
    "JPEG 2000": ("JPEG2000", {}),
    "JPEG 2000 in TIFF": ("TIFF", {"compression": "jpeg2000"}),
    "WebP in TIFF": ("TIFF", {"compression": "webp"}),
    "LZW in TIFF": ("TIFF", {"compression": "lzw"}),
    "Zstandard in TIFF": ("TIFF", {"compression": "zstd"}),
    "GIF": ("GIF", {}),
}


@pytest.mark.parametrize("name", CODED)
def test_zeros_in_the_place_of_the_last_pixels_are_damage(name: str) -> None:
    format, options = CODED[name]
    content = coded(GRAINY, format, **options)
    photos(content)
    zeros = len(content) * 2 // 5
    reason = rejection(content[:-zeros] + bytes(zeros))
    assert TAKE_DAMAGED in reason


@pytest.mark.parametrize("name", CODED)
def test_zeros_in_and_behind_sound_files_do_not_matter(name: str) -> None:
    format, options = CODED[name]
    for pixels in (FLAT, FLAT // 255, GRAINY):
        content = coded(pixels, format, **options)
        assert not notes_of(content)
        assert not notes_of(content + bytes(4096))


def test_what_is_in_front_of_zeros_is_taken_where_allowed() -> None:
    for name in ("WebP", "animated WebP", "AVIF", "HEIC"):
        format, options = CODED[name]
        content = coded(GRAINY, format, **options)
        cut = content[: -len(content) // 3]
        photo, *_ = photos(cut + bytes(len(content) // 3), allow_damaged=True)
        assert photo.size == GRAINY.shape[:2]
        difference = np.abs(photo.pixels[:48].astype(int) - GRAINY[:48])
        assert difference.mean() < 20


@pytest.mark.parametrize("codec", ["webp", "jpeg2000", "jpegxl", "png"])
def test_more_channels_in_a_codec_than_in_its_tiff_file_are_damage(codec: str) -> None:
    content = coded(GRAINY, "TIFF", compression=codec)
    (photo,) = photos(content)
    np.testing.assert_array_equal(photo.pixels, tifffile.imread(io.BytesIO(content)))
    damaged = bytearray(content)
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        (number,) = struct.unpack_from("<H", content, entry)
        value = {258: 8, 262: 1, 277: 1}.get(number)  # gray of 8 bits
        if value is not None:
            struct.pack_into("<HIHH", damaged, entry + 2, 3, 1, value, 0)
    assert "damaged" in rejection(bytes(damaged))


def test_jpeg_xr_in_tiff_is_refused() -> None:
    assert "JPEG XR" in rejection(coded(GRAINY, "TIFF", compression="jpegxr"))
