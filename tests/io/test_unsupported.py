"""Formats that are refused by name, and JPEG XL, which needs an extra."""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from fixtures.image_files import GRAY, HEIGHT, WIDTH, image_of, plain_tiff, with_tag

from colorize.errors import ColorizeError
from colorize.io import tiff_ifd as tiff
from colorize.io.contents.jpegxl import read_size
from colorize.io.formats import has_image_suffix
from colorize.io.readers import read


@pytest.mark.parametrize(
    ("content", "name", "remedy"),
    [
        (b"8BPS\0\1", "Photoshop", "TIFF"),
        (b"\xff\xd8\xff\xc1\0\x0b\x0c\0\x08\0\x08\1\1\x11\0", "12 bits", "TIFF"),
        (b"\xff\xd8\xff\xf7\0\x0b\x08\0\x08\0\x08\1\1\x11\0", "JPEG-LS", "TIFF"),
        (b"\0\0\1\0\1\0\x40\x30\0\0\1\0", "icon", "PNG"),
        (b"SDPX\0\0\x20\0", "DPX", "TIFF"),
        (b"%PDF-1.7", "PDF", "pdfimages"),
        (bytes(128) + b"DICM", "DICOM", "TIFF"),
        (b"P7\nWIDTH 3\n", "PAM", "PNG"),
        (b"Pf\n3 3\n", "PFM", "TIFF"),
        (b"SIMPLE  =      T", "FITS", "TIFF"),
        (bytes(40) + b"\0" * 8 + b"TRUEVISION-XFILE.\0", "TGA", "PNG"),
        (b"\xef\xbb\xbf\n<!doctype HTML>", "web page", "download"),
        (b'<?xml version="1.0"?>\n<!-- x -->\n<svg>', "SVG", "PNG"),
        (b"\0\0\0\x18ftypmp42", "video", "suffix"),
        (b"RIFF\0\0\0\0AVI LIST", "video", "suffix"),
        (b"PK\3\4", "archive", "unpack"),
        (bytes(5000), "zeros", "copy"),
        (b"hello", "known format", ""),
    ],
)
def test_refusal_names_format_and_remedy(content: bytes, name: str, remedy: str) -> None:
    with pytest.raises(ColorizeError) as caught:
        read(io.BytesIO(content))
    assert name in str(caught.value) and remedy in str(caught.value)
    assert "\n" not in str(caught.value)


def codestream_header(width: int, height: int) -> bytes:
    """Return the beginning of a JPEG XL codestream of this size."""
    bits = shift = 0
    for value, count in ((0, 1), (3, 2), (height - 1, 30), (0, 3), (3, 2), (width - 1, 30)):
        bits, shift = bits | value << shift, shift + count
    return b"\xff\x0a" + bits.to_bytes(16, "little")


def test_size_of_jpeg_xl_is_checked_before_it_is_decoded() -> None:
    content = codestream_header(300_000, 200_000)
    assert read_size(io.BytesIO(content)) == (300_000, 200_000)
    boxed = b"\0\0\0\x0cJXL \r\n\x87\n" + (8 + len(content)).to_bytes(4, "big") + b"jxlc" + content
    assert read_size(io.BytesIO(boxed)) == (300_000, 200_000)
    with pytest.raises(ColorizeError, match="megapixels"):
        read(io.BytesIO(boxed))


def test_jpeg_xl_without_its_extra_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_jxl", None)
    monkeypatch.setitem(sys.modules, "pillow_jxl.JpegXLImagePlugin", None)
    with pytest.raises(ColorizeError, match="jxl"):
        read(io.BytesIO(codestream_header(8, 8)))


def test_jpeg_xl_is_read(tmp_path: Path) -> None:
    pytest.importorskip("pillow_jxl")
    path = tmp_path / "a.jxl"
    image_of(GRAY).save(path, lossless=True)
    assert has_image_suffix(path)
    assert read_size(io.BytesIO(path.read_bytes())) == (WIDTH, HEIGHT)
    np.testing.assert_array_equal(read(path).pixels, GRAY)


def test_tiff_of_a_volume_is_refused() -> None:
    content = with_tag(plain_tiff(GRAY, 1), tiff.IMAGE_DEPTH, tiff.Tag(3, struct.pack("<H", 4)))
    with pytest.raises(ColorizeError, match="4 planes"):
        read(io.BytesIO(content))
