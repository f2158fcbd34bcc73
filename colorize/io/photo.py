"""`Photo`: the pixels of one photograph, its alpha, and the metadata of its file."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from PIL import Image

from colorize.color.bit_depth import to_uint8
from colorize.errors import ColorizeError, error_context
from colorize.io import tiff_ifd as tiff
from colorize.io.contents import contents_of_image
from colorize.io.conversion import arrays_to_image, image_to_arrays
from colorize.io.exif import read_orientation
from colorize.io.metadata import Metadata, read_metadata
from colorize.io.pillow_warnings import pillow_warnings_ignored

MAX_FILTERED_SIDE = 1 << 18  # pixels; a longer one is first reduced to a few times the wanted size
NOTEBOOK_SIDE = 1024  # pixels
REDUCING_GAP = 3.0  # times, for which Pillow promises nearly the same result


class ResizeSpec(NamedTuple):
    """Height and width of a smaller copy, in pixels, and the filter that makes it."""

    height: int
    width: int
    resample: Image.Resampling


@dataclass(frozen=True, eq=False)
class Photo:
    """One photograph, upright and sRGB-encoded.

    Attributes:
        pixels: (H, W) gray or (H, W, 3) RGB, uint8 in [0, 255] or uint16 in [0, 65535].
        alpha: (H, W), uint8 or uint16, exactly as in the file; None for an opaque photograph.
        metadata: what `write` puts into the file besides the pixels.

    Raises:
        ColorizeError: for arrays that no file could hold.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    metadata: Metadata = field(default_factory=Metadata)
    _thumbnails: dict[ResizeSpec, np.ndarray] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        pixels, alpha, depths = self.pixels, self.alpha, (np.uint8, np.uint16)
        right_shape = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
        if not right_shape or pixels.dtype not in depths or pixels.size == 0:
            raise ColorizeError(
                f"pixels are {pixels.dtype} of shape {pixels.shape}: "
                "give (H, W) or (H, W, 3), uint8 or uint16, not empty"
            )
        if alpha is not None and (alpha.shape != self.size or alpha.dtype not in depths):
            raise ColorizeError(
                f"alpha is {alpha.dtype} of shape {alpha.shape}: give {self.size}, uint8 or uint16"
            )

    @classmethod
    def from_array(cls, array: np.ndarray) -> Photo:
        """Return a photo of an array (H, W) or (H, W, 1 to 4), uint8 or uint16.

        Two and four channels are gray and RGB with alpha last. Raises ColorizeError otherwise.
        """
        if array.ndim == 3 and array.shape[2] in (2, 4):
            return cls(cls.from_array(array[..., :-1]).pixels, array[..., -1])
        if array.ndim == 3 and array.shape[2] == 1:
            array = array[..., 0]
        return cls(array)

    @classmethod
    def from_pil(cls, image: Image.Image) -> Photo:
        """Return a photo of a Pillow image of any mode: turned upright, its profile applied."""
        with error_context("image", "cannot be decoded"), pillow_warnings_ignored():
            image.load()
            contents = contents_of_image(image)
            if contents.exif:
                orientation = read_orientation(contents.exif, contents.xmp)
            else:  # of a TIFF, whose tags are not an EXIF block
                orientation = int(image.getexif().get(tiff.ORIENTATION, 1))
            pixels, alpha, notes = image_to_arrays(image, orientation)
            return cls(pixels, alpha, read_metadata(image, contents, orientation, notes))

    def to_pil(self) -> Image.Image:
        """Return a Pillow image: L, LA, RGB or RGBA, or I;16; 16-bit color is rounded to 8."""
        return arrays_to_image(self.pixels, self.alpha)

    def _repr_png_(self) -> bytes:
        """Return the PNG that notebooks show, of at most NOTEBOOK_SIDE pixels a side."""
        image = arrays_to_image(to_uint8(self.pixels), self.alpha)
        image.thumbnail((NOTEBOOK_SIDE, NOTEBOOK_SIDE))
        file = io.BytesIO()
        image.save(file, "PNG")
        return file.getvalue()

    @property
    def height(self) -> int:
        """Rows of the upright photograph."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns of the upright photograph."""
        return int(self.pixels.shape[1])

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, (H, W)."""
        return self.height, self.width

    def crop(self, rows: slice, columns: slice) -> Photo:
        """Return some rows and columns, without metadata; the photo itself for all of them."""
        if (rows, columns) == (slice(0, self.height), slice(0, self.width)):
            return self
        return Photo(self.pixels[rows, columns])

    def thumbnail(self, spec: ResizeSpec) -> np.ndarray:
        """Return a smaller copy of the pixels, (h, w) or (h, w, 3) uint8; made once and kept."""
        if spec not in self._thumbnails:
            image = Image.fromarray(np.ascontiguousarray(to_uint8(self.pixels)))
            # Pillow keeps 32 bytes of weights for each column, which for one row is most of all
            gap = REDUCING_GAP if max(image.size) > MAX_FILTERED_SIDE else None
            copy = image.resize((spec.width, spec.height), spec.resample, reducing_gap=gap)
            self._thumbnails[spec] = np.asarray(copy)
        return self._thumbnails[spec]
