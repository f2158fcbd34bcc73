"""What a photograph's file holds besides pixels, and how it is taken from Pillow or a TIFF page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from PIL import Image

from colorize.io import tiff_ifd as tiff
from colorize.io.contents import Contents, describe_pixel_shape
from colorize.io.exif import exif_dpi, exif_from_page, page_orientation, upright_exif
from colorize.io.photoshop import IPTC, find_resource, pack_resource, portable_resources
from colorize.io.provenance import Provenance
from colorize.io.tiff_ifd import IFD
from colorize.io.xmp import drop_claims, upright_xmp

_MEANINGLESS_DPI = {72, 96}  # what programs write that know of no resolution


@dataclass(frozen=True)
class Metadata:
    r"""What is carried from the file that was read to the file that is written.

    Attributes:
        format: Pillow's name of the source's format ("JPEG", "TIFF", ...), None for arrays.
        exif: the EXIF block (a small TIFF file, without "Exif\0\0"), orientation 1, no thumbnail.
        xmp: the XMP packet.
        iptc: the IPTC-IIM records.
        dpi: dots per inch, horizontal and vertical.
        text: (keyword, text) of a PNG; comments of other formats have the keyword "Comment". Bytes
            that are not UTF-8 are escaped surrogates, see `text_bytes` and `plain_text`.
        photoshop: Photoshop's resources other than IPTC, EXIF, XMP, profile and thumbnail.
        native: (name, bytes) of what only a file of the same format can hold.
        duration: how long this frame of an animation shows, in milliseconds; None for a still.
        loop: how often the animation plays, 0 for endlessly; None where the file does not say.
        lossless: whether the source held its pixels without loss.
        notes: what the reader had to leave out or guess, one line each.
        provenance: how the photograph came to its colors; None for one that was only read.
    """

    format: str | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    dpi: tuple[float, float] | None = None
    text: tuple[tuple[str, str], ...] = ()
    photoshop: bytes | None = None
    native: tuple[tuple[str, bytes], ...] = ()
    duration: float | None = None
    loop: int | None = None
    lossless: bool = False
    notes: tuple[str, ...] = ()
    provenance: Provenance | None = None


def read_metadata(
    image: Image.Image,
    contents: Contents,
    orientation: int = 1,
    notes: Iterable[str] = (),
    lossless: bool = False,
) -> Metadata:
    """Return the metadata of a loaded Pillow image, as they are once it is upright.

    Args:
        image: for its format, and the timing of its frames.
        contents: of its file.
        orientation: of the image as stored, 1 to 8.
        notes: about its pixels.
        lossless: whether the file held its pixels without loss.
    """
    exif = upright_exif(contents.exif, orientation)
    xmp, claims = drop_claims(upright_xmp(contents.xmp, orientation))
    photoshop, paths_lost = portable_resources(contents.photoshop, orientation != 1)
    dpi, dpi_notes = _choose_dpi(contents.dpi, contents.exif)
    all_notes = [*notes, *contents.notes, *dpi_notes]
    all_notes += [f"{what} that its XMP speaks of: left out" for what in claims]
    if paths_lost:
        all_notes.append("paths and guides of Photoshop, which are not turned: left out")
    return Metadata(
        format=image.format,
        exif=exif,
        xmp=xmp,
        iptc=_longest(contents.iptc, find_resource(contents.photoshop, IPTC)),
        dpi=dpi if dpi is None or orientation < 5 else (dpi[1], dpi[0]),
        text=tuple(contents.texts),
        photoshop=photoshop or None,
        native=tuple(contents.native),
        duration=_to_float(image.info.get("duration")),
        loop=_loop_count(image),
        lossless=lossless,
        notes=tuple(all_notes),
    )


def read_page_metadata(ifd: IFD, notes: Iterable[str] = ()) -> Metadata:
    """Return the metadata of a TIFF page, as they are once it is upright."""
    resources = ifd.bytes(tiff.PHOTOSHOP) or b""
    orientation = page_orientation(ifd)
    inches = {2: 1.0, 3: 2.54}.get(ifd.integer(tiff.RESOLUTION_UNIT, 2), 0.0)  # per unit
    resolution = ifd.rational(tiff.X_RESOLUTION), ifd.rational(tiff.Y_RESOLUTION)
    dpi = _valid_dpi([value * inches for value in resolution])
    photoshop, paths_lost = portable_resources(resources, orientation != 1)
    xmp, claims = drop_claims(upright_xmp(ifd.bytes(tiff.XMP), orientation))
    all_notes = [*notes, *(f"{what} that its XMP speaks of: left out" for what in claims)]
    if not inches:
        all_notes += describe_pixel_shape(resolution[0] or 1, resolution[1] or 1)
    if ifd.omitted:
        all_notes.append(f"{ifd.omitted} tags, too large together: left out")
    if tiff.PHOTOSHOP_LAYERS in ifd.tags:
        all_notes.append("the layers of Photoshop: left out")
    if paths_lost:
        all_notes.append("paths and guides of Photoshop, which are not turned: left out")
    return Metadata(
        format="TIFF",
        exif=upright_exif(exif_from_page(ifd), orientation),
        xmp=xmp,
        iptc=_longest(ifd.bytes(tiff.IPTC), find_resource(resources, IPTC)),
        dpi=dpi if dpi is None or orientation < 5 else (dpi[1], dpi[0]),
        photoshop=photoshop or None,
        lossless=True,
        notes=tuple(all_notes),
    )


def photoshop_resources(metadata: Metadata) -> bytes:
    """Return Photoshop's resources, IPTC among them, as JPEG and PNG files hold them."""
    iptc = pack_resource(IPTC, metadata.iptc) if metadata.iptc else b""
    return iptc + (metadata.photoshop or b"")


def text_bytes(text: str) -> bytes:
    """Return the bytes of a text as they were in the file."""
    return text.encode("utf-8", "surrogateescape")


def plain_text(text: str) -> str:
    """Return a text without escaped bytes: one that is not UTF-8 is taken as Latin-1."""
    content = text_bytes(text)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _longest(*copies: bytes | None) -> bytes | None:
    """Return the longest copy: ImageMagick cuts that of the TIFF tag to a quarter."""
    return max((copy for copy in copies if copy), key=len, default=None)


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


def _choose_dpi(stated: Any, exif: bytes | None) -> tuple[tuple[float, float] | None, list[str]]:
    """Return the resolution of a file, which its EXIF may state too, and notes."""
    own, in_exif = _valid_dpi(stated), _valid_dpi(exif_dpi(exif))
    if own is None or in_exif is None or abs(own[0] - in_exif[0]) + abs(own[1] - in_exif[1]) < 1:
        return own or in_exif, []
    chosen = in_exif if own[0] in _MEANINGLESS_DPI else own
    other = own if chosen is in_exif else in_exif
    if other[0] in _MEANINGLESS_DPI:
        return chosen, []
    return chosen, [f"states {own[0]:g} and {in_exif[0]:g} dpi: {chosen[0]:g} taken"]
