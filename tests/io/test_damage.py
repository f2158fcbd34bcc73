"""Strict about pixels, lenient about everything else: JPEG, PNG, JPEG 2000 and EXIF."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from fixtures.image_files import (
    GRAY,
    RGB,
    RGB16,
    animation,
    exif_bytes,
    image_of,
    png_chunk,
    saved,
    vips_image,
)
from PIL import Image

from colorize.errors import ColorizeError
from colorize.io.exif import page_from_exif, read_orientation, upright_exif
from colorize.io.png import SIGNATURE
from colorize.io.readers import read, read_pages
from colorize.io.readers.limits import DAMAGED
from colorize.io.readers.png_chunks import passes

EOI = b"\xff\xd9"
random = np.random.default_rng(0)
NOISE = random.integers(0, 256, (128, 160, 3), dtype=np.uint8)
JPEG_OPTIONS: dict[str, dict[str, Any]] = {
    "sequential": {}, "progressive": {"progressive": True}, "4:2:0": {"subsampling": 2},
    "restarts": {"restart_marker_rows": 2}, "optimized": {"optimize": True},
}  # fmt: skip


def notes_of(content: bytes, **options: Any) -> str:
    return "; ".join(read(io.BytesIO(content), **options).metadata.notes)


def is_rejected(content: bytes) -> bool:
    try:
        list(read_pages(io.BytesIO(content)))
    except ColorizeError:
        return True
    return False


@pytest.fixture(params=[GRAY, NOISE], ids=["gray", "color"])
def jpegs(request: pytest.FixtureRequest) -> dict[str, bytes]:
    image = image_of(request.param)
    return {name: saved(image, "JPEG", **options) for name, options in JPEG_OPTIONS.items()}


def test_whole_jpeg_is_read_as_by_pillow(jpegs: dict[str, bytes]) -> None:
    for content in jpegs.values():
        photo = read(io.BytesIO(content))
        expected = np.asarray(Image.open(io.BytesIO(content)))
        np.testing.assert_array_equal(photo.pixels, expected)
        assert photo.metadata.notes == ()


@pytest.mark.parametrize("share", [0.5, 0.7, 0.9, 0.97])
@pytest.mark.parametrize("end", [b"", EOI], ids=["cut", "ended"])
def test_cut_jpeg_is_rejected(share: float, end: bytes) -> None:
    for name, options in JPEG_OPTIONS.items():
        content = saved(image_of(NOISE), "JPEG", **options)
        header = content.index(b"\xff\xda") + 14
        cut = content[: header + int((len(content) - header) * share)].rstrip(b"\xff") + end
        assert is_rejected(cut), name
        assert "damaged" in notes_of(cut, allow_damaged=True)


def test_jpeg_without_end_marker_is_read_with_a_note(jpegs: dict[str, bytes]) -> None:
    for content in jpegs.values():
        photo = read(io.BytesIO(content[:-2]))
        np.testing.assert_array_equal(photo.pixels, read(io.BytesIO(content)).pixels)
        assert any("end marker" in note for note in photo.metadata.notes)


@pytest.mark.parametrize("trailer", [bytes(5000), b"\xff\xd8 a motion photo", EOI])
def test_data_behind_the_end_of_a_jpeg_do_not_matter(
    jpegs: dict[str, bytes], trailer: bytes
) -> None:
    for content in jpegs.values():
        photo = read(io.BytesIO(content + trailer))
        np.testing.assert_array_equal(photo.pixels, read(io.BytesIO(content)).pixels)
        assert not any("damaged" in note or "marker" in note for note in photo.metadata.notes)


def test_jpeg_with_a_missing_piece_is_rejected() -> None:
    for options in ({}, {"progressive": True}):
        content = saved(image_of(NOISE), "JPEG", quality=95, **options)
        middle = len(content) // 2
        assert is_rejected(content[:middle] + content[middle + 2000 :])


def with_size(content: bytes, height: int, width: int) -> bytes:
    """Return a JPEG file whose header states another size."""
    at = content.index(b"\xff\xc0") + 5
    return content[:at] + struct.pack(">HH", height, width) + content[at + 4 :]


@pytest.mark.parametrize("options", [{}, {"restart_marker_rows": 1}], ids=["plain", "restarts"])
def test_jpeg_with_more_data_than_its_size_needs_is_rejected(options: dict[str, int]) -> None:
    content = saved(image_of(NOISE[:64, :80]), "JPEG", **options)
    for height, width in ((48, 80), (32, 80), (64, 64), (64, 40)):
        smaller = with_size(content, height, width)
        assert is_rejected(smaller)
        photo = read(io.BytesIO(smaller), allow_damaged=True)
        assert photo.size == (height, width) and photo.metadata.notes
    assert is_rejected(with_size(content, 0, 80))


def test_few_bytes_behind_the_data_of_a_jpeg_do_not_matter() -> None:
    content = saved(image_of(NOISE), "JPEG")
    photo = read(io.BytesIO(content[:-2] + b"\x7f" * 11 + EOI))
    np.testing.assert_array_equal(photo.pixels, read(io.BytesIO(content)).pixels)
    assert photo.metadata.notes == ()


@pytest.mark.parametrize("name", JPEG_OPTIONS)
@pytest.mark.parametrize("size", [40, 600, 3000])
def test_jpeg_that_ends_in_zeros_is_rejected(name: str, size: int) -> None:
    for pixels in (GRAY, NOISE, np.full((400, 500), 99, np.uint8)):
        content = saved(image_of(pixels), "JPEG", **JPEG_OPTIONS[name])
        start = content.index(b"\xff\xda") + 20
        cut = max(len(content) - size, start)
        assert is_rejected(content[:cut] + bytes(size))
        assert not is_rejected(content + bytes(size))


def test_jpeg_with_restarts_that_lacks_the_end_of_its_last_row_is_rejected() -> None:
    content = saved(image_of(NOISE), "JPEG", restart_marker_rows=1)
    assert is_rejected(content[:-60] + EOI)


def png_with(*chunks: bytes, content: bytes = b"") -> bytes:
    content = content or saved(image_of(GRAY), "PNG")
    return content[:33] + b"".join(chunks) + content[33:]


def with_wrong_checksum(chunk: bytes) -> bytes:
    return chunk[:-1] + bytes([chunk[-1] ^ 1])


PNG16 = vips_image(RGB16).pngsave_buffer(keep=0)


@pytest.mark.parametrize("content", [saved(image_of(RGB), "PNG"), PNG16], ids=["8", "16"])
@pytest.mark.parametrize(
    "chunk",
    [
        (b"tEXt", b"Title\0old"), (b"gAMA", struct.pack(">I", 100000)), (b"iCCP", b"x\0\0junk"),
        (b"zTXt", b"Title\0\0junk"), (b"iTXt", b"Title"), (b"pHYs", b"\0"), (b"eXIf", b"junk"),
        (b"tIME", b"\0"), (b"gAMA", b"\0"), (b"cHRM", b"\0"), (b"sRGB", b""),
    ],
    ids=lambda chunk: chunk[0].decode(),
)  # fmt: skip
def test_damaged_chunks_that_are_not_pixels_do_not_matter(
    content: bytes, chunk: tuple[bytes, bytes]
) -> None:
    expected = read(io.BytesIO(content)).pixels
    for damaged in (png_chunk(*chunk), with_wrong_checksum(png_chunk(*chunk))):
        photo = read(io.BytesIO(png_with(damaged, content=content)))
        if chunk != (b"gAMA", struct.pack(">I", 100000)) or damaged != png_chunk(*chunk):
            np.testing.assert_array_equal(photo.pixels, expected)
    assert chunk[0].decode() in "; ".join(photo.metadata.notes)


@pytest.mark.parametrize("content", [saved(image_of(RGB), "PNG"), PNG16], ids=["8", "16"])
def test_wrong_checksum_of_pixels_is_rejected(content: bytes) -> None:
    at = content.index(b"IDAT")
    (length,) = struct.unpack_from(">I", content, at - 4)
    damaged = bytearray(content)
    damaged[at + 4 + length] ^= 1
    assert is_rejected(bytes(damaged))
    photo = read(io.BytesIO(bytes(damaged)), allow_damaged=True)
    np.testing.assert_array_equal(photo.pixels, read(io.BytesIO(content)).pixels)
    assert any("damaged" in note for note in photo.metadata.notes)


@pytest.mark.parametrize("interlace", [False, True])
def test_first_rows_of_a_cut_png_are_taken_where_allowed(interlace: bool) -> None:
    content = vips_image(NOISE, space="srgb").pngsave_buffer(interlace=interlace)
    cut = content[: len(content) * 3 // 4]
    assert is_rejected(cut)
    photo = read(io.BytesIO(cut), allow_damaged=True)
    assert photo.pixels.shape == NOISE.shape
    if not interlace:
        np.testing.assert_array_equal(photo.pixels[:60], NOISE[:60])


def test_png_without_its_end_is_read_with_a_note() -> None:
    assert "end" in notes_of(saved(image_of(GRAY), "PNG")[:-12])


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("pixels", [GRAY, RGB])
def test_png_whose_pixels_end_early_is_rejected(pixels: np.ndarray, interlaced: bool) -> None:
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if channels == 3 else 0, 0, 0, interlaced)
    size = sum(count * length for count, length in passes(header))
    rows = zlib.compress(bytes(size - width * channels - 1))
    content = SIGNATURE + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", rows)
    content += png_chunk(b"IEND", b"")
    assert is_rejected(content)
    assert read(io.BytesIO(content), allow_damaged=True).metadata.notes == (DAMAGED,)
    black = content.replace(
        png_chunk(b"IDAT", rows), png_chunk(b"IDAT", zlib.compress(bytes(size)))
    )
    assert not notes_of(black)


def test_color_chunks_behind_the_pixels_are_left_out() -> None:
    content = saved(image_of(GRAY), "PNG")
    gamma = png_chunk(b"gAMA", struct.pack(">I", 100000))
    photo = read(io.BytesIO(content[:-12] + gamma + content[-12:]))
    np.testing.assert_array_equal(photo.pixels, GRAY)
    assert "gAMA" in "; ".join(photo.metadata.notes)


def test_png_of_ios_is_named() -> None:
    content = saved(image_of(GRAY), "PNG")
    with pytest.raises(ColorizeError, match="iOS"):
        read(io.BytesIO(content[:8] + png_chunk(b"CgBI", b"P\0\x20\2") + content[8:]))


def test_png_that_is_no_animation_though_it_says_so_is_read() -> None:
    content = saved(image_of(GRAY), "PNG")
    claim = png_chunk(b"acTL", struct.pack(">II", 1, 0))
    photo = read(io.BytesIO(content[:33] + claim + content[33:]))
    np.testing.assert_array_equal(photo.pixels, GRAY)


@pytest.mark.parametrize("claimed", [0, 1, 2, 900])
def test_animation_has_the_frames_that_are_there(claimed: int) -> None:
    content = animation("PNG")
    start = content.index(b"acTL") - 4
    frames = struct.unpack(">I", content[start + 8 : start + 12])[0]
    claim = png_chunk(b"acTL", struct.pack(">II", claimed, 0))
    photos = list(read_pages(io.BytesIO(content[:start] + claim + content[start + 20 :])))
    assert len(photos) == frames > 2
    assert str(claimed) in "; ".join(photos[0].metadata.notes)


def test_frames_of_16_bits_are_noted() -> None:
    image = Image.fromarray(np.arange(0, 57600, 900, np.uint16).reshape(8, 8))
    turned = image.transpose(Image.Transpose.ROTATE_90)
    content = saved(image, "PNG", save_all=True, append_images=[turned])
    assert "16 bits" in notes_of(content)


@pytest.mark.parametrize("format", ["PNG", "BMP"])
def test_pixels_beyond_the_palette_are_damage(format: str) -> None:
    image = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).convert("P")
    image.putpalette(bytes(range(256)) * 3)
    content = saved(image, format)
    if format == "PNG":
        start = content.index(b"PLTE") - 4
        palette = png_chunk(b"PLTE", content[start + 8 : start + 8 + 3 * 64])
        content = content[:start] + palette + content[start + 12 + 3 * 256 :]
    else:
        content = content[:46] + struct.pack("<I", 64) + content[50:]
    assert is_rejected(content)
    assert DAMAGED in notes_of(content, allow_damaged=True)


@pytest.mark.parametrize(("mode", "size"), [("P", 300), ("L", 1), ("RGB", 2)])
def test_transparency_that_does_not_fit_is_left_out(mode: str, size: int) -> None:
    content = saved(image_of(GRAY).convert(mode), "PNG")
    start = content.index(b"IDAT") - 4
    clear = png_chunk(b"tRNS", bytes(size))
    photo = read(io.BytesIO(content[:start] + clear + content[start:]))
    np.testing.assert_array_equal(photo.pixels, read(io.BytesIO(content)).pixels)
    assert photo.alpha is None and "transparency" in "; ".join(photo.metadata.notes)


def test_animation_without_its_end_is_rejected() -> None:
    assert is_rejected(animation("PNG")[:-12])


def test_gif_without_its_end_is_rejected_where_it_is_an_animation() -> None:
    still = saved(image_of(GRAY), "GIF")
    assert "end" in notes_of(still[:-1])
    content = animation("GIF", loop=0)
    frames = [i for i in range(len(content)) if content[i : i + 3] == b"\x21\xf9\x04"]
    cuts = (frames[1], frames[1] + 8, frames[2], len(content) - 1)
    assert all(is_rejected(content[:cut]) for cut in cuts)


@pytest.mark.parametrize("trailer", [b"\0\0\0", bytes(50)])
def test_zeros_behind_a_jpeg2000_file_do_not_matter(trailer: bytes) -> None:
    content = saved(image_of(GRAY), "JPEG2000")
    np.testing.assert_array_equal(read(io.BytesIO(content + trailer)).pixels, GRAY)


def test_jpeg2000_without_end_marker_is_read_with_a_note() -> None:
    content = saved(image_of(GRAY), "JPEG2000", no_jp2=True)
    photo = read(io.BytesIO(content[:-2]))
    np.testing.assert_array_equal(photo.pixels, GRAY)
    assert photo.metadata.notes


def test_cut_jpeg2000_is_rejected() -> None:
    content = saved(image_of(NOISE), "JPEG2000")
    for share in (0.3, 0.6, 0.9):
        assert is_rejected(content[: int(len(content) * share)])


def tile_parts(content: bytes) -> list[bytes]:
    """Return what precedes the tile-parts of a codestream, each of them, and the end marker."""
    start = content.index(b"\xff\x90")
    parts = [content[:start]]
    while content[start : start + 2] == b"\xff\x90":
        (size,) = struct.unpack_from(">I", content, start + 6)
        parts.append(content[start : start + size])
        start += size
    return [*parts, content[start:]]


@pytest.mark.parametrize("missing", [1, 4, -2])
def test_jpeg2000_without_one_of_its_tiles_is_rejected(missing: int) -> None:
    content = saved(image_of(NOISE), "JPEG2000", no_jp2=True, tile_size=(64, 64))
    parts = tile_parts(content)
    assert len(parts) == 2 + 6 and not notes_of(content)
    del parts[missing]
    assert is_rejected(b"".join(parts))
    assert DAMAGED in notes_of(b"".join(parts), allow_damaged=True)


def test_jpeg2000_without_a_tile_part_that_it_states_is_rejected() -> None:
    start, part, end = tile_parts(saved(image_of(NOISE), "JPEG2000", no_jp2=True))
    assert not is_rejected(start + part[:11] + b"\1" + part[12:] + end)
    assert is_rejected(start + part[:11] + b"\2" + part[12:] + end)


def damaged_exif_blocks() -> dict[str, bytes]:
    block = exif_bytes(6)[6:]
    (start,) = struct.unpack_from(">I", block, 4)
    (count,) = struct.unpack_from(">H", block, start)
    blocks = {"version": block[:2] + b"\0\x55" + block[4:]}
    blocks |= {f"cut at {size}": block[:size] for size in (len(block) - 1, len(block) // 2, 80)}
    for wrong in (count + 200, 65535):
        blocks[f"{wrong} entries"] = block[:start] + struct.pack(">H", wrong) + block[start + 2 :]
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        (number,) = struct.unpack_from(">H", block, entry)
        if number != 0x0112:
            blocks[f"{number:x} points away"] = (
                block[: entry + 8] + b"\xff" * 4 + block[entry + 12 :]
            )
            blocks[f"{number:x} of no type"] = block[: entry + 2] + b"\0c" + block[entry + 4 :]
    return blocks


@pytest.mark.parametrize("name", damaged_exif_blocks())
def test_damaged_exif_keeps_its_orientation(name: str) -> None:
    block = damaged_exif_blocks()[name]
    assert read_orientation(block) == 6
    upright = upright_exif(block, 6)
    assert upright is not None and len(upright) == len(block)
    assert read_orientation(upright) == 1
    page_from_exif(block)
    content = saved(image_of(GRAY), "JPEG", exif=b"Exif\0\0" + block)
    assert read(io.BytesIO(content)).size == GRAY.T.shape


def test_damaged_compression_of_png_pixels_is_rejected() -> None:
    content = saved(image_of(NOISE), "PNG")
    at = content.index(b"IDAT")
    (length,) = struct.unpack_from(">I", content, at - 4)
    pixels = bytearray(content[at + 4 : at + 4 + length])
    pixels[length // 2 : length // 2 + 20] = bytes(20)
    damaged = content[: at - 4] + png_chunk(b"IDAT", bytes(pixels)) + png_chunk(b"IEND", b"")
    assert is_rejected(damaged)
    assert "damaged" in notes_of(damaged, allow_damaged=True)
