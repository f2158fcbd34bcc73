"""Show crops of photographs with both upsamplings: python examples/upsampling.py OUT CROP...

A CROP is PHOTO:LEFT,TOP,WIDTH,HEIGHT in pixels. Each is a column: bilinear above guided.
"""

import argparse
from pathlib import Path

from PIL import Image

from colorize import Colorizer, read

HEIGHT = 300  # pixels of each crop
GAP = 4


def column(crop: str, colorizers: list[Colorizer]) -> Image.Image:
    """Return the crop as each colorizer colors it, one above the other."""
    name, numbers = crop.rsplit(":", 1)
    left, top, width, height = (int(number) for number in numbers.split(","))
    photo = read(name)
    shown = round(width * HEIGHT / height)
    result = Image.new("RGB", (shown, len(colorizers) * (HEIGHT + GAP) - GAP), "white")
    for row, colorizer in enumerate(colorizers):
        part = colorizer(photo).to_pil().crop((left, top, left + width, top + height))
        result.paste(
            part.resize((shown, HEIGHT), Image.Resampling.LANCZOS), (0, row * (HEIGHT + GAP))
        )
    return result


def main() -> None:
    """Make the picture."""
    parser = argparse.ArgumentParser(description="Show crops of photographs in both upsamplings.")
    parser.add_argument("output", type=Path)
    parser.add_argument("crops", nargs="+", metavar="PHOTO:LEFT,TOP,WIDTH,HEIGHT")
    args = parser.parse_args()
    ways = ("bilinear", "guided")
    colorizers = [Colorizer.from_pretrained("compact", upsampling=way) for way in ways]
    columns = [column(crop, colorizers) for crop in args.crops]
    width = sum(image.width + GAP for image in columns) - GAP
    result = Image.new("RGB", (width, columns[0].height), "white")
    x = 0
    for image in columns:
        result.paste(image, (x, 0))
        x += image.width + GAP
    result.save(args.output, quality=88)


if __name__ == "__main__":
    main()
