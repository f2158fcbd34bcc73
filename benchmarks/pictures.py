"""Photographs of any size for the benchmarks: a sample enlarged, with grain, as JPEG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "imgs" / "coffee.jpg"  # 3:2, in color: L takes longer than that of gray
GRAIN = 4.0  # standard deviation, in levels
QUALITY = 92
ROWS = 256  # that get their grain at a time


def make_photograph(file: Path, megapixels: float, seed: int = 0) -> Path:
    """Write a photograph of about `megapixels`, 3:2; return the file."""
    width = round((megapixels * 1.5e6) ** 0.5)
    height = round(width / 1.5)
    with Image.open(SAMPLE) as sample:
        image = sample.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
    random = np.random.default_rng(seed)
    for top in range(0, height, ROWS):
        strip = np.asarray(image.crop((0, top, width, min(top + ROWS, height))))
        grain = random.standard_normal((*strip.shape[:2], 1), np.float32) * GRAIN
        grained = np.clip(strip + grain, 0, 255).astype(np.uint8)
        image.paste(Image.fromarray(grained), (0, top))
    image.save(file, quality=QUALITY)
    return file


def make_folder(folder: Path, count: int, megapixels: float, distinct: int = 10) -> list[Path]:
    """Write `count` photographs, of which `distinct` differ; return the files."""
    folder.mkdir()
    contents = []
    for number in range(min(distinct, count)):
        contents.append(make_photograph(folder / "one.jpg", megapixels, number).read_bytes())
    (folder / "one.jpg").unlink()
    files = [folder / f"{number:04}.jpg" for number in range(count)]
    for number, file in enumerate(files):
        file.write_bytes(contents[number % len(contents)])
    return files
