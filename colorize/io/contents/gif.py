"""The extensions of GIF files: comments, XMP, and others. Source: GIF89a (CompuServe)."""

from __future__ import annotations

from typing import BinaryIO

from colorize.errors import ColorizeError
from colorize.io.contents.types import Contents

XMP_APPLICATION = b"XMP DataXMP"
XMP_TRAILER = b"\1" + bytes(range(255, -1, -1)) + b"\0"  # ends it for readers that count blocks
END = b"\x3b"
MAX_EXTENSIONS = 20_000  # besides those of frames; decoders join comments one by one
_OF_TIMING = (b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ImageMagick")
_GRAPHIC_CONTROL, _PLAIN_TEXT, _COMMENT, _APPLICATION = 0xF9, 0x01, 0xFE, 0xFF


def read_contents(file: BinaryIO, contents: Contents) -> None:
    """Add what a GIF file holds."""
    file.seek(0)
    header = file.read(13)
    file.seek(13 + palette_size(header[10]))
    contents.frames = extensions = 0
    while introducer := file.read(1):
        if introducer == b"\x2c":
            contents.frames += 1
            descriptor = file.read(9)
            file.seek((palette_size(descriptor[8]) if len(descriptor) == 9 else 0) + 1, 1)
            read_blocks(file)
        elif introducer == b"\x21":
            extensions += _read_extension(file, contents)
            if extensions > MAX_EXTENSIONS:
                raise ColorizeError(f"has more than {MAX_EXTENSIONS} comments: save it again")
        elif introducer == END:
            contents.describe_trailer(file, file.tell())
            return
    contents.has_end = False


def add_xmp(content: bytes, xmp: bytes) -> bytes:
    """Return a GIF file with an XMP packet."""
    start = 13 + palette_size(content[10])
    block = b"\x21\xff\x0b" + XMP_APPLICATION + xmp + XMP_TRAILER
    return b"GIF89a" + content[6:start] + block + content[start:]


def palette_size(flags: int) -> int:
    """Return the bytes of a palette, by the flags of the screen or of a frame."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _read_extension(file: BinaryIO, contents: Contents) -> bool:
    """Add what an extension holds; return whether it is one that frames do not need."""
    label = int.from_bytes(file.read(1), "big")
    if label == _COMMENT:
        contents.add_comment(b"".join(read_blocks(file)))
    elif label == _APPLICATION:
        name = file.read(file.read(1)[0])
        start = file.tell()
        content = b"".join(read_blocks(file))
        if name == XMP_APPLICATION:
            size = file.tell() - start
            file.seek(start)
            packet = file.read(size)
            contents.xmp = packet[: packet.rfind(XMP_TRAILER[:3])]
        elif name == b"MGK8BIM0000":  # ImageMagick's
            contents.photoshop += content
        elif name == b"MGKIPTC0000":
            contents.iptc = contents.iptc or content
        elif name not in _OF_TIMING:
            known = name.decode("ascii", "replace")
            contents.leave_out(f"its extension {known if known.isprintable() else ascii(known)}")
    else:
        read_blocks(file)
        if label != _GRAPHIC_CONTROL:
            contents.leave_out("its plain text" if label == _PLAIN_TEXT else "an unknown extension")
    return label != _GRAPHIC_CONTROL


def read_blocks(file: BinaryIO) -> list[bytes]:
    """Return the blocks, of up to 255 bytes, at the file's position."""
    blocks = []
    while size := file.read(1).rstrip(b"\0"):
        blocks.append(file.read(size[0]))
    return blocks
