"""What a photograph's file holds besides pixels, and how it is taken from Pillow or a TIFF page."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from PIL import Image, PngImagePlugin

from colorize.io import tiff_ifd as tiff
from colorize.io.exif import exif_from_page, page_orientation, upright_exif, upright_xmp
from colorize.io.tiff_ifd import IFD

IPTC_RESOURCE = 0x0404  # the number of the IPTC block among Photoshop's resources


@dataclass(frozen=True)
class Metadata:
    r"""What is carried from the file that was read to the file that is written.

    Attributes:
        format: Pillow's name of the source's format ("JPEG", "TIFF", ...), None for arrays.
        exif: the EXIF block (a small TIFF file, without "Exif\0\0"), orientation 1, no thumbnail.
        xmp: the XMP packet.
        iptc: the IPTC-IIM records.
        dpi: dots per inch, horizontal and vertical.
        text: (keyword, text) of a PNG; comments of other formats have the keyword "Comment".
        duration: how long this frame of an animation shows, in milliseconds; None for a still.
        loop: how often the animation plays, 0 for endlessly; None where the file does not say.
        lossless: whether the source held its pixels without loss.
        notes: what the reader had to leave out or guess, one line each.
    """

    format: str | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    dpi: tuple[float, float] | None = None
    text: tuple[tuple[str, str], ...] = ()
    duration: float | None = None
    loop: int | None = None
    lossless: bool = False
    notes: tuple[str, ...] = ()


def read_metadata(
    image: Image.Image, orientation: int = 1, notes: Iterable[str] = (), lossless: bool = False
) -> Metadata:
    """Return the metadata of a loaded Pillow image, as they are once it is upright."""
    info = image.info
    exif = _to_bytes(info.get("exif")) or _from_hex_profile(info.get("Raw profile type exif"))
    return Metadata(
        format=image.format,
        exif=upright_exif(exif, orientation),
        xmp=upright_xmp(_to_bytes(info.get("xmp"))),
        iptc=_read_iptc(info),
        dpi=_valid_dpi(info.get("dpi")),
        text=tuple(_texts(image)),
        duration=_to_float(info.get("duration")),
        loop=_loop_count(image),
        lossless=lossless,
        notes=tuple(notes),
    )


def read_page_metadata(ifd: IFD, notes: Iterable[str] = ()) -> Metadata:
    """Return the metadata of a TIFF page, as they are once it is upright."""
    photoshop = ifd.bytes(tiff.PHOTOSHOP) or b""
    inches = {2: 1.0, 3: 2.54}.get(ifd.integer(tiff.RESOLUTION_UNIT, 2), 0.0)  # per unit
    resolution = ifd.rational(tiff.X_RESOLUTION), ifd.rational(tiff.Y_RESOLUTION)
    return Metadata(
        format="TIFF",
        exif=upright_exif(exif_from_page(ifd), page_orientation(ifd)),
        xmp=upright_xmp(ifd.bytes(tiff.XMP)),
        iptc=ifd.bytes(tiff.IPTC) or iptc_from_photoshop(photoshop),
        dpi=_valid_dpi([value * inches for value in resolution]),
        lossless=True,
        notes=tuple(notes),
    )


def iptc_to_photoshop_block(iptc: bytes) -> bytes:
    """Return the Photoshop resource block that holds IPTC records in a JPEG or PNG file."""
    padding = b"\0" * (len(iptc) % 2)
    return b"8BIM" + struct.pack(">HHI", IPTC_RESOURCE, 0, len(iptc)) + iptc + padding


def iptc_from_photoshop(block: bytes) -> bytes | None:
    """Return the IPTC records among Photoshop's resources, None where there are none."""
    offset = 0
    while block[offset : offset + 4] == b"8BIM" and offset + 12 <= len(block):
        number, name_length = struct.unpack_from(">HB", block, offset + 4)
        offset += 6 + (name_length + 2) // 2 * 2
        size = int.from_bytes(block[offset : offset + 4], "big")
        if number == IPTC_RESOURCE:
            return block[offset + 4 : offset + 4 + size]
        offset += 4 + (size + 1) // 2 * 2
    return None


def _to_bytes(value: object) -> bytes | None:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    return bytes(value) if isinstance(value, (bytes, bytearray)) and value else None


def _to_float(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _loop_count(image: Image.Image) -> int | None:
    """Return how often an animation plays; GIF counts the repeats after the first time."""
    loop = image.info.get("loop")
    if not isinstance(loop, int):
        return None
    return loop + 1 if image.format == "GIF" and loop else loop


def _valid_dpi(value: Any) -> tuple[float, float] | None:
    try:
        x, y = (float(number) for number in value or ())
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (x, y) if 1 <= x <= 100_000 and 1 <= y <= 100_000 else None


def _read_iptc(info: dict[str | tuple[int, int], Any]) -> bytes | None:
    resources = info.get("photoshop")
    if isinstance(resources, dict):
        return _to_bytes(resources.get(IPTC_RESOURCE))
    profile = _to_bytes(info.get("iptc")) or _from_hex_profile(info.get("Raw profile type iptc"))
    return iptc_from_photoshop(profile) if profile and profile[:4] == b"8BIM" else profile


def _from_hex_profile(profile: object) -> bytes | None:
    """Return the content of ImageMagick's PNG text: name, length, hexadecimal digits."""
    try:
        return bytes.fromhex("".join(str(profile).split("\n")[3:])) or None
    except ValueError:
        return None


def _texts(image: Image.Image) -> Iterator[tuple[str, str]]:
    """Yield keyword and text; what `read_metadata` takes from PNG texts itself is left out."""
    if isinstance(image, PngImagePlugin.PngImageFile):
        for key, value in image.text.items():
            if not key.startswith(("Raw profile type ", "XML:com.adobe.xmp")):
                yield str(key), str(value)
    comment = _to_bytes(image.info.get("comment"))
    if comment:
        yield "Comment", comment.decode("utf-8", "replace").rstrip("\0")
