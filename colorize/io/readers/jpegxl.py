"""Reading JPEG XL, through libjxl (pillow-jxl-plugin)."""

from __future__ import annotations

import dataclasses
from typing import BinaryIO

from PIL import Image

from colorize.errors import ColorizeError
from colorize.installation import install_command
from colorize.io.contents import read_contents
from colorize.io.contents.jpegxl import CODESTREAM, CONTAINER, read_size
from colorize.io.conversion import image_to_arrays
from colorize.io.metadata import read_metadata
from colorize.io.photo import Photo
from colorize.io.readers.limits import check_size


def accepts(prefix: bytes) -> bool:
    """Return whether a file that begins with these bytes is JPEG XL."""
    return prefix.startswith((CODESTREAM, CONTAINER))


def read(file: BinaryIO, max_pixels: int) -> Photo:
    """Return the picture, of an animation the first frame; the decoder turns it upright.

    Raises ColorizeError where the decoder is not installed or the picture is too large.
    """
    check_size(*read_size(file), max_pixels)  # the decoder decodes all when it opens a file
    try:
        from pillow_jxl.JpegXLImagePlugin import JXLImageFile
    except (ImportError, OSError) as error:
        raise ColorizeError(
            f"is a JPEG XL file, which needs an extra: {install_command('jxl')}; "
            "or convert it to PNG"
        ) from error
    file.seek(0)
    image: Image.Image = JXLImageFile(file, "")
    image.load()
    contents = read_contents(image, file)
    pixels, alpha, notes = image_to_arrays(image)
    # not a format that can be written: an output without a suffix is a PNG
    metadata = dataclasses.replace(read_metadata(image, contents, 1, notes), format=None)
    return Photo(pixels, alpha, metadata)
