"""What a photograph file says beside its pixels, and how each format takes it back."""

from __future__ import annotations

import io
import os
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from colorize.io import tiff_ifd as tiff
from colorize.io.icc import srgb_profile
from colorize.io.tiff_ifd import Directory

EXIF_PREFIX = b"Exif\0\0"
ORIENTATION_TAG = 0x0112
EXIF_POINTER_TAG = 0x8769
PIXEL_X_TAG, PIXEL_Y_TAG = 0xA002, 0xA003
MAX_BOX_BYTES = 64 << 20
IPTC_RESOURCE = 0x0404  # the number of the IPTC block among Photoshop's resources

_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)([1-8])")


@dataclass(frozen=True)
class Metadata:
    r"""What is carried from the file read to the file written.

    format: name of the source's format as Pillow has it ("JPEG", "TIFF", ...), None for arrays.
    exif: the EXIF block (a small TIFF file, without "Exif\0\0"), orientation 1, no thumbnail.
    xmp, iptc: the XMP packet, the IPTC-IIM records, as bytes.
    dpi: dots per inch, horizontal and vertical.
    text: (keyword, text) pairs of a PNG; comments of other formats have the keyword "Comment".
    duration: how long this frame of an animation shows, in milliseconds; None for a still.
    loop: how often the animation plays, 0 for ever; None where the file does not say.
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


def exif_orientation(exif: bytes | None, xmp: bytes | None = None) -> int:
    """Return the orientation, 1 to 8, that EXIF (or else XMP) gives; 1 where it gives none."""
    for _, entry in _orientation_entries(exif):
        return entry if 1 <= entry <= 8 else 1
    match = _XMP_ORIENTATION.search(xmp or b"")
    return int(match.group(2)) if match else 1


def tiff_orientation(directory: Directory) -> int:
    """Return the orientation of a TIFF page, 1 to 8, by its tag or else its XMP."""
    orientation = directory.number(tiff.ORIENTATION, 0)
    if orientation == 0:
        return exif_orientation(None, directory.bytes(tiff.XMP))
    return orientation if 1 <= orientation <= 8 else 1


def upright_exif(exif: bytes | None, orientation: int) -> bytes | None:
    """Return the EXIF block of the turned picture, changed in place byte by byte.

    Orientation becomes 1, the pixel dimensions are swapped where the turn swaps them, and the
    thumbnail (gray and not turned) is unlinked. Nothing moves, so maker notes stay readable.
    """
    if not exif:
        return None
    block = bytearray(exif.removeprefix(EXIF_PREFIX))
    try:
        _make_upright(block, orientation)
    except struct.error:
        return None  # not an EXIF block at all
    return bytes(block)


def set_exif_dimensions(exif: bytes | None, width: int, height: int) -> bytes | None:
    """Return the EXIF block with other pixel dimensions, where it states any."""
    if not exif:
        return None
    block = bytearray(exif.removeprefix(EXIF_PREFIX))
    try:
        _set_dimensions(block, {PIXEL_X_TAG: width, PIXEL_Y_TAG: height})
    except struct.error:
        return exif  # not a block that could be changed
    return bytes(block)


def upright_xmp(xmp: bytes | None) -> bytes | None:
    """Return the XMP packet with tiff:Orientation 1."""
    return _XMP_ORIENTATION.sub(rb"\g<1>1", xmp) if xmp else None


def iptc_to_photoshop_block(iptc: bytes) -> bytes:
    """Return the Photoshop resource block that carries IPTC records in a JPEG file."""
    padding = b"\0" * (len(iptc) % 2)
    return b"8BIM" + struct.pack(">HHI", IPTC_RESOURCE, 0, len(iptc)) + iptc + padding


def iptc_of_photoshop(block: bytes) -> bytes | None:
    """Return the IPTC records among Photoshop's resources, None where there are none."""
    position = 0
    while block[position : position + 4] == b"8BIM" and position + 12 <= len(block):
        number, name_length = struct.unpack_from(">HB", block, position + 4)
        position += 6 + (name_length + 2) // 2 * 2
        size = int.from_bytes(block[position : position + 4], "big")
        if number == IPTC_RESOURCE:
            return block[position + 4 : position + 4 + size]
        position += 4 + (size + 1) // 2 * 2
    return None


def read_metadata(image: Any, orientation: int = 1, notes: Iterable[str] = ()) -> Metadata:
    """Return what an opened and loaded Pillow image says, as it is after the turn."""
    info = image.info
    exif = _bytes(info.get("exif")) or _hex_profile(info.get("Raw profile type exif"))
    return Metadata(
        format=image.format,
        exif=upright_exif(exif, orientation),
        xmp=upright_xmp(_bytes(info.get("xmp"))),
        iptc=_iptc_of(info),
        dpi=_dpi_of(info.get("dpi")),
        text=tuple(_texts_of(image)),
        duration=_number(info.get("duration")),
        loop=_plays(image),
        notes=tuple(notes),
    )


def metadata_of_tiff(directory: Directory, orientation: int = 1) -> Metadata:
    """Return what the directory of a TIFF page says."""
    photoshop = directory.bytes(tiff.PHOTOSHOP) or b""
    return Metadata(
        format="TIFF",
        exif=upright_exif(tiff.exif_block(directory), orientation),
        xmp=upright_xmp(directory.bytes(tiff.XMP)),
        iptc=directory.bytes(tiff.IPTC) or iptc_of_photoshop(photoshop),
        dpi=_dpi_of_tiff(directory),
    )


def page_tags(metadata: Metadata, color: bool) -> Directory:
    """Return the tags that say in a TIFF page what the metadata say."""
    page = _exif_directory(metadata.exif)
    page.tags[tiff.ORIENTATION] = tiff.Tag(3, struct.pack("<H", 1))
    for tag, content in ((tiff.XMP, metadata.xmp), (tiff.IPTC, metadata.iptc)):
        if content:
            page.tags[tag] = tiff.Tag(7, content)
    if color:
        page.tags[tiff.ICC_PROFILE] = tiff.Tag(7, srgb_profile())
    if metadata.dpi:
        for tag, value in zip((tiff.X_RESOLUTION, tiff.Y_RESOLUTION), metadata.dpi, strict=True):
            page.tags[tag] = tiff.Tag(5, struct.pack("<II", round(value * 1000), 1000))
        page.tags[tiff.RESOLUTION_UNIT] = tiff.Tag(3, struct.pack("<H", 2))
    return page


def _exif_directory(exif: bytes | None) -> Directory:
    """Return the tags of an EXIF block in little-endian order, none for a damaged block."""
    try:
        first = next(tiff.read_directories(io.BytesIO(exif or b"")), None)
    except ValueError:
        first = None
    if first is None:
        return Directory("<")
    kept = {tag: value for tag, value in first.tags.items() if tag not in tiff.STRUCTURE}
    return tiff.reordered(Directory(first.order, kept, first.subs), "<")


def _orientation_entries(exif: bytes | None) -> Iterator[tuple[int, int]]:
    """Yield (position, value) of the orientation entry of an EXIF block."""
    block = (exif or b"").removeprefix(EXIF_PREFIX)
    try:
        order = _byte_order(block)
        for position, tag, kind in _entries(block, order, _first_directory(block, order)):
            if tag == ORIENTATION_TAG and kind == 3:
                yield position, struct.unpack_from(order + "H", block, position + 8)[0]
    except struct.error:
        return


def _byte_order(block: bytes | bytearray) -> str:
    order = {b"II": "<", b"MM": ">"}.get(bytes(block[:2]))
    if order is None:
        raise struct.error("no TIFF header")
    return order


def _first_directory(block: bytes | bytearray, order: str) -> int:
    return int(struct.unpack_from(order + "I", block, 4)[0])


def _entries(block: bytes | bytearray, order: str, start: int) -> Iterator[tuple[int, int, int]]:
    """Yield (position, tag, type) of each entry of the directory at `start`."""
    (count,) = struct.unpack_from(order + "H", block, start)
    for position in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(order + "HH", block, position)
        yield position, tag, kind


def _make_upright(block: bytearray, orientation: int) -> None:
    order = _byte_order(block)
    start = _first_directory(block, order)
    for position, tag, kind in _entries(block, order, start):
        if tag == ORIENTATION_TAG and kind == 3:
            struct.pack_into(order + "H", block, position + 8, 1)
        if tag == EXIF_POINTER_TAG and orientation >= 5:
            _swap_dimensions(block, order, struct.unpack_from(order + "I", block, position + 8)[0])
    (count,) = struct.unpack_from(order + "H", block, start)
    if start + 2 + 12 * count + 4 <= len(block):
        struct.pack_into(order + "I", block, start + 2 + 12 * count, 0)


def _swap_dimensions(block: bytearray, order: str, start: int) -> None:
    places = {tag: position for position, tag, _ in _entries(block, order, start)}
    if PIXEL_X_TAG in places and PIXEL_Y_TAG in places:
        x, y = places[PIXEL_X_TAG] + 2, places[PIXEL_Y_TAG] + 2
        block[x : x + 10], block[y : y + 10] = block[y : y + 10], block[x : x + 10]


def _set_dimensions(block: bytearray, sizes: dict[int, int]) -> None:
    """Write sizes, by tag, over the SHORT or LONG values of the EXIF directory."""
    order = _byte_order(block)
    for position, tag, _ in list(_entries(block, order, _first_directory(block, order))):
        if tag == EXIF_POINTER_TAG:
            (start,) = struct.unpack_from(order + "I", block, position + 8)
            for place, inner, kind in _entries(block, order, start):
                if inner in sizes and kind in (3, 4):
                    # as LONG: twice a SHORT width may not be one
                    struct.pack_into(order + "HII", block, place + 2, 4, 1, sizes[inner])


def _bytes(value: object) -> bytes | None:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    return bytes(value) if isinstance(value, (bytes, bytearray)) and value else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _plays(image: Any) -> int | None:
    """Return how often an animation plays; GIF counts the repeats after the first time."""
    loop = image.info.get("loop")
    if not isinstance(loop, int):
        return None
    return loop + 1 if image.format == "GIF" and loop else loop


def _dpi_of(value: Any) -> tuple[float, float] | None:
    try:
        x, y = (float(number) for number in value or ())
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (x, y) if 1 <= x <= 100_000 and 1 <= y <= 100_000 else None


def _dpi_of_tiff(directory: Directory) -> tuple[float, float] | None:
    to_inch = {2: 1.0, 3: 2.54}.get(directory.number(tiff.RESOLUTION_UNIT, 2), 0.0)
    resolution = directory.rational(tiff.X_RESOLUTION), directory.rational(tiff.Y_RESOLUTION)
    return _dpi_of([value * to_inch for value in resolution])


def _iptc_of(info: dict[str, Any]) -> bytes | None:
    resources = info.get("photoshop")
    if isinstance(resources, dict):
        return _bytes(resources.get(IPTC_RESOURCE))
    profile = _bytes(info.get("iptc")) or _hex_profile(info.get("Raw profile type iptc"))
    return iptc_of_photoshop(profile) if profile and profile[:4] == b"8BIM" else profile


def _hex_profile(profile: object) -> bytes | None:
    """Return the content of ImageMagick's PNG text: name, length, hexadecimal digits."""
    try:
        return bytes.fromhex("".join(str(profile).split("\n")[3:])) or None
    except ValueError:
        return None


_RAW_TEXTS = ("Raw profile type ", "XML:com.adobe.xmp")


def _texts_of(image: Any) -> Iterator[tuple[str, str]]:
    texts = getattr(image, "text", None)
    if isinstance(texts, dict):
        for key, value in texts.items():
            if not key.startswith(_RAW_TEXTS):
                yield str(key), str(value)
    comment = _bytes(image.info.get("comment"))
    if comment:
        yield "Comment", comment.decode("utf-8", "replace").rstrip("\0")


_JP2_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_JP2_IPTC = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
_JP2_EXIF = b"JpgTiffExif->JP2"
_JP2_NAMES = {_JP2_XMP: "xmp", _JP2_IPTC: "iptc", _JP2_EXIF: "exif"}


def jp2_info(file: BinaryIO) -> dict[str, bytes]:
    """Return what the boxes of a JPEG 2000 file say, under the names that Pillow gives it."""
    info = {}
    for kind, content in _boxes(file, 0, file.seek(0, os.SEEK_END)):
        if kind == b"uuid" and content[:16] in _JP2_NAMES:
            info[_JP2_NAMES[content[:16]]] = content[16:]
        if kind == b"jp2h":
            for inner, profile in _boxes(io.BytesIO(content), 0, len(content)):
                if inner == b"colr" and profile[:1] in (b"\2", b"\3"):  # an ICC profile follows
                    info["icc_profile"] = profile[3:]
    return info


def is_complete_jp2(file: BinaryIO) -> bool:
    """Tell whether the codestream of a JPEG 2000 file ends as it must, with FF D9."""
    end = size = file.seek(0, os.SEEK_END)
    position = 0
    while (head := _at(file, position, 16))[:4] != b"\xff\x4f\xff\x51":
        length = int.from_bytes(head[:4], "big")
        header = 16 if length == 1 else 8
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        end = size if length == 0 else position + length
        if head[4:8] == b"jp2c":
            break
        if length < header or end >= size:
            return False
        position = end
    return end <= size and _at(file, max(end - 2, 0), 2) == b"\xff\xd9"


def jp2_boxes(metadata: Metadata) -> bytes:
    """Return boxes to append to a JPEG 2000 file."""
    contents = {_JP2_EXIF: metadata.exif, _JP2_XMP: metadata.xmp, _JP2_IPTC: metadata.iptc}
    return b"".join(
        struct.pack(">I4s", 24 + len(content), b"uuid") + uuid + content
        for uuid, content in contents.items()
        if content
    )


def _at(file: BinaryIO, position: int, size: int) -> bytes:
    file.seek(position)
    return file.read(size)


def _boxes(file: BinaryIO, position: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield (kind, content) of the small boxes of a JPEG 2000 file, none for a codestream."""
    while position + 8 <= end:
        file.seek(position)
        length, kind = struct.unpack(">I4s", file.read(8))
        header = 8
        if length == 1:
            header, length = 16, int.from_bytes(file.read(8), "big")
        if length < header or position + length > end:
            return
        if length < MAX_BOX_BYTES and kind in (b"uuid", b"jp2h", b"colr"):
            yield kind, file.read(length - header)
        position += length
