"""The chunks of PNG files: texts, the profiles that programs hide in them, and unknown chunks.

Sources: PNG, third edition (W3C); "Raw profile type" is ImageMagick's, ExifTool writes it too.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from colorize.io.contents.jpeg import XMP_PREFIX
from colorize.io.contents.types import Contents
from colorize.io.exif import EXIF_PREFIX
from colorize.io.png import pack_chunk

XMP_KEYWORD = "XML:com.adobe.xmp"
RAW_PROFILE = "Raw profile type "
MAX_TEXT_BYTES = 1 << 20  # of one text, decompressed; Pillow refuses longer ones
MAX_TEXTS_BYTES = 64 << 20  # of all together
MAX_CHUNK_BYTES = 16 << 20
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
# of cICP: primaries of BT.709, and the curve of sRGB, BT.709 or BT.601
_LIKE_SRGB = (b"\1\15", b"\1\1", b"\1\6")
# Chunks of the standard that are read elsewhere, or that are about coding, color or time.
_KNOWN = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB mDCV mDCv cLLI cLLi bKGD hIST pHYs "
    b"sPLT tIME acTL fcTL fdAT iDOT".split()
)


def read_contents(file: BinaryIO, contents: Contents) -> None:
    """Add what a PNG file holds."""
    texts: list[tuple[str, str]] = []
    left = MAX_TEXTS_BYTES
    blocks = 0
    for type, content in _chunks(file):
        if type == b"IEND":
            contents.describe_trailer(file, file.tell() + 4)
        elif type == b"eXIf":
            blocks += 1
            if blocks > 1:
                contents.leave_out("a second EXIF block")
        elif type == b"cICP":
            if content[:2] not in _LIKE_SRGB:
                contents.leave_out("its color space (cICP), not converted")
        elif type in _TEXTS and left > 0:
            found = list(_read_text(type, content))
            texts += found
            left -= sum(len(text) for _, text in found)
            if type == b"iTXt" and content.partition(b"\0")[2][2:3] not in (b"", b"\0"):
                contents.leave_out("the language of its texts")
        elif type in _TEXTS:
            contents.leave_out(f"texts beyond {MAX_TEXTS_BYTES >> 20} MB")
        elif type == b"caBX":
            contents.leave_out("content credentials, which are for its pixels")
        elif type[3:].islower():  # the standard's mark of chunks that do not depend on pixels
            name = f"chunk {type.decode('ascii')}"
            contents.native.append((name, pack_chunk(type, content)))
        else:
            contents.leave_out(f"its chunk {type.decode('ascii', 'replace')}")
    contents.notes = list(dict.fromkeys(contents.notes))
    add_texts(texts, contents)


def add_texts(texts: Iterable[tuple[str, str]], contents: Contents) -> None:
    """Add texts, and the EXIF, XMP and IPTC in those that hold a profile."""
    for keyword, text in texts:
        if keyword == XMP_KEYWORD:
            contents.xmp = contents.xmp or text.encode("utf-8", "surrogateescape")
        elif keyword.startswith(RAW_PROFILE):
            _add_profile(keyword.removeprefix(RAW_PROFILE), text, contents)
        else:
            contents.texts.append((keyword, text))


def _add_profile(name: str, text: str, contents: Contents) -> None:
    profile = _from_hex(text)
    if not profile:
        contents.leave_out(f"a damaged profile {name}")
    elif profile.startswith(EXIF_PREFIX) or name == "exif":
        contents.exif = contents.exif or profile
    elif profile.startswith(XMP_PREFIX) or name == "xmp":
        contents.xmp = contents.xmp or profile.removeprefix(XMP_PREFIX)
    elif profile.startswith(b"8BIM"):
        contents.photoshop += profile
    elif name == "iptc":
        contents.iptc = contents.iptc or profile
    elif name not in ("icc", "icm"):
        contents.texts.append((RAW_PROFILE + name, text))


def _from_hex(text: str) -> bytes | None:
    """Return a profile: a line end, name, length, and hexadecimal digits on lines."""
    try:
        return bytes.fromhex("".join(text.split("\n")[3:])) or None
    except ValueError:
        return None


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and content of texts, of unknown chunks, and of the last one."""
    position = 8
    while True:
        file.seek(position)
        header = file.read(8)
        if len(header) < 8:
            return
        length, type = struct.unpack(">I4s", header)
        if type == b"IEND":
            yield type, b""
            return
        if type not in _KNOWN and type.isalpha() and length <= MAX_CHUNK_BYTES:
            content, checksum = file.read(length), file.read(4)
            if checksum == struct.pack(">I", zlib.crc32(content, zlib.crc32(type))):
                yield type, content
        position += 12 + length


def _read_text(type: bytes, content: bytes) -> Iterator[tuple[str, str]]:
    """Yield keyword and text of a chunk, unless it is damaged."""
    keyword, separator, rest = content.partition(b"\0")
    compressed, encoding = type == b"zTXt", "latin-1"
    if type == b"iTXt":
        encoding, compressed = "utf-8", rest[:1] == b"\1"
        rest = b"\0" + rest[2:].split(b"\0", 2)[-1]  # behind language and translated keyword
    if type != b"tEXt":
        rest = rest[1:]  # compression method
    if not separator:
        return
    if compressed:
        decompressor = zlib.decompressobj()
        try:
            rest = decompressor.decompress(rest, MAX_TEXT_BYTES)
        except zlib.error:
            return
        if not decompressor.eof:  # damaged or too long, which the reader of the pixels notes
            return
    yield keyword.decode("latin-1"), rest.decode(encoding, "surrogateescape")
