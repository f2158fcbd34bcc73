"""What AVIF files state about their pixels."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from fixtures.image_files import RGB, image_of, saved

from colorize.io.readers import read
from colorize.io.readers.avif import Properties, apply, read_properties


def box(type: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), type) + content


def avif_header(*properties: bytes) -> io.BytesIO:
    """Return the boxes of an AVIF file whose item 7 has all of the properties."""
    indices = bytes(range(1, len(properties) + 1))
    ipma = bytes(4) + struct.pack(">IHB", 1, 7, len(properties)) + indices
    iprp = box(b"ipco", b"".join(properties)) + box(b"ipma", ipma)
    meta = bytes(4) + box(b"pitm", bytes(4) + struct.pack(">H", 7)) + box(b"iprp", iprp)
    return io.BytesIO(box(b"ftyp", b"avif") + box(b"meta", meta) + box(b"mdat", bytes(9)))


def clap(width: int, height: int, across: int, down: int) -> bytes:
    return box(b"clap", struct.pack(">IIIIiIiI", width, 1, height, 1, across, 1, down, 1))


@pytest.mark.parametrize(
    ("crop", "expected"),
    [
        (clap(64, 48, 0, 0), (16, 8, 80, 56)), (clap(64, 48, -6, 2), (10, 10, 74, 58)),
        (clap(96, 64, 0, 0), (0, 0, 96, 64)), (clap(200, 48, 0, 0), None), (clap(0, 5, 0, 0), None),
    ],
)  # fmt: skip
def test_crop_is_that_of_the_clean_aperture(
    crop: bytes, expected: tuple[int, int, int, int] | None
) -> None:
    assert read_properties(avif_header(crop), 96, 64).crop == expected


def test_primaries_are_read() -> None:
    color = box(b"colr", b"nclx" + struct.pack(">HHHB", 12, 13, 6, 128))
    found = read_properties(avif_header(color), 96, 64)
    assert (found.primaries, found.transfer) == (12, 13)


@pytest.mark.parametrize("content", [b"", bytes(40), avif_header().getvalue()[:30]])
def test_damaged_boxes_state_nothing(content: bytes) -> None:
    assert read_properties(io.BytesIO(content), 96, 64) == Properties()


@pytest.mark.parametrize("primaries", [9, 12])
def test_wide_primaries_become_srgb(primaries: int) -> None:
    gray, _ = apply(image_of(RGB[..., [0, 0, 0]]), Properties(primaries=primaries, transfer=13))
    np.testing.assert_array_equal(np.asarray(gray), RGB[..., [0, 0, 0]])
    green = np.full((2, 2, 3), (100, 180, 100), np.uint8)
    after = np.asarray(apply(image_of(green), Properties(primaries=primaries))[0])[0, 0]
    assert after[0] < 100 and after[1] > 180


def test_high_dynamic_range_is_noted() -> None:
    _, notes = apply(image_of(RGB), Properties(primaries=9, transfer=16))
    assert notes


def test_cropped_picture_keeps_its_metadata() -> None:
    image = image_of(RGB)
    image.info["exif"] = b"Exif\0\0"
    cropped, _ = apply(image, Properties(crop=(1, 2, 11, 8)))
    assert cropped.size == (10, 6) and cropped.info["exif"] == b"Exif\0\0"


def test_plain_avif_is_read_as_it_is() -> None:
    metadata = read(io.BytesIO(saved(image_of(RGB), "AVIF"))).metadata
    assert metadata.notes == () and metadata.duration is None
