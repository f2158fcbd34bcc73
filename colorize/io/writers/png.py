"""Writing PNG files of 8 and of 16 bits, with their metadata."""

from __future__ import annotations

import struct
import textwrap
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import PngImagePlugin

from colorize.io.high_bit_depth import encode_png16
from colorize.io.icc import srgb_profile
from colorize.io.metadata import Metadata, photoshop_resources, plain_text
from colorize.io.photo import Photo
from colorize.io.png import Chunk, encode_png
from colorize.io.writers.target import Target, with_alpha

COMPRESSED_TEXT_CHARACTERS = 1024  # longer texts are compressed
INCH = 0.0254  # meters


def write_png(photo: Photo, target: Target) -> None:
    """Write a PNG file of one picture."""
    encode = encode_png16 if photo.pixels.dtype == np.uint16 else encode_png
    encode(with_alpha(photo), target.file, _chunks(photo.metadata, photo.pixels.ndim == 3))


def text_chunks(metadata: Metadata) -> Iterator[Chunk]:
    """Yield chunks with the texts, XMP, and IPTC as ImageMagick writes it."""
    info = PngImagePlugin.PngInfo()
    for key, value in metadata.text:
        info.add_text(key, plain_text(value), zip=len(value) > COMPRESSED_TEXT_CHARACTERS)
    if metadata.xmp:
        info.add_itxt("XML:com.adobe.xmp", metadata.xmp)
    if resources := photoshop_resources(metadata):
        profile = "iptc" if metadata.iptc else "8bim"
        digits = "\n".join(textwrap.wrap(resources.hex(), 72))
        text = f"\n{profile}\n{len(resources):8}\n{digits}\n"
        info.add_text(f"Raw profile type {profile}", text, zip=True)
    for name, content, *_ in info.chunks:
        yield name, content


def _chunks(metadata: Metadata, color: bool) -> Iterator[Chunk]:
    """Yield the chunks between the header and the pixels."""
    if color:
        yield b"iCCP", b"ICC Profile\0\0" + zlib.compress(srgb_profile())
    if metadata.dpi:
        x, y = (round(value / INCH) for value in metadata.dpi)
        yield b"pHYs", struct.pack(">IIB", x, y, 1)  # per meter
    if metadata.exif:
        yield b"eXIf", metadata.exif
    yield from text_chunks(metadata)
    if metadata.format == "PNG":
        for _, chunk in metadata.native:
            yield chunk[4:8], chunk[8:-4]
