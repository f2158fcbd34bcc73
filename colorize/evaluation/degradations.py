"""What happens to old photographs: grain, blur, fading, JPEG, borders, orthochromatic film.

All are defined for pictures of SIDE pixels, so that their strength does not depend on the size of
the scan.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from colorize.color import lab
from colorize.color.bit_depth import to_uint8
from colorize.color.types import Array, Floats, Pixels
from colorize.io.photo import Photo

SIDE = 512  # pixels of the longer side
GRAIN = 12  # standard deviation in levels of 255
BLUR = 2  # pixels, standard deviation of the Gaussian
CONTRAST = 0.4  # share of the range of levels that is left
DARKEST = 70  # level of black
JPEG_QUALITY = 40
BORDER = 0.05  # of each side
PAPER = 235  # level of the border
ORTHO_WEIGHTS = (0.0, 0.5, 0.5)  # sensitivity of orthochromatic film to red, green and blue

Gray = npt.NDArray[np.uint8]  # (h, w)


@dataclass(frozen=True)
class Degradation:
    """A degradation of a gray scan.

    Attributes:
        name: With its strength.
        apply: Returns the degraded picture.
        border: Width of the border that it adds, as a share of each side.
    """

    name: str
    apply: Callable[[Gray], Gray]
    border: float = 0

    def inside(self, picture: Array, size: tuple[int, int]) -> Array:
        """Return the part of a degraded picture that was the picture of `size` (h, w)."""
        rows, columns = _border_widths(size, self.border)
        return picture[rows : rows + size[0], columns : columns + size[1]]


def gray_picture(photo: Photo, side: int = SIDE) -> Gray:
    """Return the photograph in gray of the same L, at most `side` pixels on the longer side."""
    image = Image.fromarray(to_uint8(photo.pixels))
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    pixels = np.asarray(image)
    if pixels.ndim == 2:
        return pixels
    return gray_of(lab.lightness(pixels))


def gray_of(lightness: Floats) -> Gray:
    """Return the gray levels of L (h, w) in [0, 100]."""
    pixels = lab.lab_to_srgb_pixels(lightness, np.zeros((2, *lightness.shape), np.float32))
    return np.ascontiguousarray(pixels[..., 1])


def resized(picture: Array, size: tuple[int, int]) -> Array:
    """Return uint8 pixels at another size (h, w)."""
    image = Image.fromarray(picture).resize(size[::-1], Image.Resampling.LANCZOS)
    return np.asarray(image)


def grain(picture: Gray) -> Gray:
    """Return the picture with Gaussian noise, the same in every call."""
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
    """Return the picture after JPEG compression of low quality."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=JPEG_QUALITY)
    return np.asarray(Image.open(file))


def orthochromatic(picture: Pixels) -> Gray:
    """Return a color photograph as orthochromatic film (insensitive to red) records it.

    Most photographs until the 1920s are on such film: lips, bricks and warm skin are darker,
    skies lighter. That green and blue weigh the same here is our choice.
    """
    light = lab.srgb_to_linear(picture.astype(np.float32) / 255)
    light = light @ np.array(ORTHO_WEIGHTS, np.float32)
    levels: Gray = np.rint(255 * lab.linear_to_srgb(light)).clip(0, 255).astype(np.uint8)
    return levels


def vintage(picture: Pixels) -> Gray:
    """Return a color photograph on orthochromatic film, faded, out of focus and grainy."""
    return grain(blur(fade(orthochromatic(picture))))


def frame(picture: Gray) -> Gray:
    """Return the picture with a paper border."""
    rows, columns = _border_widths((picture.shape[0], picture.shape[1]), BORDER)
    return np.pad(picture, ((rows, rows), (columns, columns)), constant_values=PAPER)


def _border_widths(size: tuple[int, int], share: float) -> tuple[int, int]:
    return round(share * size[0]), round(share * size[1])


SCAN_DEGRADATIONS = (
    Degradation(f"grain σ {GRAIN}", grain),
    Degradation(f"blur σ {BLUR}", blur),
    Degradation(f"contrast {CONTRAST:.0%}", fade),
    Degradation(f"JPEG {JPEG_QUALITY}", compress),
    Degradation(f"borders {BORDER:.0%}", frame, BORDER),
)


def _of_gray(apply: Callable[[Gray], Gray]) -> Callable[[Pixels], Gray]:
    """Return a degradation of gray pictures as one of color photographs."""
    return lambda pixels: apply(gray_of(lab.lightness(pixels)))


DEGRADATIONS: dict[str, Callable[[Pixels], Gray]] = {
    "grain": _of_gray(grain),
    "blur": _of_gray(blur),
    "fading": _of_gray(fade),
    "jpeg": _of_gray(compress),
    "orthochromatic": orthochromatic,
    "vintage": vintage,
}
FORMER_NAMES = {"film": "orthochromatic", "old": "vintage"}
