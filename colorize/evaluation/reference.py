"""Measure what a reference is worth: python -m colorize.evaluation.reference DATA.

Each photograph, stretched to 256×256, is colored without a reference and with itself as one:
the most that global shares of colors can give.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from colorize.color import lab
from colorize.errors import ColorizeError
from colorize.evaluation import common as command
from colorize.evaluation.evaluate import Figures, Tally
from colorize.io.photo import Photo
from colorize.pipeline import Colorizer

Array = npt.NDArray[Any]


def compare(
    colorizer: Colorizer, pictures: Iterable[npt.NDArray[np.uint8]]
) -> tuple[dict[str, Figures], int]:
    """Return the figures "without" and "with" the truth as reference, and how many pictures.

    pictures: sRGB (size, size, 3), size being the colorizer's. Raises ColorizeError if there
    are none.
    """
    tallies = {"without": Tally(), "with": Tally()}
    count = 0
    for rgb in pictures:
        count += 1
        truth = lab.rgb_to_lab(rgb.astype(np.float32) / 255)
        for tally, reference in zip(tallies.values(), (None, Photo(rgb)), strict=True):
            condition = colorizer.condition([None], [reference])
            output = colorizer.predict(truth[None, None, ..., 0], condition)
            ab = np.moveaxis(colorizer.decode(output)[0], 0, -1)
            tally.add(np.concatenate((truth[..., :1], ab), axis=-1), truth)
    if not count:
        raise ColorizeError("no photographs to measure on")
    return {name: tally.figures() for name, tally in tallies.items()}, count


def table(figures: dict[str, Figures]) -> str:
    """Return the figures as a Markdown table."""
    rows = ["| reference | PSNR dB | AuC % | AuC rebalanced % | ΔE2000 | colorfulness |"]
    rows.append("|---|--:|--:|--:|--:|--:|")
    for name, row in figures.items():
        cells = [row.psnr, row.auc, row.auc_rebalanced, row.delta_e, row.colorfulness]
        rows.append(f"| {name} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |")
    return "\n".join(rows)


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    return command.measuring_parser(
        "reference", "Measure what the truth as reference is worth (stretched to 256×256)."
    )


def measure(args: argparse.Namespace) -> command.Answer:
    """Return what the arguments ask for."""
    colorizer = command.colorizer_of(args)
    pictures = tqdm(
        command.photographs(command.files(args)), unit=" photographs", disable=args.quiet or None
    )
    figures, count = compare(colorizer, pictures)
    content = {name: asdict(row) for name, row in figures.items()}
    return command.Answer(command.settings_of(args, colorizer, count), content, table(figures))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    args = parser().parse_args(argv)
    return command.run("reference", measure, args)


if __name__ == "__main__":
    sys.exit(main())
