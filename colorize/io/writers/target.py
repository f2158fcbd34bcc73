"""The file being written, and what its format cannot hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from colorize.color.bit_depth import to_uint8
from colorize.errors import ColorizeError, error_context
from colorize.io.atomic import disk_errors_revealed
from colorize.io.formats import FORMATS, Format
from colorize.io.metadata import Metadata
from colorize.io.photo import Photo
from colorize.io.pillow_warnings import pillow_warnings_ignored

_FIELD_NAMES = {
    "exif": "EXIF",
    "xmp": "XMP",
    "iptc": "IPTC",
    "dpi": "the resolution",
    "photoshop": "Photoshop's resources",
}


@dataclass(frozen=True)
class Target:
    """The file being written.

    Attributes:
        file: open, empty and seekable.
        name: for messages and, by its suffix, for the flavor of JPEG 2000 or PNM.
        format_name: one of `FORMATS`.
        quality: 0 to 100, None for the format's default.
        notes: what could not be kept, so far.
    """

    file: BinaryIO
    name: str
    format_name: str
    quality: int | None
    notes: list[str]

    @property
    def format(self) -> Format:
        """What its format can hold."""
        return FORMATS[self.format_name]

    @property
    def is_codestream(self) -> bool:
        """Whether it is JPEG 2000 without boxes."""
        suffixes = (".j2k", ".j2c", ".jpc")
        return self.format_name == "JPEG2000" and self.name.lower().endswith(suffixes)

    @property
    def keeps(self) -> frozenset[str]:
        """The fields of `Metadata` that it can hold."""
        return frozenset() if self.is_codestream else self.format.keeps

    def note(self, loss: str) -> None:
        """Note something that the format cannot hold."""
        self.notes.append(f"{self.format_name} {loss}")

    @contextmanager
    def error_context(self) -> Iterator[None]:
        """Name the file in whatever goes wrong inside."""
        with (
            error_context(self.name, "cannot be written"),
            disk_errors_revealed(self.file),
            pillow_warnings_ignored(),
        ):
            yield

    def check(self, photo: Photo) -> None:
        """Note what the photograph has and the format has not.

        Raises ColorizeError for a photograph with more pixels a side than the format can hold.
        """
        side, max_side = max(photo.size), self.format.max_side
        if side > max_side:
            raise ColorizeError(
                f"{side} pixels a side are more than {self.format_name} holds ({max_side}): "
                "write a .png or .tif"
            )
        if photo.alpha is not None and not self.format.alpha:
            self.note("has no alpha: composited onto white")
        if photo.pixels.dtype == np.uint16 and not self.format.deep:
            self.note("has 8 bits per channel: rounded from 16")
        if self.format_name == "GIF":
            self.note("has 256 colors per frame")
        if photo.metadata.duration is not None and self.format_name == "TIFF":
            self.note("cannot hold the timing of frames: left out")
        for field in sorted(_FIELD_NAMES.keys() - self.format.keeps):
            if getattr(photo.metadata, field):
                self.note(f"cannot hold {_FIELD_NAMES[field]}: left out")
        self._check_texts(photo.metadata)

    def _check_texts(self, metadata: Metadata) -> None:
        """Note the texts, and the parts of the source's format, that the format has not."""
        keywords = {keyword for keyword, _ in metadata.text}
        if self.format.comments:
            keywords.discard("Comment")
        if keywords and "text" not in self.format.keeps:
            names = ", ".join(sorted(keywords))
            self.note(
                f"cannot hold the texts {names}: left out".replace(
                    "the texts Comment:", "comments:"
                )
            )
        if self.format_name != metadata.format:
            for name, _ in metadata.native:
                self.note(f"cannot hold the {name} of {metadata.format}: left out")


def with_alpha(photo: Photo) -> np.ndarray:
    """Return pixels and alpha as one array, (H, W) or (H, W, 2 to 4), of the pixels' type."""
    pixels, alpha = photo.pixels, photo.alpha
    if alpha is None or alpha.dtype == pixels.dtype:
        return pixels if alpha is None else np.dstack([pixels, alpha])
    if pixels.dtype == np.uint8:
        return np.dstack([pixels, to_uint8(alpha)])
    return np.dstack([pixels, alpha * np.uint16(257)])
