"""What a result says of itself: a visible sign, and the record in its metadata."""

from __future__ import annotations

import dataclasses

import numpy as np
from PIL import Image

from colorize.io.photo import Photo

SIGN = "colorized"
TEXT_SHARE = 45  # of the shorter side by the height of the text
MIN_TEXT = 8  # pixels
OPACITY = 0.6  # of the box behind the text


def draw_sign(photo: Photo) -> Photo:
    """Return a result with the word "colorized", white on a dark box, at the lower right."""
    # Here, not above: few photographs get a sign, and the start of all would wait for it.
    from PIL import ImageDraw, ImageFont

    height, width = photo.size
    size = max(MIN_TEXT, min(photo.size) // TEXT_SHARE)
    font = ImageFont.load_default(size)
    left, top, right, bottom = (round(side) for side in font.getbbox(SIGN))
    margin = size // 2
    box = Image.new("L", (right - left + 2 * margin, bottom - top + 2 * margin))
    ImageDraw.Draw(box).text((margin - left, margin - top), SIGN, 255, font)
    text = np.asarray(box, np.float32)[-height:, -width:] / 255
    rows, columns = height - text.shape[0], width - text.shape[1]
    pixels = photo.pixels.copy()
    corner = pixels[rows:, columns:]
    text = text.reshape(*text.shape, *(1,) * (pixels.ndim - 2))
    top_level = np.iinfo(pixels.dtype).max
    corner[...] = np.rint(corner * (1 - OPACITY) * (1 - text) + top_level * text)
    alpha = photo.alpha
    if alpha is not None:
        alpha = alpha.copy()
        alpha[rows:, columns:] = np.iinfo(alpha.dtype).max
    return dataclasses.replace(photo, pixels=pixels, alpha=alpha)


def apply_mark(photo: Photo, mark: bool, no_mark: bool, settings: str | None = None) -> Photo:
    """Return a result marked as the options of an output ask.

    Args:
        photo: the result.
        mark: draw the sign.
        no_mark: leave out the record of how the colors were computed.
        settings: those of the whole command for the record, as canonical JSON; None keeps them.
    """
    if mark:
        photo = draw_sign(photo)
    provenance = None if no_mark else photo.metadata.provenance
    if provenance is not None and settings is not None:
        provenance = dataclasses.replace(provenance, settings=settings)
    return dataclasses.replace(
        photo, metadata=dataclasses.replace(photo.metadata, provenance=provenance)
    )
