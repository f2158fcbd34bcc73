"""How sure a network is of its colors: numbers from entropies, and a heat map of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]

MAP_SIDE = 4000  # pixels, the longer side of a map at most
NARROWEST = 240  # pixels, so that the scale can be read under the smallest photograph
TICKS = (0, 0.25, 0.5, 0.75, 1)
ENDS = ("unsure", "sure")
# From unsure to sure: nine colors of matplotlib's viridis (CC0), whose lightness grows evenly.
_COLORS = (
    (68, 1, 84), (71, 44, 122), (59, 81, 139), (44, 113, 142), (33, 144, 141),
    (39, 173, 129), (92, 200, 99), (170, 220, 50), (253, 231, 37),
)  # fmt: skip


def confidence(probabilities: Array) -> Floats:
    """Return 1 - entropy / log Q of distributions (b, Q, h, w): (b, h, w) in [0, 1].

    0: all Q colors are equally probable; 1: one color is certain.
    """
    safe = np.maximum(probabilities, np.finfo(np.float32).tiny)
    entropy = -(probabilities * np.log(safe)).sum(axis=1)
    result: Floats = np.clip(1 - entropy / np.log(probabilities.shape[1]), 0, 1)
    return result.astype(np.float32)


def render_heatmap(values: Array, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return a picture of `values` (h, w) in [0, 1] with a color bar below, sRGB (H', W', 3).

    size: (H, W) of the map; where a side is above `MAP_SIDE`, smaller in proportion.
    """
    height, width = _bounded(size)
    map_of = Image.fromarray(values.astype(np.float32)).resize(
        (width, height), Image.Resampling.BILINEAR
    )
    text = max(12, min(width, height) // 32)  # pixels
    canvas = Image.new("RGB", (max(width, NARROWEST), height + 5 * text), "white")
    canvas.paste(Image.fromarray(_colored(np.asarray(map_of))), (0, 0))
    _draw_scale(canvas, height + text, text)
    return np.asarray(canvas)


def _bounded(size: tuple[int, int]) -> tuple[int, int]:
    scale = min(1, MAP_SIDE / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _colored(values: Array) -> npt.NDArray[np.uint8]:
    """Return the colors of values in [0, 1], (..., 3)."""
    levels, nodes = np.linspace(0, 1, 256), np.linspace(0, 1, len(_COLORS))
    channels = [np.interp(levels, nodes, channel) for channel in zip(*_COLORS, strict=True)]
    table = np.rint(np.stack(channels, axis=-1)).astype(np.uint8)  # (256, 3)
    colors: npt.NDArray[np.uint8] = table[np.rint(255 * values).astype(np.uint8)]
    return colors


def _draw_scale(canvas: Image.Image, top: int, text: int) -> None:
    """Draw the color bar at row `top` with ticks and labels of `text` pixels below."""
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(text)
    left, right = 2 * text, canvas.width - 2 * text
    bar = np.broadcast_to(np.linspace(0, 1, right - left), (text, right - left))
    canvas.paste(Image.fromarray(_colored(bar)), (left, top))
    below = top + text
    for tick in TICKS:
        x = left + round(tick * (right - left - 1))
        draw.line((x, below, x, below + text // 3), "black")
        draw.text((x, below + text // 2), f"{tick:g}", "black", font, anchor="ma")
    for x, anchor, word in ((left, "la", ENDS[0]), (right, "ra", ENDS[1])):
        draw.text((x, below + 3 * text // 2 + text // 4), word, "black", font, anchor=anchor)
