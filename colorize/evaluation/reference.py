"""Measure what a reference is worth: python -m colorize.evaluation.reference DATA.

Each photograph, stretched to 256×256, is coloured without a reference and with itself as one:
the most that global shares of colours can give.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from colorize.color import lab
from colorize.errors import ColorizeError
from colorize.evaluation.evaluate import Figures, Tally, photographs
from colorize.images.image import Photo
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
    rows = ["| reference | PSNR dB | AuC % | AuC rebalanced % | ΔE2000 | colourfulness |"]
    rows.append("|---|--:|--:|--:|--:|--:|")
    for name, row in figures.items():
        cells = [row.psnr, row.auc, row.auc_rebalanced, row.delta_e, row.colorfulness]
        rows.append(f"| {name} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |")
    return "\n".join(rows)


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    result = argparse.ArgumentParser(
        prog="python -m colorize.evaluation.reference",
        description="Measure what the truth as reference is worth (stretched to 256×256).",
    )
    result.add_argument("data", type=Path, help="folder or tar file of colour photographs")
    result.add_argument("--every", type=int, default=1, metavar="N", help="take one file in N")
    result.add_argument("--model", default="compact", help="default: compact")
    result.add_argument("--weights", help="weights file of that model")
    result.add_argument("--style", help="vivid or faithful")
    result.add_argument("--json", type=Path, help="also write the figures to this file")
    result.add_argument("--quiet", action="store_true", help="no progress on stderr")
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    arguments = parser()
    args = arguments.parse_args(argv)
    if args.every < 1:
        arguments.error("--every is a number from 1 on")
    try:
        colorizer = Colorizer.from_pretrained(args.model, weights=args.weights, style=args.style)
        chosen = itertools.islice(photographs(args.data), 0, None, args.every)
        pictures = tqdm(chosen, unit=" photographs", disable=args.quiet or None)
        figures, count = compare(colorizer, pictures)
        if args.json:
            content = {"model": args.model, "photographs": count, "style": args.style}
            content |= {name: asdict(row) for name, row in figures.items()}
            args.json.write_text(json.dumps(content, indent=2) + "\n")
    except (ColorizeError, OSError) as error:
        sys.stderr.write(f"reference: {error}\n")
        return 1
    sys.stdout.write(f"{count} photographs\n\n{table(figures)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
