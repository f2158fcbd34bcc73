"""Make the pictures of docs/control.md: python examples/hints_and_reference.py OUT.

OUT-hints.jpg: photographs with their hints marked, as colorized, and with the hints.
OUT-reference.jpg: references above a photograph drawn toward them, the first without one. By
the bundled weights; the references in color are scikit-image's own pictures.
"""

import argparse
from pathlib import Path

from PIL import Image, ImageDraw
from skimage import data

from colorize import Colorizer, Photo, read
from colorize.hints.format import Hint

IMAGES = Path(__file__).parents[1] / "imgs"
HINTED = {
    "astronaut.jpg": [
        Hint(150, 400, "#d8602c"), Hint(330, 300, "#d8602c"), Hint(300, 40, "#c8ccd4"),
        Hint(55, 60, "#28305c"), Hint(60, 300, "#a82830"), Hint(24, 300, "#d0d0d0"),
    ],
    "coffee.jpg": [
        Hint(500, 150, "#7c8088"), Hint(100, 60, "#585c64"),
        Hint(150, 300, "#285078"), Hint(330, 240, "#285078"), Hint(420, 300, "#285078"),
    ],
}  # fmt: skip
WIDTH = 300  # pixels of each picture
GAP = 4


def marked(photo: Photo, hints: list[Hint]) -> Image.Image:
    """Return the photograph with a disc in each hint's color."""
    picture = photo.to_pil().convert("RGB")
    draw = ImageDraw.Draw(picture)
    for hint in hints:
        draw.circle((hint.x, hint.y), 12, fill=hint.color, outline="white", width=3)
    return picture


def resized(picture: Image.Image) -> Image.Image:
    """Return the picture at the width of a column."""
    return picture.resize((WIDTH, round(picture.height * WIDTH / picture.width)))


def table(rows: list[list[Image.Image]]) -> Image.Image:
    """Return pictures in rows, all of the same width."""
    small = [[resized(picture) for picture in row] for row in rows]
    heights = [max(picture.height for picture in row) + GAP for row in small]
    size = (max(map(len, rows)) * (WIDTH + GAP) - GAP, sum(heights) - GAP)
    result = Image.new("RGB", size, "white")
    for number, row in enumerate(small):
        for column, picture in enumerate(row):
            result.paste(picture, (column * (WIDTH + GAP), sum(heights[:number])))
    return result


def main() -> None:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description="Make the pictures of docs/control.md.")
    parser.add_argument("output", type=Path, help="beginning of the names")
    output = parser.parse_args().output
    colorizer = Colorizer.from_pretrained("compact")
    rows = []
    for name, hints in HINTED.items():
        photo = read(IMAGES / name)
        results = (colorizer(photo).to_pil(), colorizer(photo, hints=hints).to_pil())
        rows.append([marked(photo, hints), *results])
    table(rows).save(output.with_name(f"{output.name}-hints.jpg"), quality=85)

    photo = read(IMAGES / "chelsea.jpg")
    references = [Photo(data.coffee()), Photo(data.rocket()), read(IMAGES / "camera.jpg")]
    above = [photo.to_pil().convert("RGB")]
    above += [each.to_pil().convert("RGB").resize((450, 300)) for each in references]
    below = [colorizer(photo, reference=each).to_pil() for each in (None, *references)]
    table([above, below]).save(output.with_name(f"{output.name}-reference.jpg"), quality=85)


if __name__ == "__main__":
    main()
