"""What a photograph file says beside its pixels, and how each format takes it back."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

EXIF_PREFIX = b"Exif\0\0"
ORIENTATION_TAG = 0x0112
EXIF_POINTER_TAG = 0x8769
PIXEL_X_TAG, PIXEL_Y_TAG = 0xA002, 0xA003
IPTC_RESOURCE = 0x0404  # the number of the IPTC block among Photoshop's resources
JPEG_SEGMENT_BYTES = 65533 - 29  # what one JPEG segment holds, less the longest name before it

_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)([1-8])")


@dataclass(frozen=True)
class Metadata:
    """What is carried from the file read to the file written.

    format: name of the source's format as Pillow has it ("JPEG", "TIFF", ...), None for arrays.
    exif: the EXIF block (a small TIFF file, without "Exif\\0\\0"), orientation 1, no thumbnail.
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


def upright_exif(exif: bytes | None, orientation: int) -> bytes | None:
    """Return the EXIF block of the turned picture, changed in place byte by byte.

    Orientation becomes 1, the pixel dimensions are swapped where the turn swaps them, and the
    thumbnail (grey and not turned) is unlinked. Nothing moves, so maker notes stay readable.
    """
    if not exif:
        return None
    block = bytearray(exif.removeprefix(EXIF_PREFIX))
    try:
        _make_upright(block, orientation)
    except struct.error:
        return None  # not an EXIF block at all
    return bytes(block)


def upright_xmp(xmp: bytes | None) -> bytes | None:
    """Return the XMP packet with tiff:Orientation 1."""
    return _XMP_ORIENTATION.sub(rb"\g<1>1", xmp) if xmp else None


def photoshop_block(iptc: bytes) -> bytes:
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


def metadata_of(image: Any, orientation: int) -> Metadata:
    """Return what an opened and loaded Pillow image says, as it is after the turn."""
    info = image.info
    return Metadata(
        format=image.format,
        exif=upright_exif(_bytes(info.get("exif")), orientation),
        xmp=upright_xmp(_bytes(info.get("xmp"))),
        iptc=_iptc_of(info),
        dpi=_dpi_of(info),
        text=tuple(_texts_of(image)),
        duration=_number(info.get("duration")),
        loop=_integer(info.get("loop")),
    )


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


def _bytes(value: object) -> bytes | None:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    return bytes(value) if isinstance(value, (bytes, bytearray)) and value else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _integer(value: object) -> int | None:
    return int(value) if isinstance(value, int) else None


def _dpi_of(info: dict[str, Any]) -> tuple[float, float] | None:
    try:
        x, y = (float(value) for value in info.get("dpi", ()))
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (x, y) if 1 <= x <= 100_000 and 1 <= y <= 100_000 else None


def _iptc_of(info: dict[str, Any]) -> bytes | None:
    resources = info.get("photoshop")
    if isinstance(resources, dict):
        return _bytes(resources.get(IPTC_RESOURCE))
    profile = info.get("Raw profile type iptc")
    return _unhex_profile(profile) if isinstance(profile, str) else None


def _unhex_profile(profile: str) -> bytes | None:
    """Return the IPTC records of ImageMagick's PNG text: name, length, hexadecimal digits."""
    try:
        block = bytes.fromhex("".join(profile.split("\n")[3:]))
    except ValueError:
        return None
    return iptc_of_photoshop(block) if block.startswith(b"8BIM") else block


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
