"""Make the pictures of docs/control.md: python examples/samples_and_confidence.py OUT PHOTO...

OUT-samples.jpg: each row a photograph as colorized, then four samples. OUT-confidence.jpg: each
photograph as colorized, next to its confidence map. By the bundled weights.
"""

import argparse
from pathlib import Path

from PIL import Image

from colorize import Colorizer, Photo, read

SAMPLES = 4
CELL = 180  # pixels, width of each picture in the table of samples
MAP_HEIGHT = 240  # pixels, of each photograph next to its map
GAP = 4


def shrunk(photo: Photo, width: int) -> Image.Image:
    """Return the photograph as a picture of this width."""
    height = round(photo.height * width / photo.width)
    return photo.to_pil().resize((width, height), Image.Resampling.LANCZOS)


def row(pictures: list[Image.Image]) -> Image.Image:
    """Return pictures side by side."""
    width = sum(picture.width + GAP for picture in pictures) - GAP
    result = Image.new("RGB", (width, max(picture.height for picture in pictures)), "white")
    x = 0
    for picture in pictures:
        result.paste(picture, (x, 0))
        x += picture.width + GAP
    return result


def column(pictures: list[Image.Image]) -> Image.Image:
    """Return pictures one below the other."""
    height = sum(picture.height + GAP for picture in pictures) - GAP
    result = Image.new("RGB", (max(picture.width for picture in pictures), height), "white")
    y = 0
    for picture in pictures:
        result.paste(picture, (0, y))
        y += picture.height + GAP
    return result


def main() -> None:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description="Make the pictures of docs/control.md.")
    parser.add_argument("output", type=Path, help="beginning of the names")
    parser.add_argument("photographs", type=Path, nargs="+")
    args = parser.parse_args()
    colorizer = Colorizer.from_pretrained("compact")
    rows, maps = [], []
    for path in args.photographs:
        photo = read(path)
        colored = colorizer(photo)
        samples = colorizer.samples(photo, SAMPLES)
        rows.append(row([shrunk(each, CELL) for each in (colored, *samples)]))
        width = round(photo.width * MAP_HEIGHT / photo.height)
        pair = (colored, colorizer.confidence_map(photo))
        maps.append(row([shrunk(each, width) for each in pair]))
    column(rows).save(args.output.with_name(f"{args.output.name}-samples.jpg"), quality=85)
    column(maps).save(args.output.with_name(f"{args.output.name}-confidence.jpg"), quality=85)


if __name__ == "__main__":
    main()
