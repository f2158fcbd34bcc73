"""The file that a decoder of Pillow is given: without what it cannot bear, completed at its end."""

from __future__ import annotations

import os
from typing import BinaryIO, cast

from PIL import Image

from colorize.errors import ColorizeError
from colorize.io import boxes
from colorize.io.contents import Contents, read_contents
from colorize.io.readers import gif, jpeg2000, png, zero_tail
from colorize.io.readers.limits import DAMAGED, MAX_MISSING_BYTES, NO_COLORS, TAKE_DAMAGED
from colorize.io.segments import Part, SegmentFile


class DecoderInput:
    """The file being read, as its decoder is to see it.

    Attributes:
        file: as it is.
        allow_damaged: see `read`.
        image_file: without damaged chunks.
        pixel_file: of a PNG, with nothing but its pixels.
        notes: what is left out.
    """

    def __init__(self, file: BinaryIO, allow_damaged: bool) -> None:
        """Begin with the file as it is."""
        self.file = file
        self.allow_damaged = allow_damaged
        self.image_file: BinaryIO | SegmentFile = file
        self.pixel_file: BinaryIO | SegmentFile = file
        self.notes: list[str] = []
        self.codestream = jpeg2000.Codestream()
        self._contents: Contents | None = None

    def repair_png(self, max_pixels: int) -> None:
        """Leave out damaged chunks of a PNG file."""
        self.image_file, self.pixel_file, self.notes = png.repair(
            self.file, max_pixels, self.allow_damaged
        )

    def check_end(self) -> None:
        """Raise ColorizeError where zeros stand for the end of the pixels, unless this is allowed.

        Of WebP, the zeros are left out then.
        """
        zeros = zero_tail.count_zeros(self.file)
        if not zeros:
            return
        if not self.allow_damaged:
            raise ColorizeError("incomplete, there are only zeros at its end", TAKE_DAMAGED)
        self.notes = [DAMAGED]
        self.file.seek(0)
        if self.file.read(4) == b"RIFF":
            left = Part(0, self.file.seek(0, os.SEEK_END) - zeros)
            self.file = cast(BinaryIO, SegmentFile(self.file, [left]))
            self.image_file = self.file

    def complete_avif(self) -> None:
        """Put zeros in the place of what is missing at the end of an AVIF file."""
        size, needed = self.file.seek(0, os.SEEK_END), boxes.needed_size(self.file)
        if size < needed <= size + MAX_MISSING_BYTES:
            self.image_file = SegmentFile(self.file, [Part(0, needed)])
            self.notes = [DAMAGED]

    def complete_jpeg2000(self) -> None:
        """Add the end marker that the decoder wants, and what is missing before it.

        Raises ColorizeError where the pixels are incomplete, unless this is allowed.
        """
        self.codestream = jpeg2000.read_codestream(self.file)
        if not self.codestream.is_whole:  # the decoder would return the part that it has
            if not self.allow_damaged:
                raise ColorizeError("incomplete, some of its pixels are missing", TAKE_DAMAGED)
            self.image_file, self.notes = jpeg2000.complete(self.file, self.codestream), [DAMAGED]
        elif not self.codestream.has_end:
            whole = Part(0, self.file.seek(0, os.SEEK_END))
            self.image_file = SegmentFile(self.file, [whole, jpeg2000.END])
            self.notes = ["its end marker is missing"]

    def read_contents(self, image: Image.Image) -> Contents:
        """Return what the file holds, which is looked for once, whatever the number of frames."""
        if self._contents is None:
            self._contents = read_contents(image, self.file)
        return self._contents

    def check_gif(self, image: Image.Image, max_pixels: int) -> None:
        """Raise ColorizeError for a GIF that lacks colors or frames, unless this is allowed."""
        if gif.lacks_colors(self.file, max_pixels):
            if not self.allow_damaged:
                raise ColorizeError(NO_COLORS, TAKE_DAMAGED)
            self.notes = [DAMAGED]
        contents = self.read_contents(image)
        if contents.has_end:
            return
        if contents.frames < 2 and "loop" not in image.info:  # not an animation
            self.notes += ["its end marker is missing"]
        elif self.allow_damaged:
            self.notes = [DAMAGED]
        else:
            raise ColorizeError("incomplete, its end is missing", TAKE_DAMAGED)
