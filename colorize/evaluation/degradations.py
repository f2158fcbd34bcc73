"""What happens to old photographs, done to a grey picture: grain, blur, fading, JPEG, borders.

All are meant for pictures of SIDE pixels, so that they weigh the same whatever the scan's size.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from colorize.color import lab
from colorize.images.encode import eight_bits
from colorize.images.image import Photo

SIDE = 512  # pixels of the longer side
GRAIN = 12  # standard deviation in levels of 255
BLUR = 2  # pixels, standard deviation of the Gaussian
CONTRAST = 0.4  # of the levels' range is left
DARKEST = 70  # level that black becomes
JPEG_QUALITY = 40
BORDER = 0.05  # of each side
PAPER = 235  # level of the border

Grey = npt.NDArray[np.uint8]  # (h, w)


@dataclass(frozen=True)
class Degradation:
    """A name, what is done to a grey picture, and how wide a border that adds."""

    name: str
    apply: Callable[[Grey], Grey]
    border: float = 0

    def inside(self, picture: npt.NDArray[Any], size: tuple[int, int]) -> npt.NDArray[Any]:
        """Return the part of a degraded picture that was the picture of `size` (h, w)."""
        rows, columns = _border_widths(size, self.border)
        return picture[rows : rows + size[0], columns : columns + size[1]]


def grey_picture(photo: Photo, side: int = SIDE) -> Grey:
    """Return the photograph in grey of the same L, its longer side `side` pixels at most."""
    image = Image.fromarray(eight_bits(photo.pixels))
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    pixels = np.asarray(image)
    if pixels.ndim == 2:
        return pixels
    lightness = lab.lightness(pixels)
    grey: Grey = lab.join(lightness, np.zeros((2, *lightness.shape), np.float32))[..., 1].copy()
    return grey


def resized(picture: npt.NDArray[Any], size: tuple[int, int]) -> npt.NDArray[Any]:
    """Return uint8 pixels at another size (h, w)."""
    image = Image.fromarray(picture).resize(size[::-1], Image.Resampling.LANCZOS)
    return np.asarray(image)


def grain(picture: Grey) -> Grey:
    """Return the picture with Gaussian noise, the same at every call."""
    noise = np.random.default_rng(0).normal(0, GRAIN, picture.shape)
    return np.rint(picture + noise).clip(0, 255).astype(np.uint8)


def blur(picture: Grey) -> Grey:
    """Return the picture out of focus."""
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(BLUR)))


def fade(picture: Grey) -> Grey:
    """Return the picture with little contrast."""
    faded: Grey = np.rint(DARKEST + CONTRAST * picture).astype(np.uint8)
    return faded


def compress(picture: Grey) -> Grey:
    """Return what a JPEG file of low quality keeps."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=JPEG_QUALITY)
    return np.asarray(Image.open(file))


def frame(picture: Grey) -> Grey:
    """Return the picture with paper around it."""
    rows, columns = _border_widths((picture.shape[0], picture.shape[1]), BORDER)
    return np.pad(picture, ((rows, rows), (columns, columns)), constant_values=PAPER)


def _border_widths(size: tuple[int, int], share: float) -> tuple[int, int]:
    return round(share * size[0]), round(share * size[1])


DEGRADATIONS = (
    Degradation(f"grain σ {GRAIN}", grain),
    Degradation(f"blur σ {BLUR}", blur),
    Degradation(f"contrast {CONTRAST:.0%}", fade),
    Degradation(f"JPEG {JPEG_QUALITY}", compress),
    Degradation(f"borders {BORDER:.0%}", frame, BORDER),
)
