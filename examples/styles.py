"""Make the picture of styles in docs/control.md: python examples/styles.py OUT PHOTO...

Each row is a photograph in vivid, in faithful, and at half and one and a half times the saturation.
"""

import argparse
from pathlib import Path

from PIL import Image

from colorize import Colorizer, read

HEIGHT = 180  # pixels of a row
GAP = 4
SETTINGS = ({"style": "vivid"}, {"style": "faithful"}, {"saturation": 0.5}, {"saturation": 1.5})


def row(path: Path, colorizers: list[Colorizer]) -> Image.Image:
    """Return the photograph by each colorizer, side by side."""
    photo = read(path)
    width = round(photo.width * HEIGHT / photo.height)
    line = Image.new("RGB", (len(colorizers) * (width + GAP) - GAP, HEIGHT), "white")
    for i, colorizer in enumerate(colorizers):
        small = colorizer(photo).to_pil().resize((width, HEIGHT), Image.Resampling.LANCZOS)
        line.paste(small, (i * (width + GAP), 0))
    return line


def main() -> None:
    """Write the picture that the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("photos", type=Path, nargs="+")
    args = parser.parse_args()
    colorizers = [Colorizer.from_pretrained(**settings) for settings in SETTINGS]
    rows = [row(path, colorizers) for path in args.photos]
    size = max(line.width for line in rows), len(rows) * (HEIGHT + GAP) - GAP
    picture = Image.new("RGB", size, "white")
    for i, line in enumerate(rows):
        picture.paste(line, (0, i * (HEIGHT + GAP)))
    picture.save(args.out, quality=88)


if __name__ == "__main__":
    main()
