"""Developing raw files of cameras, through LibRaw (rawpy)."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from colorize.errors import ColorizeError
from colorize.installation import install_command
from colorize.io import tiff_ifd as tiff
from colorize.io.exif import exif_from_page, upright_exif
from colorize.io.metadata import Metadata
from colorize.io.photo import Photo
from colorize.io.readers.limits import check_size
from colorize.io.readers.tiff_pages import CFA, LINEAR_RAW, MAX_SUB_IMAGES
from colorize.io.tiff_ifd_reader import IFDReader

MAGIC = {
    b"FUJIFILMCCD-RAW": "Fujifilm RAF",
    b"IIU\0": "Panasonic RW2",
    b"IIRO": "Olympus ORF",
    b"IIRS": "Olympus ORF",
    b"MMOR": "Olympus ORF",
    b"FOVb": "Sigma X3F",
    b"\0MRM": "Minolta MRW",
    b"II\x1a\0\0\0HEAPCCDR": "Canon CRW",
}
_PARTS = (
    (tiff.STRIP_OFFSETS, tiff.STRIP_BYTE_COUNTS), (tiff.TILE_OFFSETS, tiff.TILE_BYTE_COUNTS)
)  # fmt: skip
_MAKES = {
    b"NIKON": "Nikon NEF", b"CANON": "Canon CR2", b"SONY": "Sony ARW", b"PENTAX": "Pentax PEF",
    b"RICOH": "Pentax PEF", b"SAMSUNG": "Samsung SRW", b"HASSELBLAD": "Hasselblad 3FR",
    b"KODAK": "Kodak DCR", b"EASTMAN": "Kodak DCR", b"PHASE ONE": "Phase One IIQ",
    b"LEAF": "Leaf MOS", b"MAMIYA": "Mamiya MEF", b"SEIKO EPSON": "Epson ERF",
}  # fmt: skip


def accepts(prefix: bytes) -> bool:
    """Return whether a file that begins with these bytes is a raw file that is not TIFF."""
    return prefix.startswith(tuple(MAGIC)) or prefix[4:12] == b"ftypcrx "


def read(file: BinaryIO, max_pixels: int) -> Photo:
    """Return the developed picture: the camera's white balance, sRGB, 16 bits, upright.

    Raises ColorizeError where rawpy is not installed or cannot read the file.
    """
    name, metadata = _describe(file)
    try:
        import rawpy
    except (ImportError, OSError) as error:
        raise ColorizeError(
            f"is a raw file ({name}), which needs an extra: {install_command('raw')}; "
            "or develop it to 16-bit TIFF"
        ) from error
    file.seek(0)
    try:
        with rawpy.imread(file) as raw:
            sizes = raw.sizes
            check_size(sizes.width, sizes.height, max_pixels)
            pixels = raw.postprocess(
                output_bps=16, use_camera_wb=True, output_color=rawpy.ColorSpace.sRGB
            )
    except rawpy.LibRawError as error:
        reason = str(error).strip("b'\"") or type(error).__name__
        raise ColorizeError(
            f"is a raw file ({name}) that cannot be developed ({reason}): convert it to 16-bit TIFF"
        ) from error
    return Photo(np.ascontiguousarray(pixels), None, metadata)


def _describe(file: BinaryIO) -> tuple[str, Metadata]:
    """Return the name of the format, and the metadata of a raw file that is TIFF.

    Raises ColorizeError where its end is missing.
    """
    file.seek(0)
    prefix = file.read(16)
    for magic, name in MAGIC.items():
        if prefix.startswith(magic):
            return name, Metadata(format="TIFF", lossless=True)
    if prefix[4:12] == b"ftypcrx ":
        return "Canon CR3", Metadata(format="TIFF", lossless=True)
    reader = IFDReader(file)
    if not _is_complete(reader):  # LibRaw would print a line of its own
        raise ColorizeError("incomplete, its end is missing")
    ifd = reader.read_ifd(reader.first_ifd_offset)
    exif = upright_exif(exif_from_page(ifd), 1)
    metadata = Metadata(format="TIFF", exif=exif, xmp=ifd.bytes(tiff.XMP), lossless=True)
    make = (ifd.bytes(tiff.MAKE) or b"").upper()
    if tiff.DNG_VERSION in ifd.tags:
        return "DNG", metadata
    names = (name for known, name in _MAKES.items() if make.startswith(known))
    return next(names, "of a camera"), metadata


def _is_complete(reader: IFDReader) -> bool:
    """Return whether what the sensor measured is all in a raw file that is TIFF."""
    ifds = [reader.read_ifd(offset) for offset in reader.ifd_offsets()]
    inner = [offset for ifd in ifds for offset in ifd.integers(tiff.SUB_IMAGES)[:MAX_SUB_IMAGES]]
    ifds += [reader.read_ifd(offset) for offset in inner if 0 < offset < reader.size]
    return all(
        offset + size <= reader.size
        for ifd in ifds
        if ifd.integer(tiff.PHOTOMETRIC, -1) in (CFA, LINEAR_RAW)
        for offsets, sizes in _PARTS
        for offset, size in zip(ifd.integers(offsets), ifd.integers(sizes), strict=False)
    )
