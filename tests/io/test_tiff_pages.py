"""Which directories of a TIFF file are pages, and what may be wrong with its tags."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from fixtures.image_files import GRAY, GRAY16, RGB, RGB16, plain_tiff, tiff_with, with_tag
from PIL import Image

from colorize.errors import ColorizeError
from colorize.io import tiff_ifd as tiff
from colorize.io.photo import Photo
from colorize.io.readers import read, read_pages
from colorize.io.tiff_ifd_reader import read_ifds
from colorize.io.writers import write

REDUCED, PAGE, MASK = 1, 2, 4


def tiff_of(*images: tuple[np.ndarray, dict[str, Any]]) -> io.BytesIO:
    """Return a TIFF file with a directory for each image, written with tifffile's options."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for image, options in images:
            photometric = "rgb" if image.ndim == 3 else "minisblack"
            writer.write(image, **({"photometric": photometric, "metadata": None} | options))
    return file


def marked(file: io.BytesIO, type: int) -> io.BytesIO:
    """Return a file with another NewSubfileType in place of 8; tifffile does not write all."""
    entry = struct.pack("<HHII", tiff.SUBFILE_TYPE, 4, 1, 8)
    assert entry in file.getvalue()
    changed = entry[:8] + struct.pack("<I", type)
    return io.BytesIO(file.getvalue().replace(entry, changed))


def raw_file(make: bytes = b"LEICA\0", dng: bool = True) -> io.BytesIO:
    """Return a raw file: a thumbnail, and the sensor's values in a sub-directory."""
    tags = [(271, 2, len(make), make, True)]
    if dng:
        tags.append((50706, 1, 4, b"\1\4\0\0", True))
    return tiff_of(
        (RGB[::2, ::2], {"subfiletype": REDUCED, "subifds": 1, "extratags": tags}),
        (GRAY16, {"subfiletype": 0, "photometric": "cfa"}),
    )


def test_reduced_copies_are_left_out() -> None:
    file = tiff_of((RGB16, {}), (RGB[::2, ::2], {"subfiletype": REDUCED}))
    (photo,) = read_pages(file)
    np.testing.assert_array_equal(photo.pixels, RGB16)
    assert any("1 reduced copy" in note for note in photo.metadata.notes)


def test_reduced_copies_of_each_page_are_left_out() -> None:
    small = {"subfiletype": REDUCED | PAGE}
    page = {"subfiletype": PAGE}
    file = tiff_of(
        (GRAY, page), (GRAY[::2, ::2], small), (GRAY[::-1], page), (GRAY[::-2, ::2], small)
    )
    first, second = read_pages(file)
    np.testing.assert_array_equal(first.pixels, GRAY)
    np.testing.assert_array_equal(second.pixels, GRAY[::-1])
    assert any("2 reduced copies" in note for note in first.metadata.notes)


def test_page_behind_a_thumbnail_is_read() -> None:
    file = tiff_of((GRAY[::2, ::2], {"subfiletype": REDUCED, "datetime": True}), (GRAY, {}))
    photo = read(file)
    np.testing.assert_array_equal(photo.pixels, GRAY)
    assert photo.metadata.exif is not None  # the thumbnail's directory describes the photograph


@pytest.mark.parametrize("type", [MASK, MASK | REDUCED, 8, 16])
def test_masks_and_infrared_pages_are_left_out(type: int) -> None:
    (photo,) = read_pages(marked(tiff_of((RGB16, {}), (GRAY16, {"subfiletype": 8})), type))
    np.testing.assert_array_equal(photo.pixels, RGB16)
    assert photo.metadata.notes


def test_file_with_a_mask_only_is_rejected() -> None:
    with pytest.raises(ColorizeError, match="mask"):
        read(marked(tiff_of((GRAY, {"subfiletype": 8})), MASK))


def test_single_picture_marked_as_reduced_is_read() -> None:
    photo = read(tiff_of((GRAY, {"subfiletype": REDUCED})))
    np.testing.assert_array_equal(photo.pixels, GRAY)


def test_picture_in_a_sub_directory_is_read() -> None:
    file = tiff_of((GRAY[::2, ::2], {"subfiletype": REDUCED, "subifds": 1}), (GRAY, {}))
    np.testing.assert_array_equal(read(file).pixels, GRAY)


def test_picture_behind_a_thumbnail_that_is_not_marked_is_read() -> None:
    file = tiff_of((RGB[::2, ::2], {"subifds": 2}), (GRAY16, {}), (GRAY16[::4, ::4], {}))
    (photo,) = read_pages(file)
    np.testing.assert_array_equal(photo.pixels, GRAY16)
    assert "1 reduced copy" in "; ".join(photo.metadata.notes)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_scan_with_reduced_copy_is_written_to_formats_of_one_picture(
    suffix: str, tmp_path: Path
) -> None:
    file = tiff_of((RGB, {}), (RGB[::2, ::2], {"subfiletype": REDUCED}))
    notes = write(read_pages(file), tmp_path / f"out{suffix}")
    assert read(tmp_path / f"out{suffix}").size == GRAY.shape
    assert any("reduced copy" in note for note in notes)


@pytest.mark.parametrize(
    ("make", "dng", "name"), [(b"LEICA\0", True, "DNG"), (b"NIKON CORPORATION\0", False, "NEF")]
)
def test_raw_file_without_rawpy_names_format_and_remedy(
    make: bytes, dng: bool, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(ColorizeError, match=rf"{name}.*\[raw\]"):
        read(raw_file(make, dng))


def test_raw_file_without_its_end_is_rejected_in_one_line(
    capfd: pytest.CaptureFixture[str],
) -> None:
    content = raw_file().getvalue()
    with pytest.raises(ColorizeError, match="incomplete"):
        read(io.BytesIO(content[:-100]))
    assert not capfd.readouterr().err


@pytest.mark.parametrize("head", [b"FUJIFILMCCD-RAW 0201", b"\0\0\0\x18ftypcrx \0\0\0\1crx isom"])
def test_raw_file_that_is_not_tiff_is_named(head: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(ColorizeError, match=r"raw file.*\[raw\]"):
        read(io.BytesIO(head + bytes(100)))


def test_picture_that_kept_its_dng_version_is_read() -> None:
    tags = [(50706, 1, 4, b"\1\4\0\0", True)]
    np.testing.assert_array_equal(read(tiff_of((RGB, {"extratags": tags}))).pixels, RGB)


@pytest.mark.parametrize("pixels", [GRAY, GRAY16, RGB, RGB16])
@pytest.mark.parametrize(
    ("number", "value"),
    [
        (tiff.ORIENTATION, 0), (tiff.ORIENTATION, 9), (tiff.ORIENTATION, 65535),
        (tiff.RESOLUTION_UNIT, 0), (tiff.RESOLUTION_UNIT, 9), (tiff.FILL_ORDER, 0),
        (tiff.PLANAR_CONFIGURATION, 0), (tiff.PREDICTOR, 77), (tiff.SAMPLE_FORMAT, 9),
        (tiff.EXTRA_SAMPLES, 0), (297, 7), (tiff.XMP, 3), (tiff.ICC_PROFILE, 5),
    ],
)  # fmt: skip
def test_bad_tags_are_ignored(pixels: np.ndarray, number: int, value: int) -> None:
    photometric = 1 if pixels.ndim == 2 else 2
    content = with_tag(
        plain_tiff(pixels, photometric), number, tiff.Tag(3, struct.pack("<H", value))
    )
    photo = read(io.BytesIO(content))
    np.testing.assert_array_equal(photo.pixels, pixels)
    written = io.BytesIO()
    write(photo, written, format="TIFF")
    page = next(read_ifds(written))
    assert page.integer(tiff.ORIENTATION, 1) == 1
    assert page.integer(tiff.RESOLUTION_UNIT, 2) in (1, 2, 3)


@pytest.mark.parametrize("link", ["garbage", "loop", "pixels", "cut"])
@pytest.mark.parametrize("pixels", [GRAY, GRAY16])
def test_bad_link_behind_the_last_page_is_noted(pixels: np.ndarray, link: str) -> None:
    content = bytearray(plain_tiff(pixels, 1))
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    at = start + 2 + 12 * count
    if link == "cut":
        del content[at:]
    else:
        target = {"garbage": 0x7FFFFFF0, "loop": start, "pixels": 10}[link]
        struct.pack_into("<I", content, at, target)
    (photo,) = read_pages(io.BytesIO(bytes(content)))
    np.testing.assert_array_equal(photo.pixels, pixels)
    assert any("link" in note for note in photo.metadata.notes)


def test_missing_strip_sizes_are_computed() -> None:
    content = plain_tiff(GRAY, 1)
    ifd = next(read_ifds(io.BytesIO(content)))
    del ifd.tags[tiff.STRIP_BYTE_COUNTS]
    start = len(content) + len(content) % 2
    content = content[:4] + struct.pack("<I", start) + content[8:].ljust(start - 8, b"\0")
    content += tiff.pack(ifd, start)
    np.testing.assert_array_equal(read(io.BytesIO(content)).pixels, GRAY)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tiles_that_were_never_written_are_missing_pixels(compression: str | None) -> None:
    file = io.BytesIO()
    pixels = np.full((64, 64), 200, np.uint8)
    tifffile.imwrite(file, pixels, tile=(32, 32), compression=compression, metadata=None)
    file.seek(0)
    content = bytearray(file.getvalue())
    with tifffile.TiffFile(file) as opened:
        tags = opened.pages[0].tags
        for number in (tiff.TILE_OFFSETS, tiff.TILE_BYTE_COUNTS):
            size = tifffile.TIFF.DATA_FORMATS[tags[number].dtype][-1]
            width = {"H": 2, "I": 4}[size]
            start = tags[number].valueoffset
            content[start : start + width] = bytes(width)
    with pytest.raises(ColorizeError, match="missing"):
        read(io.BytesIO(content))
    photo = read(io.BytesIO(content), allow_damaged=True)
    assert (photo.pixels[:32, :32] == 0).all()
    assert (photo.pixels[32:] == 200).all()


@pytest.mark.parametrize("pixels", [GRAY, GRAY16])
def test_compressed_bytes_may_have_their_bits_reversed(pixels: np.ndarray) -> None:
    content = plain_tiff(pixels, 1)
    data = zlib.compress(pixels.tobytes())
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
    start = len(content)
    content += np.packbits(bits).tobytes()
    for number, value in (
        (tiff.STRIP_OFFSETS, start), (tiff.STRIP_BYTE_COUNTS, len(data)),
        (tiff.COMPRESSION, 8), (tiff.FILL_ORDER, 2),
    ):  # fmt: skip
        content = with_tag(content, number, tiff.Tag(4, struct.pack("<I", value)))
    np.testing.assert_array_equal(read(io.BytesIO(content)).pixels, pixels)


@pytest.mark.parametrize("pixels", [GRAY, RGB16])
def test_damaged_pixels_are_read_only_where_allowed(pixels: np.ndarray) -> None:
    content = tiff_with(
        plain_tiff(pixels, 1 if pixels.ndim == 2 else 2), {tiff.IMAGE_LENGTH: (4 * len(pixels), 1)}
    )
    with pytest.raises(ColorizeError):
        read(io.BytesIO(content))
    photo = read(io.BytesIO(content), allow_damaged=True)
    assert photo.height == 4 * len(pixels)
    np.testing.assert_array_equal(photo.pixels[: len(pixels)], pixels)
    assert any("damaged" in note for note in photo.metadata.notes)


@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("pixels", [RGB, RGB16])
def test_damaged_strips_and_tiles_are_rejected(
    pixels: np.ndarray, tile: tuple[int, int] | None
) -> None:
    file = io.BytesIO()
    write(Photo(pixels), file, format="tiff")
    (ifd,) = read_ifds(file)
    if tile:
        file = io.BytesIO(_tiled(pixels))
        (ifd,) = read_ifds(file)
    offsets = ifd.integers(tiff.TILE_OFFSETS if tile else tiff.STRIP_OFFSETS)
    damaged = bytearray(file.getvalue())
    damaged[offsets[0] + 2 : offsets[0] + 40] = bytes(38)
    with pytest.raises(ColorizeError):
        read(io.BytesIO(bytes(damaged)))


def _tiled(pixels: np.ndarray) -> bytes:
    from fixtures.image_files import vips_image

    image = vips_image(pixels, space="srgb" if pixels.dtype == np.uint8 else "rgb16")
    content: bytes = image.tiffsave_buffer(
        tile=True, tile_width=16, tile_height=16, compression="deflate"
    )
    return content


def test_huge_tiles_are_rejected() -> None:
    file = tiff_of((GRAY, {"tile": (16, 16)}))
    content = file.getvalue()
    (ifd,) = read_ifds(file)
    for number in (tiff.TILE_WIDTH, tiff.TILE_LENGTH):
        ifd.tags[number] = tiff.Tag(4, struct.pack("<I", 1 << 20))
    start = len(content) + len(content) % 2
    content = content[:4] + struct.pack("<I", start) + content[8:].ljust(start - 8, b"\0")
    with pytest.raises(ColorizeError, match="tiles"):
        read(io.BytesIO(content + tiff.pack(ifd, start)))


def test_libtiff_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    content = with_tag(plain_tiff(GRAY, 1), tiff.COMPRESSION, tiff.Tag(3, struct.pack("<H", 5)))
    with pytest.raises(ColorizeError):
        read(io.BytesIO(content))
    read(io.BytesIO(content), allow_damaged=True)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("pixels", [GRAY, RGB])
def test_picture_beyond_pillows_limit_is_read(
    pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    np.testing.assert_array_equal(read(tiff_of((pixels, {}))).pixels, pixels)


def test_directories_that_overlap_are_not_read_for_ever() -> None:
    """Directories 12 bytes apart, of 65,535 entries that are nearly all the same."""
    page = [(256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 8), (278, 1), (279, 1)]
    count, entries = 200, 65535
    filler = struct.pack("<HHII", 40000, 3, 1, 0xFFFF0000)  # the value is the next one's count
    file = bytearray(b"II*\0" + struct.pack("<IH", 8, entries))
    file += filler * count + b"".join(struct.pack("<HHII", n, 4, 1, value) for n, value in page)
    file += filler * (entries - len(page))
    for number in range(count):
        struct.pack_into("<I", file, 10 + 12 * (number + entries), 8 + 12 * (number + 1))
    with pytest.raises(ColorizeError, match="overlap"):
        next(read_pages(io.BytesIO(file)))


STACK = np.stack([np.roll(GRAY, 5 * index, axis=1) for index in range(4)])


def stack(pictures: np.ndarray, **options: Any) -> bytes:
    """Return a file with one directory for all pictures, as tifffile writes it."""
    file = io.BytesIO()
    tifffile.imwrite(file, pictures, truncate=True, **options)
    assert len(list(read_ifds(io.BytesIO(file.getvalue())))) == 1
    return file.getvalue()


def metamorph_stack(pictures: np.ndarray) -> bytes:
    content = plain_tiff(pictures.reshape(-1, pictures.shape[2]), 1)
    height, planes = pictures.shape[1], len(pictures)
    content = with_tag(content, 33629, tiff.Tag(tiff.Type.RATIONAL, bytes(8 * planes)))
    for number, value in ((tiff.IMAGE_LENGTH, height), (tiff.ROWS_PER_STRIP, height)):
        content = with_tag(content, number, tiff.Tag(tiff.Type.SHORT, struct.pack("<H", value)))
    size = struct.pack("<I", pictures[0].nbytes)
    return with_tag(content, tiff.STRIP_BYTE_COUNTS, tiff.Tag(tiff.Type.LONG, size))


STACKS = {
    "ImageJ": (stack(STACK, imagej=True), STACK),
    "ImageJ, 16 bits": (stack(STACK.astype(np.uint16) * 257, imagej=True), STACK),
    "tifffile": (stack(STACK, photometric="minisblack"), STACK),
    "tifffile, RGB": (
        stack(np.stack([STACK] * 3, axis=-1), photometric="rgb"), np.stack([STACK] * 3, axis=-1)
    ),
    "MetaMorph": (metamorph_stack(STACK), STACK),
}  # fmt: skip


@pytest.mark.parametrize("name", STACKS)
def test_every_picture_of_a_stack_is_a_page(name: str) -> None:
    content, expected = STACKS[name]
    photos = list(read_pages(io.BytesIO(content)))
    assert len(photos) == len(STACK)
    for photo, pixels in zip(photos, expected, strict=True):
        scale = 257 if photo.pixels.dtype == np.uint16 else 1
        np.testing.assert_array_equal(photo.pixels, pixels.astype(int) * scale)


def test_stack_that_lacks_a_part_is_incomplete() -> None:
    content = STACKS["ImageJ"][0]
    with pytest.raises(ColorizeError, match="--allow-damaged"):
        list(read_pages(io.BytesIO(content[:-300])))
    with pytest.raises(ColorizeError, match="--max-pages"):
        list(read_pages(io.BytesIO(content), max_pages=3))


def test_picture_taken_from_a_stack_is_one_page() -> None:
    """It keeps the description of the stack."""
    content = STACKS["ImageJ"][0]
    file = io.BytesIO()
    with Image.open(io.BytesIO(content)) as image:
        image.save(file, "TIFF", tiffinfo={270: image.tag_v2[270]})
    assert b"images=4" in file.getvalue()
    (photo,) = read_pages(file)
    np.testing.assert_array_equal(photo.pixels, GRAY)
