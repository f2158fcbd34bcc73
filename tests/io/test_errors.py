"""Every fault is one line that names the file."""

from __future__ import annotations

import io
import os
import struct
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.image_files import (
    GRAY,
    HEIGHT,
    RGB,
    RGB16,
    WIDTH,
    animation,
    heic,
    image_of,
    plain_tiff,
    png_chunk,
    saved,
    vips_image,
)
from fixtures.sample_files import SAMPLES, SampleFile, sample_id

from benchmarks.fuzz_reader import mutated
from colorize.errors import ColorizeError, display_name
from colorize.io.readers import read, read_pages
from colorize.io.readers.limits import MAX_FULL_PAGES


def reason(source: Any, **options: Any) -> str:
    """Return why a source cannot be read: one line that begins with its name."""
    with pytest.raises(ColorizeError) as caught:
        for _ in read_pages(source, **options):
            pass
    message = str(caught.value)
    assert message.startswith(display_name(source) + ": ")
    assert "\n" not in message and len(message) < 400
    return message


def test_read_names_what_is_not_a_picture_file(tmp_path: Path) -> None:
    assert "no such file" in reason(tmp_path / "missing.jpg")
    assert "is a folder" in reason(tmp_path)
    os.symlink("nowhere", tmp_path / "link.jpg")
    assert "leads nowhere" in reason(tmp_path / "link.jpg")
    os.symlink("loop.jpg", tmp_path / "loop.jpg")
    assert "link" in reason(tmp_path / "loop.jpg")
    (tmp_path / "empty.jpg").touch()
    assert "is empty" in reason(tmp_path / "empty.jpg")
    assert "is empty" in reason(io.BytesIO())
    (tmp_path / "text.jpg").write_text("not a picture")
    assert "not a picture" in reason(tmp_path / "text.jpg")
    assert "null byte" in reason("a\0b.jpg")


def test_read_rejects_a_fifo_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.jpg")
    assert "not a regular file" in reason(tmp_path / "fifo.jpg")


def test_read_names_an_unreadable_file(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"x")
    (tmp_path / "secret.jpg").chmod(0)
    request.getfixturevalue("unprivileged")
    assert "permission denied" in reason(tmp_path / "secret.jpg")


def test_read_ignores_the_suffix(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(saved(image_of(RGB), "PNG"))
    photo = read(tmp_path / "a.jpg")
    assert photo.metadata.format == "PNG"
    np.testing.assert_array_equal(photo.pixels, RGB)


@pytest.mark.parametrize("sample", SAMPLES, ids=sample_id)
def test_truncated_file_is_an_error_or_whole(sample: SampleFile) -> None:
    content = sample.content()
    whole = list(read_pages(io.BytesIO(content)))
    for share in (0.1, 0.4, 0.6, 0.8, 0.95):
        try:
            pages = list(read_pages(io.BytesIO(content[: int(len(content) * share)])))
        except ColorizeError:
            continue
        for page, before in zip(pages, whole, strict=False):
            np.testing.assert_array_equal(page.pixels, before.pixels)


def test_read_rejects_too_many_pixels_before_decoding() -> None:
    for content in bombs():
        assert "--max-pixels" in reason(io.BytesIO(content))
    small = io.BytesIO(saved(image_of(GRAY), "PNG"))
    assert "limit of 0.0005 megapixels" in reason(small, max_pixels=500)
    assert read(small, max_pixels=HEIGHT * WIDTH).size == (HEIGHT, WIDTH)


def bombs() -> list[bytes]:
    side = 60000
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)
    png += png_chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + png_chunk(b"IEND", b"")
    jpeg = saved(image_of(GRAY), "JPEG")
    frame = jpeg.index(b"\xff\xc0")
    jpeg = jpeg[: frame + 5] + struct.pack(">HH", side, side) + jpeg[frame + 9 :]
    gif = saved(image_of(GRAY), "GIF")
    ppm = b"P5\n%d %d\n255\n" % (side, side)
    return [png, jpeg, ppm, gif[:6] + struct.pack("<HH", side, side) + gif[10:]]


def test_read_leaves_out_decompression_bombs_in_png_chunks() -> None:
    bomb = zlib.compress(bytes(20 << 20), 9)
    png = saved(image_of(GRAY), "PNG")
    for chunk in (png_chunk(b"zTXt", b"k\0\0" + bomb), png_chunk(b"iCCP", b"k\0\0" + bomb)):
        photo = read(io.BytesIO(png[:33] + chunk + png[33:]))
        np.testing.assert_array_equal(photo.pixels, GRAY)
        assert any("left out" in note for note in photo.metadata.notes)


def test_read_rejects_numbers_out_of_range() -> None:
    gray = GRAY.astype(np.float32)
    for change, expected in (
        (np.nan, "not numbers"), (np.inf, "not numbers"), (-1.0, "from -1"), (70000.0, "to 70000"),
    ):  # fmt: skip
        wrong = gray.copy()
        wrong[3, 4] = change
        assert expected in reason(io.BytesIO(plain_tiff(wrong, 1)))
    assert "scale them" in reason(io.BytesIO(plain_tiff(gray.astype(np.int32) * 1000, 1)))


def test_read_rejects_tiff_of_other_color_models() -> None:
    assert "convert it to RGB" in reason(io.BytesIO(plain_tiff(RGB16, 32844)))  # CIE Log2(L)
    assert "has 18 channels" in reason(io.BytesIO(plain_tiff(np.dstack([RGB16] * 6), 2)))


def test_fuzzed_files_raise_only_colorize_error() -> None:
    random = np.random.default_rng(0)
    contents = [sample.content() for sample in SAMPLES]
    for number in range(400):
        content = mutated(contents[number % len(contents)], random)
        try:
            for photo in read_pages(io.BytesIO(content), max_pixels=1_000_000):
                assert photo.pixels.size > 0
        except ColorizeError as error:
            assert "\n" not in str(error)


def test_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from colorize.io import high_bit_depth as high_bit_depth

    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    assert "[heic]" in reason(io.BytesIO(heic(RGB)))
    png16 = vips_image(RGB16).pngsave_buffer()
    monkeypatch.setitem(sys.modules, "pyvips", None)
    high_bit_depth._vips.cache_clear()
    assert "pip install 'pyvips[binary]'" in reason(io.BytesIO(png16))
    high_bit_depth._vips.cache_clear()


def test_display_name_is_one_printable_line() -> None:
    assert display_name(Path("Straße 1.jpg")) == "Straße 1.jpg"
    assert display_name("a\nb.jpg") == r"'a\nb.jpg'"
    assert display_name(b"\xff\xfe.jpg") == r"'\udcff\udcfe.jpg'"
    assert display_name(io.BytesIO()) == "stream"


@pytest.mark.parametrize(
    ("start", "filling", "rest"),
    [
        (b"P5\n#", b"x" * (1 << 24), b"\n4 4\n255\n" + bytes(16)),
        (b"P5\n", b"#\n" * (1 << 20), b"4 4\n255\n" + bytes(16)),
        (b"\xff\xd8\xff\xe0\0\x02", b"x" * (1 << 24), saved(image_of(GRAY), "JPEG")[2:]),
        (b"\xff\xd8", b"\xff\xfe\0\x02" * (1 << 20), saved(image_of(GRAY), "JPEG")[2:]),
    ],
    ids=["comment", "comments", "junk", "segments"],
)  # fmt: skip
def test_long_header_is_refused_at_once(start: bytes, filling: bytes, rest: bytes) -> None:
    began = time.process_time()
    with pytest.raises(ColorizeError, match="header"):
        read(io.BytesIO(start + filling + rest))
    assert time.process_time() - began < 2
    read(io.BytesIO(start + filling[:8] + rest))


def test_gray_pnm_of_32s_is_read() -> None:
    content = b"P5 # 400 400\n400 400 255\n" + b" " * 160_000
    assert (read(io.BytesIO(content)).pixels == 32).all()


def test_progressive_jpeg_of_too_many_scans_is_refused() -> None:
    content = saved(image_of(GRAY), "JPEG", progressive=True)
    start = content.rindex(b"\xff\xda")
    bomb = content[:start] + content[start:-2] * 600 + content[-2:]
    with pytest.raises(ColorizeError, match="scans"):
        read(io.BytesIO(bomb))


def test_frames_of_an_animation_have_a_limit_together() -> None:
    content = animation("GIF")
    pixels = GRAY.size
    assert len(list(read_pages(io.BytesIO(content), max_pixels=3 * pixels))) == 3
    with pytest.raises(ColorizeError, match="together"):  # before the first frame
        next(read_pages(io.BytesIO(content), max_pixels=2 * pixels))


def test_pages_of_a_tiff_have_a_limit_together() -> None:
    page = image_of(GRAY)
    content = saved(page, "TIFF", save_all=True, append_images=[page] * (MAX_FULL_PAGES - 1))
    pixels = GRAY.size
    assert len(list(read_pages(io.BytesIO(content), max_pixels=pixels))) == MAX_FULL_PAGES
    content = saved(page, "TIFF", save_all=True, append_images=[page] * MAX_FULL_PAGES)
    with pytest.raises(ColorizeError, match="together"):  # before the first page
        next(read_pages(io.BytesIO(content), max_pixels=pixels))
    read(io.BytesIO(content), max_pixels=pixels)


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "AVIF", "TIFF"])
def test_pages_and_frames_have_a_limit(format: str) -> None:
    if format == "TIFF":
        pages = [image_of(GRAY)] * 3
        content = saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    else:
        content = animation(format)
    assert len(list(read_pages(io.BytesIO(content), max_pages=3))) == 3
    with pytest.raises(ColorizeError) as caught:  # before the first one
        next(read_pages(io.BytesIO(content), max_pages=2))
    assert "--max-pages" in str(caught.value)
    read(io.BytesIO(content))


def test_picture_of_too_many_chunks_or_comments_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("colorize.io.readers.png_chunks.MAX_CHUNKS", 100)
    content = saved(image_of(GRAY), "PNG")
    text = png_chunk(b"tEXt", b"a\0b")
    with pytest.raises(ColorizeError, match="100 chunks"):
        read(io.BytesIO(content[:33] + text * 100 + content[33:]))
    content = saved(image_of(GRAY), "GIF")
    start = 13 + (3 << ((content[10] & 7) + 1))
    with pytest.raises(ColorizeError, match="comments"):
        read(io.BytesIO(content[:start] + b"\x21\xfe\1a\0" * 20_001 + content[start:]))
