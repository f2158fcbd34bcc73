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
from colorize.io.photo import Photo
from colorize.io.writers import eight_bits

SIDE = 512  # pixels of the longer side
GRAIN = 12  # standard deviation in levels of 255
BLUR = 2  # pixels, standard deviation of the Gaussian
CONTRAST = 0.4  # of the levels' range is left
DARKEST = 70  # level that black becomes
JPEG_QUALITY = 40
BORDER = 0.05  # of each side
PAPER = 235  # level of the border
RED_BLIND = (0.0, 0.5, 0.5)  # shares of red, green and blue light in what a film sees

Grey = npt.NDArray[np.uint8]  # (h, w)
Pixels = npt.NDArray[np.uint8]  # (h, w, 3)


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
    return grey_of(lab.lightness(pixels))


def grey_of(lightness: npt.NDArray[np.float32]) -> Grey:
    """Return the grey levels of L (h, w) in [0, 100]."""
    pixels = lab.join(lightness, np.zeros((2, *lightness.shape), np.float32))
    return np.ascontiguousarray(pixels[..., 1])


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


def film(picture: Pixels) -> Grey:
    """Return what a film that is blind to red makes of a colour photograph.

    Orthochromatic films, those of most photographs until the 1920s, are: lips, bricks and warm
    skin are darker on them, skies lighter. Green and blue count alike here, which is our choice.
    """
    light = lab.linearize(picture.astype(np.float32) / 255) @ np.array(RED_BLIND, np.float32)
    levels: Grey = np.rint(255 * lab.delinearize(light)).clip(0, 255).astype(np.uint8)
    return levels


def old(picture: Pixels) -> Grey:
    """Return a colour photograph as `film` sees it, then faded, out of focus and grainy."""
    return grain(blur(fade(film(picture))))


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


def _of_grey(apply: Callable[[Grey], Grey]) -> Callable[[Pixels], Grey]:
    """Return what is done to a grey picture, for one in colour."""
    return lambda pixels: apply(grey_of(lab.lightness(pixels)))


DAMAGES: dict[str, Callable[[Pixels], Grey]] = {
    "grain": _of_grey(grain),
    "blur": _of_grey(blur),
    "fading": _of_grey(fade),
    "jpeg": _of_grey(compress),
    "film": film,
    "old": old,
}
