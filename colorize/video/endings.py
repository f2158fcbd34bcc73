"""Whether a video file ends before its container is complete.

FFmpeg reads what there is of a file that was cut short and, in many formats, does not tell. So the
lengths that containers state are compared with the file's. Where there are none, a file looks
complete: MPEG elementary streams, Y4M, and a cut between two packets of other MPEG streams.

Sources: ISO/IEC 14496-12, 4.2 (MP4, MOV); Microsoft, AVI RIFF File Reference, and Advanced Systems
Format, 3.2; RFC 8794 (EBML, of Matroska and WebM); Adobe, Video File Format Specification, annex E
(FLV); RFC 3533 (Ogg); ISO/IEC 13818-1, 2.4.3 and 2.5.3 (MPEG); SMPTE 314M (DV); FFmpeg, nut.txt.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import BinaryIO

TAIL = 1 << 17  # bytes from the end: more than an Ogg page or an MPEG packet
MAX_ASF_HEADER = 1 << 20  # bytes of which the file's size is looked for
ASF_FILE_PROPERTIES = bytes.fromhex("A1DCAB8C47A9CF118EE400C00C205365")
ASF_BROADCAST = 1
EBML_SEGMENT = b"\x18\x53\x80\x67"
OGG_LAST_PAGE = 4
FLV_TAGS = (8, 9, 18)  # audio, video, script
NUT_INDEX = b"NX\xdd\x67\x2f\x23\xe6\x4e"
DV_SEQUENCE = {False: 120_000, True: 144_000}  # bytes of a frame, of 60 and 50 fields per second


def is_cut_short(file: BinaryIO) -> bool:
    """Return whether the file lacks its end; False where its format does not tell."""
    size = file.seek(0, os.SEEK_END)
    start = _read(file, 0, 400)
    for signature, is_cut in _CHECKS:
        if re.match(signature, start, re.DOTALL):
            return is_cut(file, size)
    return False


def _read(file: BinaryIO, position: int, length: int) -> bytes:
    file.seek(position)
    return file.read(length)


def _uint(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _is_cut_iso(file: BinaryIO, size: int) -> bool:
    position, kind = 0, b""
    while position < size:
        header = _read(file, position, 16)
        if len(header) < 8:
            return True
        length, kind = _uint(header[:4]), header[4:8]
        if length == 1:
            length = _uint(header[8:])
        if length == 0:
            return False  # up to the end of the file
        if length < 8 or not kind.isalnum():
            return False  # something else behind the video
        position += length
    return position > size or kind == b"moof"  # whose pictures follow


def _is_cut_avi(file: BinaryIO, size: int) -> bool:
    position = 0
    while position < size:
        header = _read(file, position, 8)
        length = int.from_bytes(header[4:], "little")
        if header[:4] != b"RIFF" or length == 0:
            return False
        position += 8 + length
    return position > size + 1  # some do not pad an odd length


def _is_cut_asf(file: BinaryIO, size: int) -> bool:
    header = _read(file, 0, MAX_ASF_HEADER)
    found = header.find(ASF_FILE_PROPERTIES)
    stated, flags = header[found + 40 : found + 48], header[found + 88 : found + 92]
    if found < 0 or int.from_bytes(flags, "little") & ASF_BROADCAST:
        return False
    return int.from_bytes(stated, "little") > size


def _is_cut_ebml(file: BinaryIO, size: int) -> bool:
    length, used = _ebml_size(_read(file, 4, 8))
    position = 4 + used + (length or 0)
    segment = _read(file, position, 12)
    if segment[:4] != EBML_SEGMENT:
        return False
    length, used = _ebml_size(segment[4:])
    return length is not None and position + 4 + used + length > size


def _ebml_size(data: bytes) -> tuple[int | None, int]:
    """Return the value of a variable-size integer, None for unknown, and its length in bytes."""
    used = 9 - data[0].bit_length() if data and data[0] else 8
    bits = 7 * used
    value = _uint(data[:used]) & ((1 << bits) - 1)
    return (None if value == (1 << bits) - 1 else value), used


def _is_cut_flv(file: BinaryIO, size: int) -> bool:
    length = _uint(_read(file, size - 4, 4))  # of the tag before
    tag = _read(file, max(0, size - 4 - length), 4)
    return length != _uint(tag[1:]) + 11 or _uint(tag[:1]) & 0x1F not in FLV_TAGS


def _is_cut_ogg(file: BinaryIO, size: int) -> bool:
    tail = _read(file, max(0, size - TAIL), TAIL)
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return True
    end = 27 + page[26] + sum(page[27 : 27 + page[26]])
    return end > len(page) or not page[5] & OGG_LAST_PAGE


def _is_cut_program_stream(file: BinaryIO, size: int) -> bool:
    tail = _read(file, max(0, size - TAIL), TAIL)
    position = tail.find(b"\0\0\1\xba")
    while 0 <= position < len(tail):
        code = tail[position + 3 : position + 4]
        if not code or tail[position : position + 3] != b"\0\0\1":
            return not code  # padding, or something else behind the video
        if code == b"\xb9":
            return False
        if code == b"\xba":
            following = tail.find(b"\0\0\1", position + 4)
            position = len(tail) if following < 0 else following
        else:
            position += 6 + _uint(tail[position + 4 : position + 6])
    return position > len(tail)


def _is_cut_transport_stream(packet: int) -> Callable[[BinaryIO, int], bool]:
    return lambda file, size: size % packet != 0


def _is_cut_dv(file: BinaryIO, size: int) -> bool:
    return size % DV_SEQUENCE[_read(file, 3, 1)[0] & 0x80 != 0] != 0


def _is_cut_ivf(file: BinaryIO, size: int) -> bool:
    position = int.from_bytes(_read(file, 6, 2), "little")
    while position < size:
        position += 12 + int.from_bytes(_read(file, position, 4), "little")
    return position > size


def _is_cut_nut(file: BinaryIO, size: int) -> bool:
    length = _uint(_read(file, max(0, size - 12), 8))  # of the index, with which the file ends
    return length > size or _read(file, size - length, 8) != NUT_INDEX


_CHECKS: tuple[tuple[bytes, Callable[[BinaryIO, int], bool]], ...] = (
    (rb"....(?:ftyp|moov|mdat|wide|free|skip)", _is_cut_iso),
    (rb"RIFF....AVI ", _is_cut_avi),
    (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", _is_cut_asf),
    (rb"\x1aE\xdf\xa3", _is_cut_ebml),
    (rb"FLV\x01", _is_cut_flv),
    (rb"OggS", _is_cut_ogg),
    (rb"\x00\x00\x01\xba", _is_cut_program_stream),
    (rb"G.{187}G", _is_cut_transport_stream(188)),
    (rb".{4}G.{191}G", _is_cut_transport_stream(192)),
    (rb"\x1f\x07\x00[\x3f\xbf]", _is_cut_dv),
    (rb"nut/multimedia container", _is_cut_nut),
    (rb"DKIF\x00\x00", _is_cut_ivf),
)
