"""What a file holds besides its pixels: every segment, chunk, box or block of it, listed.

What `Metadata` has a field for is found here whatever way it was stored in; of the rest, what a
file of the same format can hold is kept as bytes, and everything else is noted. Nothing is turned
upright yet.
"""

from __future__ import annotations

from typing import Any, BinaryIO

from PIL import Image

from colorize.io.contents import bmp, gif, heif, jp2, jpeg, jpegxl, png, pnm, webp
from colorize.io.contents.types import Contents, describe_pixel_shape
from colorize.io.photoshop import IPTC

_READERS = {
    "JPEG": jpeg.read_contents,
    "PNG": png.read_contents,
    "GIF": gif.read_contents,
    "JPEG2000": jp2.read_contents,
    "JXL": jpegxl.read_contents,
    "PPM": pnm.read_contents,
    "WEBP": webp.read_contents,
}
_NOTES_READERS = {  # of formats whose metadata Pillow knows
    "AVIF": heif.read_contents,
    "BMP": bmp.read_contents,
    "HEIF": heif.read_contents,
}

__all__ = ["Contents", "contents_of_image", "describe_pixel_shape", "read_contents"]


def read_contents(image: Image.Image, file: BinaryIO) -> Contents:
    """Return what the file of a loaded Pillow image holds; the file's position changes."""
    reader = _READERS.get(image.format or "")
    if reader is None:
        contents = contents_of_image(image)
        if notes_reader := _NOTES_READERS.get(image.format or ""):
            notes_reader(file, contents)
        return contents
    contents = Contents(dpi=image.info.get("dpi"))
    if image.format != "JXL":
        contents.exif = _to_bytes(image.info.get("exif"))
    if image.format in ("PNG", "WEBP"):
        contents.xmp = _to_bytes(image.info.get("xmp"))
    reader(file, contents)
    contents.notes += describe_pixel_shape(*_pixel_shape(image))
    return contents


def contents_of_image(image: Image.Image) -> Contents:
    """Return what a Pillow image knows of its file."""
    info = image.info
    contents = Contents(
        exif=_to_bytes(info.get("exif")),
        xmp=_to_bytes(info.get("xmp")),
        iptc=_to_bytes(info.get("iptc")),
        dpi=info.get("dpi"),
    )
    resources: Any = info.get("photoshop")
    if isinstance(resources, dict):
        contents.iptc = _to_bytes(resources.get(IPTC))
    if image.format == "PNG":
        png.add_texts(getattr(image, "text", {}).items(), contents)
    elif comment := _to_bytes(info.get("comment")):
        contents.add_comment(comment)
    if image.format == "HEIF" and getattr(image, "n_frames", 1) > 1:
        contents.leave_out("further pictures in it")
    if info.get("depth_images"):
        contents.notes.append("its depth map is left out")
    return contents


def _pixel_shape(image: Image.Image) -> tuple[float, float]:
    """Return a resolution without a unit, which states the shape of the pixels only."""
    info = image.info
    if image.format == "JPEG" and info.get("jfif_unit") == 0:
        x, y = info.get("jfif_density", (1, 1))
    else:
        x, y = info.get("aspect", (1, 1))  # of PNG
    return x, y


def _to_bytes(value: object) -> bytes | None:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    return bytes(value) if isinstance(value, (bytes, bytearray)) and value else None
