"""XMP packets: their JPEG extension, and what they must no longer say of a picture in color.

Packets are changed in place, as bytes, so that everything else in them stays as it is.
Source: XMP specification, parts 1 and 3 (ISO 16684-1).
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterator

_HAS_EXTENSION = re.compile(
    rb"\s+xmpNote:HasExtendedXMP\s*=\s*(\"[^\"]*\"|'[^']*')"
    rb"|<xmpNote:HasExtendedXMP>[^<]*</xmpNote:HasExtendedXMP>"
)
_RDF_BODY = re.compile(rb"<rdf:RDF\b([^>]*)>(.*)</rdf:RDF\s*>", re.DOTALL)
_NAMESPACE = re.compile(rb"\sxmlns:[\w.-]+\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)([1-8])")
_WIDTH_AND_HEIGHT = (
    (rb"tiff:ImageWidth", rb"tiff:ImageLength"),
    (rb"exif:PixelXDimension", rb"exif:PixelYDimension"),
)
# What programs say in a picture's XMP of a second part of its file, by namespace.
_CLAIMS = (
    (rb"http://ns.google.com/photos/1.0/camera/", rb"(?:MicroVideo|MotionPhoto)\w*", "video"),
    (rb"http://ns.google.com/photos/1.0/container/", rb"Directory", "second part"),
    (rb"http://ns.adobe.com/hdr-gain-map/1.0/", rb"\w+", "gain map"),
    (rb"http://ns.apple.com/HDRGainMap/1.0/", rb"\w+", "gain map"),
    (rb"http://ns.google.com/photos/1.0/depthmap/", rb"\w+", "depth map"),
    (rb"http://ns.google.com/photos/1.0/image/", rb"\w+", "second picture"),
    (rb"http://ns.google.com/photos/1.0/audio/", rb"\w+", "sound"),
)


class Extension:
    """The extension of an XMP packet, put together from its segments in a JPEG file."""

    def __init__(self) -> None:
        """Begin without a segment."""
        self.guid = b""
        self._parts: dict[int, bytes] = {}
        self._size = 0

    def add(self, segment: bytes) -> None:
        """Add a segment: GUID, size of the extension, offset of this part, part."""
        if len(segment) >= 40 and (not self.guid or segment[:32] == self.guid):
            self.guid = segment[:32]
            self._size, offset = struct.unpack_from(">II", segment, 32)
            self._parts[offset] = segment[40:]

    def packet(self) -> bytes | None:
        """Return the extension, None where a part is missing."""
        packet = b"".join(self._parts[offset] for offset in sorted(self._parts))
        return packet if self._parts and len(packet) == self._size else None


def merge_extension(xmp: bytes | None, extension: Extension) -> tuple[bytes | None, bool]:
    """Return an XMP packet with its extension inside, and whether an extension was lost."""
    if not xmp:
        return xmp, bool(extension.guid)
    has_extension = _HAS_EXTENSION.search(xmp)
    if not has_extension and not extension.guid:
        return xmp, False
    main, more = (
        _RDF_BODY.search(_HAS_EXTENSION.sub(b"", xmp)),
        _RDF_BODY.search(extension.packet() or b""),
    )
    if main is None or more is None or (has_extension and extension.guid not in has_extension[0]):
        return _HAS_EXTENSION.sub(b"", xmp), True
    packet = main.string
    end = main.end(2)
    namespaces = b"".join(
        found for found in _NAMESPACE.findall(more[1])
        if not found.startswith(b" xmlns:rdf") and found not in more[2]
    )  # fmt: skip
    body = re.sub(rb"<rdf:Description\b", lambda found: found[0] + namespaces, more[2])
    return packet[:end] + body + packet[end:], False


def split_packet(xmp: bytes, max_bytes: int) -> tuple[bytes, list[bytes]]:
    """Return a packet for one JPEG segment, and the content of the segments of its extension.

    Args:
        xmp: the packet.
        max_bytes: that the first segment has room for; the others have 40 bytes and a prefix less.
    """
    if len(xmp) <= max_bytes:
        return xmp, []
    guid = hashlib.md5(xmp, usedforsecurity=False).hexdigest().upper().encode("ascii")
    main = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/'
        b'22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:xmpNote="http://ns.adobe.com/'
        b'xmp/note/" xmpNote:HasExtendedXMP="' + guid + b'"/></rdf:RDF></x:xmpmeta>'
    )
    step = 65000
    return main, [
        guid + struct.pack(">II", len(xmp), start) + xmp[start : start + step]
        for start in range(0, len(xmp), step)
    ]


def upright_xmp(xmp: bytes | None, orientation: int = 1) -> bytes | None:
    """Return the packet of the upright picture: tiff:Orientation 1, sides swapped by the turn."""
    if not xmp:
        return None
    xmp = _ORIENTATION.sub(rb"\g<1>1", xmp)
    if orientation >= 5:
        for width, height in _WIDTH_AND_HEIGHT:
            xmp = _swap(xmp, width, height)
    return xmp


def drop_claims(xmp: bytes | None) -> tuple[bytes | None, list[str]]:
    """Return a packet that no longer speaks of other parts of its file, and what it spoke of."""
    found: list[str] = []
    for namespace, name, what in _CLAIMS if xmp else ():
        for prefix in set(re.findall(rb"xmlns:([\w.-]+)\s*=\s*[\"']" + namespace, xmp or b"")):
            qualified = re.escape(prefix) + b":" + name
            pattern = (
                rb"\s+" + qualified + rb"\s*=\s*(?:\"[^\"]*\"|'[^']*')"
                rb"|<(" + qualified + rb")\b[^>]*(?:/>|(?<!/)>.*?</\1\s*>)"
            )
            xmp, count = re.subn(pattern, b"", xmp or b"", flags=re.DOTALL)
            if count:
                found.append(what)
    return xmp, list(dict.fromkeys(found))


def _swap(xmp: bytes, first: bytes, second: bytes) -> bytes:
    """Return the packet with two numbers exchanged, where it has each once."""
    matches = list(_numbers(xmp, first)), list(_numbers(xmp, second))
    if not all(len(found) == 1 for found in matches):
        return xmp
    (one,), (other,) = sorted(matches, key=lambda found: found[0].start())
    return (
        xmp[: one.start(1)] + other[1] + xmp[one.end(1) : other.start(1)] + one[1]
        + xmp[other.end(1) :]
    )  # fmt: skip


def _numbers(xmp: bytes, name: bytes) -> Iterator[re.Match[bytes]]:
    return re.finditer(name + rb"(?:\s*=\s*[\"']|>)\s*(\d+)", xmp)
