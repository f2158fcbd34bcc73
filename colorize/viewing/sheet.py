"""A sheet of labeled pictures, such as one photograph in several networks and styles."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from colorize.io.photo import Photo
from colorize.viewing.html_page import thumbnail

LABEL_SHARE = 24  # of a picture's longer side by the height of the letters
MIN_LABEL = 11  # pixels
MAX_COLUMNS = 4


def contact_sheet(pictures: Sequence[tuple[str, Photo]], side: int) -> Photo:
    """Return all pictures on white, row by row, each above its label.

    Args:
        pictures: Label and picture, at least one.
        side: Pixels of the longer side of each picture, at most.
    """
    images = [thumbnail(photo, side).convert("RGB") for _, photo in pictures]
    width, height = (max(image.size[axis] for image in images) for axis in (0, 1))
    text = max(MIN_LABEL, max(width, height) // LABEL_SHARE)  # pixels
    font = ImageFont.load_default(text)
    width = max(width, *(math.ceil(font.getlength(label)) for label, _ in pictures), 0)
    columns = _columns(len(images), width, height)
    rows = math.ceil(len(images) / columns)
    across, down = width + text, height + 3 * text  # from one picture to the next
    sheet = Image.new("RGB", (columns * across + text, rows * down + text), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (image, (label, _)) in enumerate(zip(images, pictures, strict=True)):
        row, column = divmod(number, columns)
        left, top = text + column * across, text + row * down
        sheet.paste(image, (left, top))
        draw.text((left, top + image.height + text // 3), label, "black", font)
    return Photo(np.asarray(sheet))


def _columns(count: int, width: int, height: int) -> int:
    """Return how many pictures stand next to each other, so that the sheet is like a screen."""
    square = math.sqrt(count * 16 / 9 * height / width)
    return max(1, min(count, MAX_COLUMNS, round(square)))
