"""Properties that hold for any array, tag, name and orientation, tried by Hypothesis."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np
from fixtures.image_files import exif_bytes
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageOps

from colorize.color.bit_depth import to_uint8
from colorize.errors import ColorizeError, display_name, error_context
from colorize.io import tiff_ifd as tiff
from colorize.io.exif import INVERSE_ORIENTATION, apply_orientation, read_orientation, upright_exif
from colorize.io.photo import Photo
from colorize.io.png import encode_png
from colorize.io.readers import read, read_pages
from colorize.io.tiff_ifd import IFD, Tag, Type
from colorize.io.tiff_ifd_reader import read_ifds
from colorize.io.writers import write

SIDES = st.integers(1, 12)
TAG_NUMBERS = st.integers(32768, 34000)  # private tags, which Pillow passes on as they are


def shapes(*channels: int) -> st.SearchStrategy[tuple[int, ...]]:
    return st.tuples(SIDES, SIDES, st.sampled_from(channels)).map(
        lambda shape: shape[:2] if shape[2] == 0 else shape
    )


def pillow_pixels(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        return np.asarray(image)


@given(arrays.arrays(np.uint8, shapes(0, 2, 3, 4)))
def test_pillow_reads_png_of_any_pixels(pixels: np.ndarray) -> None:
    file = io.BytesIO()
    encode_png(pixels, file)
    np.testing.assert_array_equal(pillow_pixels(file.getvalue()), pixels)


@given(
    st.sampled_from([np.uint8, np.uint16]).flatmap(
        lambda dtype: arrays.arrays(dtype, shapes(0, 2, 3, 4))
    ),
    st.sampled_from(["png", "tiff"]),
)
@settings(max_examples=60, deadline=None)
def test_png_and_tiff_are_lossless(pixels: np.ndarray, format: str) -> None:
    photo, file = Photo.from_array(pixels), io.BytesIO()
    write(photo, file, format=format)
    back = read(file)
    assert back.pixels.dtype == photo.pixels.dtype
    np.testing.assert_array_equal(back.pixels, photo.pixels)
    np.testing.assert_equal(back.alpha, photo.alpha)
    if pixels.dtype == np.uint8:
        np.testing.assert_array_equal(pillow_pixels(file.getvalue()), pixels)


@given(st.lists(arrays.arrays(np.uint8, shapes(0, 3)), min_size=1, max_size=4))
@settings(max_examples=30, deadline=None)
def test_pages_of_any_sizes_survive_in_their_order(pages: list[np.ndarray]) -> None:
    file = io.BytesIO()
    write(map(Photo, pages), file, format="tiff")
    for before, after in zip(pages, read_pages(file), strict=True):
        np.testing.assert_array_equal(after.pixels, before)


TAGS = st.dictionaries(
    TAG_NUMBERS,
    st.one_of(
        st.builds(Tag, st.just(int(Type.UNDEFINED)), st.binary(min_size=1, max_size=40)),
        st.builds(
            lambda numbers: Tag(int(Type.SHORT), np.array(numbers, "<u2").tobytes()),
            st.lists(st.integers(0, 65535), min_size=1, max_size=9),
        ),
    ),
    max_size=8,
)


@given(TAGS, TAGS, st.sampled_from("<>"))
def test_packed_tags_are_read_back(tags: dict[int, Tag], inner: dict[int, Tag], order: str) -> None:
    ifd = IFD("<", tags, {tiff.EXIF_IFD: IFD("<", inner)})
    packed = tiff.pack_file(tiff.to_byte_order(ifd, order))
    (back,) = read_ifds(io.BytesIO(packed))
    assert tiff.to_byte_order(back, "<") == ifd
    exif = Image.Exif()
    exif.load(packed)
    assert exif.keys() == tags.keys() | {tiff.EXIF_IFD}
    assert exif.get_ifd(tiff.EXIF_IFD).keys() == inner.keys()


@given(arrays.arrays(np.uint8, st.tuples(SIDES, SIDES)), st.integers(1, 8))
def test_orientation_is_that_of_pillow_and_has_an_inverse(
    stored: np.ndarray, orientation: int
) -> None:
    upright = apply_orientation(stored, orientation)
    image = Image.fromarray(stored)
    image.getexif()[tiff.ORIENTATION] = orientation
    np.testing.assert_array_equal(upright, np.asarray(ImageOps.exif_transpose(image)))
    back = apply_orientation(upright, INVERSE_ORIENTATION[orientation])
    np.testing.assert_array_equal(back, stored)


@given(st.integers(1, 8), st.binary(max_size=3), st.integers(0, 300))
def test_damaged_exif_is_changed_in_place_or_given_up(
    orientation: int, damage: bytes, offset: int
) -> None:
    block = bytearray(exif_bytes(orientation))
    block[offset : offset + len(damage)] = damage
    assert read_orientation(bytes(block)) in range(1, 9)
    upright = upright_exif(bytes(block), orientation)
    if upright is not None:
        assert read_orientation(upright) == 1


@given(arrays.arrays(np.uint16, st.integers(1, 50)))
def test_rounding_to_8_bits_is_to_the_nearest_level(samples: np.ndarray) -> None:
    np.testing.assert_array_equal(to_uint8(samples), np.rint(samples / 257))


@given(st.binary(max_size=40) | st.text(max_size=40), st.text(max_size=300))
@settings(max_examples=50, deadline=None)
def test_errors_are_one_printable_line_for_any_name(name: Any, message: str) -> None:
    shown = display_name(name)
    assert shown and shown.isprintable()
    os.fsencode(shown)  # could be printed
    try:
        with error_context(shown):
            raise ValueError(message)
    except ColorizeError as error:
        assert len(str(error).splitlines()) == 1
        assert str(error).startswith(f"{shown}: ")
