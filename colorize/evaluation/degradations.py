"""What happens to old photographs: grain, blur, fading, JPEG, borders; and films blind to red.

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
from colorize.color.bit_depth import to_uint8
from colorize.io.photo import Photo

SIDE = 512  # pixels of the longer side
GRAIN = 12  # standard deviation in levels of 255
BLUR = 2  # pixels, standard deviation of the Gaussian
CONTRAST = 0.4  # of the levels' range is left
DARKEST = 70  # level that black becomes
JPEG_QUALITY = 40
BORDER = 0.05  # of each side
PAPER = 235  # level of the border
RED_BLIND = (0.0, 0.5, 0.5)  # shares of red, green and blue light in what a film sees

Gray = npt.NDArray[np.uint8]  # (h, w)
Pixels = npt.NDArray[np.uint8]  # (h, w, 3)


@dataclass(frozen=True)
class Degradation:
    """A name, what is done to a gray picture, and how wide a border that adds."""

    name: str
    apply: Callable[[Gray], Gray]
    border: float = 0

    def inside(self, picture: npt.NDArray[Any], size: tuple[int, int]) -> npt.NDArray[Any]:
        """Return the part of a degraded picture that was the picture of `size` (h, w)."""
        rows, columns = _border_widths(size, self.border)
        return picture[rows : rows + size[0], columns : columns + size[1]]


def gray_picture(photo: Photo, side: int = SIDE) -> Gray:
    """Return the photograph in gray of the same L, its longer side `side` pixels at most."""
    image = Image.fromarray(to_uint8(photo.pixels))
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    pixels = np.asarray(image)
    if pixels.ndim == 2:
        return pixels
    return gray_of(lab.lightness(pixels))


def gray_of(lightness: npt.NDArray[np.float32]) -> Gray:
    """Return the gray levels of L (h, w) in [0, 100]."""
    pixels = lab.lab_to_srgb_pixels(lightness, np.zeros((2, *lightness.shape), np.float32))
    return np.ascontiguousarray(pixels[..., 1])


def resized(picture: npt.NDArray[Any], size: tuple[int, int]) -> npt.NDArray[Any]:
    """Return uint8 pixels at another size (h, w)."""
    image = Image.fromarray(picture).resize(size[::-1], Image.Resampling.LANCZOS)
    return np.asarray(image)


def grain(picture: Gray) -> Gray:
    """Return the picture with Gaussian noise, the same at every call."""
    noise = np.random.default_rng(0).normal(0, GRAIN, picture.shape)
    return np.rint(picture + noise).clip(0, 255).astype(np.uint8)


def blur(picture: Gray) -> Gray:
    """Return the picture out of focus."""
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(BLUR)))


def fade(picture: Gray) -> Gray:
    """Return the picture with little contrast."""
    faded: Gray = np.rint(DARKEST + CONTRAST * picture).astype(np.uint8)
    return faded


def compress(picture: Gray) -> Gray:
    """Return what a JPEG file of low quality keeps."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=JPEG_QUALITY)
    return np.asarray(Image.open(file))


def film(picture: Pixels) -> Gray:
    """Return what a film that is blind to red makes of a color photograph.

    Orthochromatic films, those of most photographs until the 1920s, are: lips, bricks and warm
    skin are darker on them, skies lighter. Green and blue count alike here, which is our choice.
    """
    light = lab.srgb_to_linear(picture.astype(np.float32) / 255) @ np.array(RED_BLIND, np.float32)
    levels: Gray = np.rint(255 * lab.linear_to_srgb(light)).clip(0, 255).astype(np.uint8)
    return levels


def old(picture: Pixels) -> Gray:
    """Return a color photograph as `film` sees it, then faded, out of focus and grainy."""
    return grain(blur(fade(film(picture))))


def frame(picture: Gray) -> Gray:
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


def _of_gray(apply: Callable[[Gray], Gray]) -> Callable[[Pixels], Gray]:
    """Return what is done to a gray picture, for one in color."""
    return lambda pixels: apply(gray_of(lab.lightness(pixels)))


DAMAGES: dict[str, Callable[[Pixels], Gray]] = {
    "grain": _of_gray(grain),
    "blur": _of_gray(blur),
    "fading": _of_gray(fade),
    "jpeg": _of_gray(compress),
    "film": film,
    "old": old,
}
