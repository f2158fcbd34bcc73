"""Make the picture of coherence in docs/control.md: python examples/coherence.py OUT PHOTO...

Each column is a photograph without coherence, above the same with the default coherence.
"""

import argparse
from pathlib import Path

from PIL import Image

from colorize import Colorizer, Photo, read

HEIGHT = 260  # pixels of a photograph
GAP = 4


def column(photo: Photo, colorizers: list[Colorizer]) -> Image.Image:
    """Return the photograph by each colorizer, one above the other."""
    size = round(photo.width * HEIGHT / photo.height), HEIGHT
    result = Image.new("RGB", (size[0], len(colorizers) * (HEIGHT + GAP) - GAP), "white")
    for i, colorizer in enumerate(colorizers):
        small = colorizer(photo).to_pil().resize(size, Image.Resampling.LANCZOS)
        result.paste(small, (0, i * (HEIGHT + GAP)))
    return result


def main() -> None:
    """Write the picture that the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("photos", type=Path, nargs="+")
    args = parser.parse_args()
    colorizers = [Colorizer.from_pretrained(coherence=0), Colorizer.from_pretrained()]
    columns = [column(read(path), colorizers) for path in args.photos]
    width = sum(each.width + GAP for each in columns) - GAP
    picture, left = Image.new("RGB", (width, columns[0].height), "white"), 0
    for each in columns:
        picture.paste(each, (left, 0))
        left += each.width + GAP
    picture.save(args.out, quality=88)


if __name__ == "__main__":
    main()
