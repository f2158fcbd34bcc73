"""Confidence maps as pictures: a heat map with a color bar below."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from colorize.color.types import Array, Pixels

MAX_SIDE = 4000  # pixels
MIN_WIDTH = 240  # pixels, so that the color bar of the smallest photograph is legible
TICKS = (0, 0.25, 0.5, 0.75, 1)
LABELS = ("unsure", "sure")
# From unsure to sure: nine colors of matplotlib's viridis (CC0), which is perceptually uniform.
_VIRIDIS = (
    (68, 1, 84), (71, 44, 122), (59, 81, 139), (44, 113, 142), (33, 144, 141),
    (39, 173, 129), (92, 200, 99), (170, 220, 50), (253, 231, 37),
)  # fmt: skip


def render_heatmap(values: Array, size: tuple[int, int]) -> Pixels:
    """Return `values` as a heat map with a color bar below, sRGB (H', W', 3).

    values: (h, w) in [0, 1]; size: (H, W) of the map, reduced in proportion to MAX_SIDE at most.
    """
    scale = min(1, MAX_SIDE / max(size))
    height, width = (max(1, round(side * scale)) for side in size)
    resized = Image.fromarray(values.astype(np.float32)).resize(
        (width, height), Image.Resampling.BILINEAR
    )
    text = max(12, min(width, height) // 32)  # pixels
    canvas = Image.new("RGB", (max(width, MIN_WIDTH), height + 5 * text), "white")
    canvas.paste(Image.fromarray(_colormap(np.asarray(resized))), (0, 0))
    _draw_color_bar(canvas, height + text, text)
    return np.asarray(canvas)


def _colormap(values: Array) -> Pixels:
    """Return the viridis colors of values in [0, 1], (..., 3)."""
    levels, nodes = np.linspace(0, 1, 256), np.linspace(0, 1, len(_VIRIDIS))
    channels = [np.interp(levels, nodes, channel) for channel in zip(*_VIRIDIS, strict=True)]
    table = np.rint(np.stack(channels, axis=-1)).astype(np.uint8)  # (256, 3)
    colors: Pixels = table[np.rint(255 * values).astype(np.uint8)]
    return colors


def _draw_color_bar(canvas: Image.Image, top: int, text: int) -> None:
    """Draw the color bar at row `top`, with ticks and labels of `text` pixels below it."""
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(text)
    left, right = 2 * text, canvas.width - 2 * text
    bar = np.broadcast_to(np.linspace(0, 1, right - left), (text, right - left))
    canvas.paste(Image.fromarray(_colormap(bar)), (left, top))
    below = top + text
    for tick in TICKS:
        x = left + round(tick * (right - left - 1))
        draw.line((x, below, x, below + text // 3), "black")
        draw.text((x, below + text // 2), f"{tick:g}", "black", font, anchor="ma")
    for x, anchor, label in ((left, "la", LABELS[0]), (right, "ra", LABELS[1])):
        draw.text((x, below + 3 * text // 2 + text // 4), label, "black", font, anchor=anchor)
