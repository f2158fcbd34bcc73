"""Reading the pages of TIFF files: which they are, how they are stored, pixels and tags."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from colorize.errors import ColorizeError
from colorize.io import tiff_ifd as tiff
from colorize.io.conversion import Arrays, image_to_arrays
from colorize.io.exif import page_orientation
from colorize.io.metadata import read_page_metadata
from colorize.io.photo import Photo
from colorize.io.readers import raw
from colorize.io.readers.limits import DAMAGED, TAKE_DAMAGED, ReadLimits, check_size, is_damage
from colorize.io.readers.tiff_color import to_arrays
from colorize.io.readers.tiff_decoders import are_pixels_damaged, decode_plain_image, decode_samples
from colorize.io.readers.tiff_layout import Layout, read_layout
from colorize.io.readers.tiff_pages import Directory, find_pages
from colorize.io.readers.tiff_stacks import count_slices, take_slice
from colorize.io.tiff_ifd import IFD
from colorize.io.tiff_ifd_reader import IFDReader

NEEDED_TAGS = {
    tiff.IMAGE_WIDTH, tiff.IMAGE_LENGTH, tiff.BITS_PER_SAMPLE, tiff.SAMPLES_PER_PIXEL,
    tiff.STRIP_OFFSETS, tiff.TILE_OFFSETS, tiff.COLOR_MAP,
}  # fmt: skip
MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # classic TIFF and BigTIFF


def accepts(prefix: bytes) -> bool:
    """Return whether a file that begins with these bytes is a TIFF file."""
    return prefix.startswith(MAGIC)


def read_pages(file: BinaryIO, limits: ReadLimits, allow_damaged: bool = False) -> Iterator[Photo]:
    """Yield the pages of a TIFF file, or the one picture of a camera's raw file.

    Raises ColorizeError for what is refused; decoders raise their own errors on damaged files.
    """
    found = find_pages(file)
    if found.is_raw:
        yield raw.read(file, limits.max_pixels)
        return
    reader = IFDReader(file)
    slices = _count_slices(reader, found.pages[0]) if len(found.pages) == 1 else 1
    pages = [(page, index) for page in found.pages for index in range(slices)]
    limits.check_pages(len(pages))
    limits.check_areas(page.area for page, _ in pages)
    notes = found.notes
    for page, index in pages:
        yield _read_page(file, reader, page, index, notes, limits.max_pixels, allow_damaged)
        notes = ()


def _count_slices(reader: IFDReader, page: Directory) -> int:
    ifd = reader.read_ifd(page.offset)
    try:
        layout, _ = read_layout(ifd, reader.size)
    except ColorizeError:  # which is raised again where the page is read
        return 1
    return count_slices(ifd, layout, page.offset, reader.size)


def _read_page(
    file: BinaryIO,
    reader: IFDReader,
    page: Directory,
    index: int,
    notes: tuple[str, ...],
    max_pixels: int,
    allow_damaged: bool,
) -> Photo:
    ifd = reader.read_ifd(page.offset)
    _check_needed_tags(reader, page.offset, ifd)
    check_size(ifd.integer(tiff.IMAGE_WIDTH, 0), ifd.integer(tiff.IMAGE_LENGTH, 0), max_pixels)
    layout, page_notes = read_layout(ifd, reader.size)
    if index:
        layout = take_slice(layout, index, reader.size)
    if page.parent is not None:
        ifd = _with_tags_of(ifd, reader.read_ifd(page.parent))
    if not layout.is_complete and not allow_damaged:
        raise ColorizeError("incomplete, some of its pixels are missing", TAKE_DAMAGED)
    orientation = page_orientation(ifd)
    is_damaged = not layout.is_complete or are_pixels_damaged(file, layout)
    if is_damaged and not allow_damaged:
        raise ColorizeError("its pixels are damaged", TAKE_DAMAGED)
    try:
        if not is_damaged and (image := decode_plain_image(file, layout)) is not None:
            image.info = {"icc_profile": ifd.bytes(tiff.ICC_PROFILE)}
            return _photo(image_to_arrays(image, orientation), ifd, [*notes, *page_notes])
        samples = decode_samples(file, layout)
    except Exception as error:
        if not is_damage(error):
            raise
        if not allow_damaged:
            raise ColorizeError("its pixels are damaged", TAKE_DAMAGED) from error
        samples = _rescue(file, layout)
        is_damaged = True
    if is_damaged:
        page_notes.append(DAMAGED)
    return _photo(to_arrays(samples, layout, ifd, orientation), ifd, [*notes, *page_notes])


def _rescue(file: BinaryIO, layout: Layout) -> np.ndarray:
    """Return what can be decoded of damaged samples. Raises ColorizeError where nothing can."""
    try:
        return decode_samples(file, layout, allow_damaged=True)
    except Exception as error:
        if not is_damage(error):
            raise
        raise ColorizeError("nothing of its pixels can be decoded") from error


def _photo(arrays: Arrays, ifd: IFD, notes: list[str]) -> Photo:
    metadata = read_page_metadata(ifd, [*notes, *arrays.notes])
    return Photo(arrays.pixels, arrays.alpha, metadata)


def _check_needed_tags(reader: IFDReader, offset: int, ifd: IFD) -> None:
    """Raise ColorizeError where a tag that the pixels depend on cannot be read."""
    for entry in reader.entries(offset):
        if entry.number in NEEDED_TAGS and entry.count and not ifd.integers(entry.number):
            raise ColorizeError(f"damaged or incomplete: its tag {entry.number} cannot be read")


def _with_tags_of(ifd: IFD, parent: IFD) -> IFD:
    """Return a directory with the descriptions that only the one above it has."""
    described = {n: tag for n, tag in parent.tags.items() if n not in tiff.STRUCTURAL_TAGS - {
        tiff.ORIENTATION, tiff.XMP, tiff.IPTC, tiff.PHOTOSHOP}}  # fmt: skip
    described.pop(tiff.SUBFILE_TYPE, None)
    return IFD(ifd.byte_order, described | ifd.tags, parent.sub_ifds | ifd.sub_ifds)
