"""The boxes of JPEG 2000 files, which hold metadata that Pillow neither reads nor writes.

Source: ISO/IEC 15444-1, annex I; the UUIDs of EXIF, XMP and IPTC are those that ExifTool uses.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

from colorize.io.metadata import Metadata

MAX_BOX_BYTES = 64 << 20  # of one box that is read

_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_IPTC = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
_EXIF = b"JpgTiffExif->JP2"
_INFO_KEYS = {_XMP: "xmp", _IPTC: "iptc", _EXIF: "exif"}


def read_jp2_info(file: BinaryIO) -> dict[str, bytes]:
    """Return the metadata in the boxes of a JPEG 2000 file, under Pillow's keys for `info`."""
    info = {}
    for type, content in _boxes(file, 0, file.seek(0, os.SEEK_END)):
        if type == b"uuid" and content[:16] in _INFO_KEYS:
            info[_INFO_KEYS[content[:16]]] = content[16:]
        if type == b"jp2h":
            for inner, profile in _boxes(io.BytesIO(content), 0, len(content)):
                if inner == b"colr" and profile[:1] in (b"\2", b"\3"):  # an ICC profile follows
                    info["icc_profile"] = profile[3:]
    return info


def is_complete_jp2(file: BinaryIO) -> bool:
    """Return whether the codestream of a JPEG 2000 file ends as it must, with FF D9."""
    end = size = file.seek(0, os.SEEK_END)
    offset = 0
    while (head := _read_at(file, offset, 16))[:4] != b"\xff\x4f\xff\x51":
        length = int.from_bytes(head[:4], "big")
        header = 16 if length == 1 else 8
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        end = size if length == 0 else offset + length
        if head[4:8] == b"jp2c":
            break
        if length < header or end >= size:
            return False
        offset = end
    return end <= size and _read_at(file, max(end - 2, 0), 2) == b"\xff\xd9"


def pack_jp2_boxes(metadata: Metadata) -> bytes:
    """Return the boxes that hold metadata at the end of a JPEG 2000 file."""
    contents = {_EXIF: metadata.exif, _XMP: metadata.xmp, _IPTC: metadata.iptc}
    return b"".join(
        struct.pack(">I4s", 24 + len(content), b"uuid") + uuid + content
        for uuid, content in contents.items()
        if content
    )


def _read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)


def _boxes(file: BinaryIO, offset: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and content of the boxes that matter here; none for a bare codestream."""
    while offset + 8 <= end:
        length, type = struct.unpack(">I4s", _read_at(file, offset, 8))
        header = 8
        if length == 1:
            header, length = 16, int.from_bytes(file.read(8), "big")
        if length < header or offset + length > end:
            return
        if length < MAX_BOX_BYTES and type in (b"uuid", b"jp2h", b"colr"):
            yield type, file.read(length - header)
        offset += length
