"""Which directories of a TIFF file are pages: neither previews, copies, masks, nor a camera's raw.

Sources: TIFF 6.0 (NewSubfileType), TIFF Supplement 1 (SubIFDs), and Adobe's DNG 1.7.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import BinaryIO

from colorize.errors import ColorizeError
from colorize.io import tiff_ifd as tiff
from colorize.io.tiff_ifd import IFD
from colorize.io.tiff_ifd_reader import IFDReader

REDUCED, MASK = 1, 4  # bits of NewSubfileType
AUXILIARY = MASK | 8 | 16  # and DNG's depth maps and semantic masks
OLD_REDUCED = 2  # of SubfileType
MASK_PHOTOMETRIC, CFA, LINEAR_RAW = 4, 32803, 34892
RAW_COMPRESSIONS = {32767, 32769, 32770, 34713, 65000, 65535}  # Sony, Samsung, Nikon, Kodak, Pentax
OLD_JPEG = 6
MAX_SUB_IMAGES = 64  # of one directory
MAX_DIRECTORIES = 65536

_BRIEF = {
    tiff.SUBFILE_TYPE, tiff.OLD_SUBFILE_TYPE, tiff.IMAGE_WIDTH, tiff.IMAGE_LENGTH,
    tiff.COMPRESSION, tiff.PHOTOMETRIC, tiff.SUB_IMAGES, tiff.DNG_VERSION, tiff.MAKE, tiff.MODEL,
}  # fmt: skip
_PIXEL_OFFSETS = {tiff.STRIP_OFFSETS, tiff.TILE_OFFSETS, tiff.JPEG_OFFSET}


@dataclass(frozen=True)
class Directory:
    """One directory, and the one that describes the whole where that is another.

    Attributes:
        offset: in the file.
        ifd: its tags about size and purpose only.
        parent: offset of the directory that holds the metadata, None where it is this one.
    """

    offset: int
    ifd: IFD
    parent: int | None = None

    @property
    def is_reduced(self) -> bool:
        """Whether it is a smaller copy of another one."""
        old = self.ifd.integer(tiff.OLD_SUBFILE_TYPE, 0) == OLD_REDUCED
        return bool(self.ifd.integer(tiff.SUBFILE_TYPE, 0) & REDUCED) or old

    @property
    def is_auxiliary(self) -> bool:
        """Whether it is a mask, an infrared channel or a depth map."""
        type = self.ifd.integer(tiff.SUBFILE_TYPE, 0)
        mask = self.ifd.integer(tiff.PHOTOMETRIC, -1) == MASK_PHOTOMETRIC
        return bool(type & AUXILIARY) or mask

    @property
    def is_raw(self) -> bool:
        """Whether its pixels are what the sensor of a camera measured."""
        raw = self.ifd.integer(tiff.PHOTOMETRIC, -1) in (CFA, LINEAR_RAW)
        return raw or self.ifd.integer(tiff.COMPRESSION, 1) in RAW_COMPRESSIONS

    @property
    def area(self) -> int:
        """Pixels."""
        return self.ifd.integer(tiff.IMAGE_WIDTH, 0) * self.ifd.integer(tiff.IMAGE_LENGTH, 0)


@dataclass(frozen=True)
class Pages:
    """What a TIFF file holds.

    Attributes:
        pages: the directories that are pages.
        is_raw: whether it is the raw file of a camera, whose pages are previews.
        notes: what is left out, one line each.
    """

    pages: tuple[Directory, ...]
    is_raw: bool
    notes: tuple[str, ...]


def find_pages(file: BinaryIO) -> Pages:
    """Return the pages of a TIFF file.

    Raises:
        ColorizeError: where none of its directories is a picture.
        ValueError: where there are no directories.
    """
    reader = IFDReader(file)
    main = _main_directories(reader)
    sub = [image for each in main for image in _sub_images(reader, each)][:MAX_DIRECTORIES]
    if _is_old_raw(file, main) or any(each.is_raw for each in main + sub):
        return Pages((), True, ())
    notes = []
    pages = [each for each in main if not each.is_reduced and not each.is_auxiliary]
    if pages and pages[0].offset != main[0].offset:  # behind a thumbnail, which has the metadata
        pages[0] = replace(pages[0], parent=main[0].offset)
    pages = [_largest(page, sub) for page in pages]
    if not pages:
        pages = [each for each in sub if not each.is_reduced and not each.is_auxiliary]
    if not pages and any(tiff.DNG_VERSION in each.ifd.tags for each in main):
        return Pages((), True, ())
    if not pages:  # a picture that is said to be a copy, of which there is no larger one
        copies = [each for each in main if not each.is_auxiliary]
        pages = [max(copies, key=lambda each: each.area)] if copies else []
    if not pages:
        raise ColorizeError("holds only masks or infrared channels, no picture")
    taken = {page.offset for page in pages}
    left_out = [each for each in main if each.offset not in taken]
    auxiliary = sum(each.is_auxiliary for each in left_out)
    if reduced := len(left_out) - auxiliary:
        notes.append(f"{_count(reduced, 'reduced copy', 'reduced copies')} left out")
    if auxiliary:
        notes.append(f"{_count(auxiliary, 'mask or infrared page', 'masks or infrared pages')} "
                     "left out")  # fmt: skip
    if reader.broken_link:
        notes.append("its link to a further page is damaged: nothing is read behind it")
    return Pages(tuple(pages), False, tuple(notes))


def _largest(page: Directory, sub_images: list[Directory]) -> Directory:
    """Return a page, or the picture in its SubIFDs that it is a thumbnail of without saying so."""
    larger = [
        image
        for image in sub_images
        if image.parent == page.offset and image.area > page.area
        if not image.is_reduced and not image.is_auxiliary
    ]
    return max(larger, key=lambda image: image.area, default=page)


def _count(number: int, singular: str, plural: str) -> str:
    return f"{number} {singular if number == 1 else plural}"


def _main_directories(reader: IFDReader) -> list[Directory]:
    """Return the directories that follow each other, up to the first that is not an image."""
    main: list[Directory] = []
    for offset in reader.ifd_offsets()[:MAX_DIRECTORIES]:
        numbers = {entry.number for entry in reader.entries(offset)}
        is_image = numbers & _PIXEL_OFFSETS and tiff.IMAGE_WIDTH in numbers
        if not reader.is_whole(offset) or (main and not is_image):
            reader.broken_link = True
            break
        main.append(Directory(offset, reader.read_ifd(offset, _BRIEF)))
    if not main:
        raise ValueError("the file ends too early")
    return main


def _sub_images(reader: IFDReader, parent: Directory) -> list[Directory]:
    """Return the directories that a directory's SubIFDs tag points to."""
    offsets = parent.ifd.integers(tiff.SUB_IMAGES)[:MAX_SUB_IMAGES]
    images = (
        Directory(offset, reader.read_ifd(offset, _BRIEF), parent.offset)
        for offset in offsets
        if 0 < offset < reader.size
    )
    return [image for image in images if image.area]


def _is_old_raw(file: BinaryIO, main: list[Directory]) -> bool:
    """Return whether a file is a raw file that does not say so in its directories."""
    make = (main[0].ifd.bytes(tiff.MAKE) or b"").upper()
    model = (main[0].ifd.bytes(tiff.MODEL) or b"").upper()
    file.seek(4)
    head = file.read(8)
    if head[4:7] == b"CR\2" and head[:4] in (b"\x10\0\0\0", b"\0\0\0\x10"):  # Canon's CR2
        return True
    if head[4:] in (b"IIII", b"MMMM") and make.startswith((b"PHASE ONE", b"LEAF", b"MAMIYA")):
        return True
    early = make.startswith(b"CANON") and b"EOS" in model  # the .tif of the first EOS-1D
    return early and any(each.ifd.integer(tiff.COMPRESSION, 1) == OLD_JPEG for each in main)
