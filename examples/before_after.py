"""Make a picture of photographs before and after: python examples/before_after.py OUT PHOTO...

Each column is a photograph above the same in color, by the bundled weights.
"""

import argparse
from pathlib import Path

from PIL import Image

from colorize import Colorizer, read

HEIGHT = 320  # pixels of each photograph
GAP = 4


def column(photo_path: Path, colorizer: Colorizer) -> Image.Image:
    """Return a photograph above its colorization, both HEIGHT pixels high."""
    photo = read(photo_path)
    pair = [photo.to_pil().convert("RGB"), colorizer(photo).to_pil()]
    width = round(pair[0].width * HEIGHT / pair[0].height)
    result = Image.new("RGB", (width, 2 * HEIGHT + GAP), "white")
    for row, image in enumerate(pair):
        small = image.resize((width, HEIGHT), Image.Resampling.LANCZOS)
        result.paste(small, (0, row * (HEIGHT + GAP)))
    return result


def main() -> None:
    """Make the picture."""
    parser = argparse.ArgumentParser(description="Make a picture of photographs before and after.")
    parser.add_argument("output", type=Path)
    parser.add_argument("photographs", type=Path, nargs="+")
    args = parser.parse_args()
    colorizer = Colorizer.from_pretrained("compact")
    columns = [column(path, colorizer) for path in args.photographs]
    width = sum(image.width + GAP for image in columns) - GAP
    result = Image.new("RGB", (width, columns[0].height), "white")
    x = 0
    for image in columns:
        result.paste(image, (x, 0))
        x += image.width + GAP
    result.save(args.output, quality=88)


if __name__ == "__main__":
    main()
