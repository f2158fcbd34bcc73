"""The colors alone, as a layer for an image editor."""

from __future__ import annotations

import dataclasses

import numpy as np

from colorize.color.bit_depth import to_uint8
from colorize.io.photo import Photo

GRAY_LEVELS = 2  # between the channels of a pixel of 8 bits that counts as gray


def color_layer(colored: Photo) -> Photo:
    """Return a result as a layer: 8 bits, transparent where it is gray.

    Above the photograph in an editor's blend mode "Color", which takes hue and saturation from
    the layer and lightness from below, it shows the result.
    """
    pixels = to_uint8(colored.pixels)
    is_color = pixels.max(axis=2).astype(int) - pixels.min(axis=2) > GRAY_LEVELS
    alpha = np.where(is_color, np.uint8(255), np.uint8(0))
    return dataclasses.replace(colored, pixels=pixels, alpha=alpha)
