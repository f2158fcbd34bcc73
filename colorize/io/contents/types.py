"""The list of what a file holds."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, BinaryIO

MAX_PADDING = 1 << 16  # bytes behind a picture that mean nothing


@dataclass
class Contents:
    r"""What a file holds besides its pixels, as it is stored.

    Attributes:
        exif: the EXIF block, with or without "Exif\0\0".
        xmp: the XMP packet, with its extension.
        photoshop: Photoshop's resources, IPTC among them.
        iptc: the IPTC-IIM records, where they are not among those.
        dpi: dots per inch, which may be nonsense; None where the file does not say.
        texts: keyword and text; bytes that are not UTF-8 are escaped surrogates.
        native: name and bytes of what only a file of the same format can hold.
        notes: what cannot be kept at all, one line each.
        frames: of a GIF animation.
        has_end: whether the end marker is there, where its lack may mean that frames are missing.
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    photoshop: bytes = b""
    iptc: bytes | None = None
    dpi: Any = None
    texts: list[tuple[str, str]] = field(default_factory=list)
    native: list[tuple[str, bytes]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    frames: int = 1
    has_end: bool = True

    def add_comment(self, comment: bytes) -> None:
        """Add a comment, whose bytes are kept whatever their encoding."""
        if text := comment.decode("utf-8", "surrogateescape").rstrip("\0"):
            self.texts.append(("Comment", text))

    def leave_out(self, what: str) -> None:
        """Note that something is not kept."""
        self.notes.append(f"{what}: left out")

    def describe_trailer(self, file: BinaryIO, end: int) -> None:
        """Note what lies behind the end of a picture, unless it is padding."""
        size = file.seek(0, os.SEEK_END) - end
        file.seek(end)
        if size > MAX_PADDING or file.read(MAX_PADDING).strip(b"\0\r\n "):
            self.leave_out(f"{size} bytes behind its pixels")


def describe_pixel_shape(x: float, y: float) -> list[str]:
    """Return a note about pixels that are not square, of which a length holds x across, y down."""
    is_square = x <= 0 or y <= 0 or x == y
    return [] if is_square else [f"the shape of its pixels, {y:g} to {x:g}: left out"]
