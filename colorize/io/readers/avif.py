"""What AVIF files state about their pixels, and Pillow ignores: a crop and the color primaries.

Sources: ISO/IEC 14496-12 and 23008-12 (boxes), ITU-T H.273 (primaries and transfer functions).
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from PIL import Image

from colorize.io.boxes import read_boxes

P3, BT2020 = 12, 9  # of ColourPrimaries
PQ, HLG = 16, 18  # of TransferCharacteristics
PART_PIXELS = 1 << 18  # converted at a time
# from linear RGB of these primaries (white D65) to linear sRGB
TO_SRGB = {
    P3: np.array([[1.2249402, -0.2249402, 0.0], [-0.0420570, 1.0420570, 0.0],
                  [-0.0196376, -0.0786361, 1.0982736]]),
    BT2020: np.array([[1.6604910, -0.5876411, -0.0728499], [-0.1245505, 1.1328999, -0.0083494],
                      [-0.0181508, -0.1005789, 1.1187297]]),
}  # fmt: skip


@dataclass(frozen=True)
class Properties:
    """What is stated of the main picture.

    Attributes:
        crop: left, top, right and bottom of what is to be shown, None for all.
        primaries, transfer: H.273's numbers, 2 where they are not stated.
        bits: per channel.
    """

    crop: tuple[int, int, int, int] | None = None
    primaries: int = 2
    transfer: int = 2
    bits: int = 8


def read_properties(file: BinaryIO, width: int, height: int) -> Properties:
    """Return the properties of the main picture of a file, of a width and height in pixels."""
    meta = next((content for type, content in read_boxes(file) if type == b"meta"), b"")
    boxes = dict(read_boxes(io.BytesIO(meta[4:])))
    item = boxes.get(b"pitm", b"")
    main = int.from_bytes(item[4:], "big") if len(item) > 4 else 0
    inner = list(read_boxes(io.BytesIO(boxes.get(b"iprp", b""))))
    container = next((content for type, content in inner if type == b"ipco"), b"")
    properties = list(read_boxes(io.BytesIO(container)))
    crop, primaries, transfer, bits = None, 2, 2, 8
    for index in _associations(dict(inner).get(b"ipma", b""), main):
        if not 0 < index <= len(properties):
            continue
        type, content = properties[index - 1]
        if type == b"clap" and len(content) >= 32:
            crop = _crop(content, width, height)
        if type == b"colr" and content[:4] == b"nclx" and len(content) >= 8:
            primaries, transfer = struct.unpack(">HH", content[4:8])
        if type == b"av1C" and len(content) >= 4:
            bits = (8, 10, 10, 12)[content[2] >> 6 & 1 | content[2] >> 4 & 2]
    return Properties(crop, primaries, transfer, bits)


def apply(image: Image.Image, properties: Properties) -> tuple[Image.Image, list[str]]:
    """Return the loaded picture cropped and in sRGB, and notes."""
    info, notes = image.info, []
    if properties.crop is not None:
        image = image.crop(properties.crop)
    if properties.transfer in (PQ, HLG):
        notes.append("its high dynamic range is not converted")
    elif properties.primaries in TO_SRGB and image.mode in ("RGB", "RGBA"):
        if "icc_profile" not in info:
            image = _to_srgb(image, TO_SRGB[properties.primaries])
    image.info = info
    return image, notes


def _to_srgb(image: Image.Image, matrix: np.ndarray) -> Image.Image:
    levels = np.arange(256) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    array = np.array(image)
    pixels = array.reshape(-1, array.shape[2])
    for start in range(0, len(pixels), PART_PIXELS):
        part = pixels[start : start + PART_PIXELS, :3]
        rgb = np.clip(linear[part] @ matrix.T, 0, 1)
        encoded = np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)
        part[:] = np.rint(encoded * 255)
    return Image.fromarray(array)


def _crop(content: bytes, width: int, height: int) -> tuple[int, int, int, int] | None:
    """Return the box of a clap property, None where it does not lie in the picture."""
    numbers = struct.unpack(">IIIIiIiI", content[:32])
    if not all(numbers[1::2]):
        return None
    crop_width, crop_height, across, down = (
        numbers[index] / numbers[index + 1] for index in (0, 2, 4, 6)
    )
    left = round(across + (width - 1) / 2 - (crop_width - 1) / 2)
    top = round(down + (height - 1) / 2 - (crop_height - 1) / 2)
    right, bottom = left + round(crop_width), top + round(crop_height)
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        return None
    return left, top, right, bottom


def _associations(content: bytes, item: int) -> list[int]:
    """Return the numbers, from 1, of the properties of an item."""
    if len(content) < 8:
        return []
    version, flags = content[0], content[3]
    (count,) = struct.unpack(">I", content[4:8])
    file = io.BytesIO(content[8:])
    wide = flags & 1
    for _ in range(min(count, 65536)):
        number = int.from_bytes(file.read(2 if version < 1 else 4), "big")
        entries = (file.read(1) or b"\0")[0]
        found = [int.from_bytes(file.read(1 + wide), "big") for _ in range(entries)]
        if number == item:
            return [value & (0x7FFF if wide else 0x7F) for value in found]
    return []
