"""What a file says of itself: format, size, mode, profile, and the origin of its colors.

The pixels are not decoded, so that a folder of large scans is looked at quickly.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from PIL import Image, ImageCms

from colorize.errors import ColorizeError, display_name, error_context
from colorize.io import tiff_ifd as tiff
from colorize.io.contents import read_contents
from colorize.io.exif import page_orientation, read_orientation
from colorize.io.pillow_warnings import pillow_warnings_ignored
from colorize.io.readers import PREFIX_BYTES, unsupported
from colorize.io.readers import pillow as pillow_reader
from colorize.io.readers import tiff as tiff_reader
from colorize.io.readers.tiff_pages import find_pages
from colorize.io.source import PathOrStream, open_source
from colorize.io.tiff_ifd_reader import IFDReader
from colorize.io.xmp_document import Origin, read_origin

PHOTOMETRIC = {0: "gray", 1: "gray", 2: "RGB", 3: "palette", 5: "CMYK", 6: "YCbCr", 8: "Lab"}


@dataclass(frozen=True)
class FileInfo:
    """What a file says of itself.

    Attributes:
        format: Pillow's name of the format.
        width, height: in pixels, as stored.
        mode: colors, and the depth where it is known.
        pages: pages or frames.
        orientation: EXIF's number, 1 for upright.
        profile: the name of the embedded ICC profile, None without.
        dpi: dots per inch, None where the file does not say.
        origin: how the picture was made, by its XMP.
    """

    format: str
    width: int
    height: int
    mode: str
    pages: int = 1
    orientation: int = 1
    profile: str | None = None
    dpi: tuple[float, float] | None = None
    origin: Origin = field(default_factory=Origin)


def read_info(source: PathOrStream) -> FileInfo:
    """Return what a file says of itself. Raises ColorizeError where its format is not known."""
    with open_source(source) as file, error_context(display_name(source)):
        file.seek(0)
        prefix = file.read(PREFIX_BYTES)
        with pillow_warnings_ignored():
            if tiff_reader.accepts(prefix):
                return _tiff_info(file)
            opener = pillow_reader.find_opener(prefix)
            if opener is None:
                raise ColorizeError(unsupported.describe(file))
            file.seek(0)
            return _image_info(opener(file, ""), file)


def _image_info(image: Image.Image, file: BinaryIO) -> FileInfo:
    pages = int(getattr(image, "n_frames", 1))
    contents = read_contents(image, file)
    dpi = contents.dpi if isinstance(contents.dpi, tuple) else None
    return FileInfo(
        format=image.format or "",
        width=image.width,
        height=image.height,
        mode=image.mode,
        pages=pages,
        orientation=read_orientation(contents.exif, contents.xmp),
        profile=_profile_name(image.info.get("icc_profile")),
        dpi=None if dpi is None else (float(dpi[0]), float(dpi[1])),
        origin=read_origin(contents.xmp),
    )


def _tiff_info(file: BinaryIO) -> FileInfo:
    found = find_pages(file)
    reader = IFDReader(file)
    offsets = [page.offset for page in found.pages] or [reader.first_ifd_offset]
    ifd = reader.read_ifd(offsets[0])
    inches = {2: 1.0, 3: 2.54}.get(ifd.integer(tiff.RESOLUTION_UNIT, 2), 0.0)
    dpi = ifd.rational(tiff.X_RESOLUTION) * inches, ifd.rational(tiff.Y_RESOLUTION) * inches
    colors = PHOTOMETRIC.get(ifd.integer(tiff.PHOTOMETRIC, 1), "unknown colors")
    return FileInfo(
        format="camera raw" if found.is_raw else "TIFF",
        width=ifd.integer(tiff.IMAGE_WIDTH, 0),
        height=ifd.integer(tiff.IMAGE_LENGTH, 0),
        mode=f"{colors}, {ifd.integer(tiff.BITS_PER_SAMPLE, 1)} bits a channel",
        pages=len(offsets),
        orientation=page_orientation(ifd),
        profile=_profile_name(ifd.bytes(tiff.ICC_PROFILE)),
        dpi=dpi if all(dpi) else None,
        origin=read_origin(ifd.bytes(tiff.XMP)),
    )


def _profile_name(icc: object) -> str | None:
    if not isinstance(icc, bytes) or not icc:
        return None
    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(icc)))
    except (OSError, ImageCms.PyCMSError):
        return "damaged"
    return name.strip() or "without a name"


def describe(info: FileInfo) -> Iterator[str]:
    """Yield lines of "what: value" for users."""
    yield f"format: {info.format}"
    yield f"size: {info.width}×{info.height} pixels"
    yield f"mode: {info.mode}"
    if info.pages > 1:
        yield f"pages: {info.pages}"
    if info.orientation != 1:
        yield f"orientation: {info.orientation}, shown turned"
    yield f"profile: {info.profile or 'none'}"
    if info.dpi is not None:
        yield f"resolution: {info.dpi[0]:g}×{info.dpi[1]:g} dpi"
    origin = info.origin
    yield f"colors: {'computed by this program' if origin.is_colorized else 'no record of them'}"
    named = {
        "digital source type": origin.source_type,
        "creator tool": origin.creator_tool,
        "instance": origin.instance_id,
        "derived from": origin.derived_from,
        "settings": origin.parameters,
    }
    yield from (f"{name}: {value}" for name, value in named.items() if value)
