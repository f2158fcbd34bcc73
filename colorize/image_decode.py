"""From an open file to sRGB arrays: which decoder, which turn, which depth, which profile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from colorize.color_profile import grey_curve, srgb_converter
from colorize.errors import ColorizeError
from colorize.image_metadata import Metadata, exif_orientation, metadata_of

Picture = tuple[np.ndarray, "np.ndarray | None", Metadata]
Decoded = tuple[np.ndarray, "np.ndarray | None", list[str]]

STRIP_PIXELS = 1 << 20  # converted at a time, so that a large picture is never held twice
GREY_MODES = {"1", "L", "LA", "La"}
NUMBER_MODES = {"I", "F", "I;16", "I;16L", "I;16B", "I;16N"}
LOSSLESS = {"PNG", "TIFF", "BMP", "DIB", "GIF", "PPM", "JPEG2000"}
HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}

# The class of each format itself: Image.open would try sixty formats, and refuse by
# Image.MAX_IMAGE_PIXELS, which belongs to the program that uses this library.
_OPENERS: tuple[tuple[Callable[[bytes], Any], Callable[..., Image.Image]], ...] = (
    (lambda prefix: prefix.startswith(b"\xff\xd8\xff"), JpegImagePlugin.JpegImageFile),
    (lambda prefix: prefix.startswith(b"\x89PNG\r\n\x1a\n"), PngImagePlugin.PngImageFile),
    (lambda prefix: prefix.startswith((b"GIF87a", b"GIF89a")), GifImagePlugin.GifImageFile),
    (lambda prefix: prefix[:4] == b"RIFF" and prefix[8:12] == b"WEBP", WebPImagePlugin.WebPImageFile),
    (lambda prefix: prefix.startswith(b"BM"), BmpImagePlugin.BmpImageFile),
    (lambda prefix: prefix[:1] == b"P" and prefix[1:2] in b"123456", PpmImagePlugin.PpmImageFile),
    (Jpeg2KImagePlugin._accept, Jpeg2KImagePlugin.Jpeg2KImageFile),
    (lambda prefix: prefix[4:12] in (b"ftypavif", b"ftypavis"), AvifImagePlugin.AvifImageFile),
)
