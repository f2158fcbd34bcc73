"""Writing TIFF files: any number of pages, each of any size and depth."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterable
from typing import BinaryIO

import numpy as np

from colorize.io import tiff_ifd as tiff
from colorize.io.conversion import arrays_to_image
from colorize.io.exif import page_from_exif
from colorize.io.high_bit_depth import encode_tiff16
from colorize.io.icc import srgb_profile
from colorize.io.metadata import Metadata
from colorize.io.photo import Photo
from colorize.io.tiff_ifd import IFD, Tag, Type
from colorize.io.tiff_ifd_reader import read_ifds
from colorize.io.writers.target import Target, with_alpha

MAX_BYTES = 4 << 30  # that classic TIFF can address
FIRST_IFD_OFFSET_AT = 4  # in the header
HORIZONTAL_DIFFERENCING = 2  # of Predictor
NO_UNIT, INCH = 1, 2  # of ResolutionUnit
RESOLUTION_UNITS = range(1, 4)


def write_pages(photos: Iterable[Photo], target: Target) -> None:
    """Write a TIFF file, with one page in memory at a time."""
    writer = PageWriter(target.file)
    for photo in photos:
        with target.error_context():
            target.check(photo)
            writer.add(_encode_page(photo), tiff_tags(photo.metadata, photo.pixels.ndim == 3))


def tiff_tags(metadata: Metadata, color: bool) -> IFD:
    """Return the tags that hold metadata, and for color the sRGB profile, in a TIFF page."""
    page = page_from_exif(metadata.exif)
    page.tags[tiff.ORIENTATION] = Tag(Type.SHORT, struct.pack("<H", 1))
    if page.integer(tiff.RESOLUTION_UNIT, INCH) not in RESOLUTION_UNITS:
        page.tags[tiff.RESOLUTION_UNIT] = Tag(Type.SHORT, struct.pack("<H", NO_UNIT))
    contents = {
        tiff.XMP: metadata.xmp,
        tiff.IPTC: metadata.iptc,
        tiff.PHOTOSHOP: metadata.photoshop,
    }
    for number, content in contents.items():
        if content:
            page.tags[number] = Tag(Type.UNDEFINED, content)
    if color:
        page.tags[tiff.ICC_PROFILE] = Tag(Type.UNDEFINED, srgb_profile())
    if metadata.dpi:
        numbers = tiff.X_RESOLUTION, tiff.Y_RESOLUTION
        for number, value in zip(numbers, metadata.dpi, strict=True):
            fraction = struct.pack("<II", round(value * 1000), 1000)
            page.tags[number] = Tag(Type.RATIONAL, fraction)
        page.tags[tiff.RESOLUTION_UNIT] = Tag(Type.SHORT, struct.pack("<H", INCH))
    return page


class PageWriter:
    """Joins one-page TIFF files to one file, each page with its own tags.

    Pages may thus differ in size, depth and encoder. One page is in memory at a time.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Write to an empty, seekable file."""
        self._file = file
        self._next_ifd_offset_at = FIRST_IFD_OFFSET_AT
        file.write(b"II*\0\0\0\0\0")

    def add(self, page: io.BytesIO, tags: IFD) -> None:
        """Append a page.

        Args:
            page: a little-endian TIFF file of one page.
            tags: what the page says besides how its pixels are stored.

        Raises:
            ValueError: where the file would exceed the 4 GiB that TIFF can address.
        """
        base = self._append(page.getbuffer())
        stored = next(read_ifds(page))
        structure = {n: tag for n, tag in stored.tags.items() if n in tiff.STRUCTURAL_TAGS}
        for number in (tiff.STRIP_OFFSETS, tiff.TILE_OFFSETS):
            if number in structure:
                offsets = [base + offset for offset in stored.integers(number)]
                structure[number] = Tag(Type.LONG, struct.pack(f"<{len(offsets)}I", *offsets))
        self._append_ifd(IFD("<", {**structure, **tags.tags}, tags.sub_ifds))

    def _append_ifd(self, ifd: IFD) -> None:
        offset = self._append(b"")
        self._file.write(tiff.pack(ifd, offset))
        self._file.seek(self._next_ifd_offset_at)
        self._file.write(struct.pack("<I", offset))
        self._next_ifd_offset_at = offset + 2 + 12 * (len(ifd.tags) + len(ifd.sub_ifds))

    def _append(self, content: bytes | memoryview) -> int:
        """Append to the file at an even offset and return it."""
        offset = self._file.seek(0, os.SEEK_END)
        if offset + len(content) >= MAX_BYTES:
            raise ValueError("TIFF holds at most 4 GiB")
        self._file.write(b"\0" * (offset % 2))
        self._file.write(content)
        return offset + offset % 2


def _encode_page(photo: Photo) -> io.BytesIO:
    """Return a TIFF file of one page, deflated, without metadata."""
    if photo.pixels.dtype == np.uint16:
        return encode_tiff16(with_alpha(photo))
    file = io.BytesIO()
    image = arrays_to_image(photo.pixels, photo.alpha)
    tags = {tiff.PREDICTOR: HORIZONTAL_DIFFERENCING}
    image.save(file, "TIFF", compression="tiff_adobe_deflate", tiffinfo=tags)
    return file
