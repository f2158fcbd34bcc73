"""Measure what color hints are worth: python -m colorize.evaluation.hints DATA.

Protocol of *Real-Time User-Guided Image Colorization* (SIGGRAPH 2017, section 4.1): each
photograph is stretched to 256×256, and at random places patches of 6×6 pixels show their true
mean color. The figure is the mean PSNR over the photographs, by the number of patches. The
patches of a smaller number are among those of a larger one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from colorize.color import lab
from colorize.errors import ColorizeError
from colorize.evaluation import common as command
from colorize.evaluation.metrics import psnr
from colorize.hints.format import HintedPixels
from colorize.pipeline import Colorizer

COUNTS = (0, 1, 5, 10, 50)
PATCH = 6  # pixels
GRAY = "gray"  # the result without any color

Array = npt.NDArray[Any]
Curve = dict[int | str, float]  # dB by the number of hints


def curve(
    colorizer: Colorizer,
    pictures: Iterable[npt.NDArray[np.uint8]],
    counts: Sequence[int] = COUNTS,
    seed: int = 0,
) -> tuple[Curve, int]:
    """Return the mean PSNR by the number of hints and of "gray", and how many pictures.

    pictures: sRGB (size, size, 3), size being the colorizer's. Raises ColorizeError if there
    are none.
    """
    rows = [
        _picture(colorizer, rgb, counts, np.random.default_rng((seed, number)))
        for number, rgb in enumerate(pictures)
    ]
    if not rows:
        raise ColorizeError("no photographs to measure on")
    names: list[int | str] = [GRAY, *counts]
    means = np.mean(rows, axis=0).tolist()
    return dict(zip(names, means, strict=True)), len(rows)


def _picture(
    colorizer: Colorizer, rgb: Array, counts: Sequence[int], random: np.random.Generator
) -> list[float]:
    """Return the PSNR of gray and for each number of hints."""
    truth = np.moveaxis(lab.rgb_to_lab(rgb.astype(np.float32) / 255), -1, 0)
    patches = random.integers(0, len(rgb) - PATCH + 1, (max(counts), 2))
    results = [0 * truth[1:]]
    output = colorizer.predict(truth[None, :1])
    for count in counts:
        places = patch_hints(truth[1:], patches[:count])
        condition = colorizer.condition([places])
        if colorizer.metadata.takes_hints:
            output = colorizer.predict(truth[None, :1], condition)
        ab = colorizer.follow(colorizer.decode(output), truth[None, :1], output, condition)[0]
        places.paint(ab, 0)
        results.append(ab)
    return [psnr(_shown(truth[0], ab), rgb / 255) for ab in results]


def patch_hints(ab: Array, corners: Array) -> HintedPixels:
    """Return 6×6 pixels from each of the top left `corners` (n, 2) on, with their mean ab."""
    shown = np.full(ab.shape, np.nan, np.float32)
    for row, column in corners:
        patch = np.s_[:, row : row + PATCH, column : column + PATCH]
        shown[patch] = ab[patch].mean(axis=(1, 2), keepdims=True)
    rows, columns = np.nonzero(~np.isnan(shown[0]))
    size = (ab.shape[1], ab.shape[2])
    return HintedPixels(
        rows.astype(np.int32), columns.astype(np.int32), shown[:, rows, columns].T, size
    )


def _shown(lightness: Array, ab: Array) -> Array:
    """Return sRGB in [0, 1] at 8 bits, (h, w, 3)."""
    return lab.lab_to_srgb_pixels(lightness, ab) / 255


def table(figures: Curve) -> str:
    """Return the curve as a Markdown table, with gains over no hints and over gray."""
    start = figures.get(0)
    rows = ["| hints | PSNR dB | over no hints | over gray |", "|--:|--:|--:|--:|"]
    for name, value in figures.items():
        gain = "" if start is None or name == GRAY else f"{value - start:+.2f}"
        rows.append(f"| {name} | {value:.2f} | {gain} | {value - figures[GRAY]:+.2f} |")
    return "\n".join(rows)


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    result = command.measuring_parser(
        "hints", "Measure what random color hints are worth, in dB (stretched to 256×256)."
    )
    result.add_argument("--hints", type=int, nargs="+", default=COUNTS, help="numbers of hints")
    result.add_argument("--seed", type=int, default=0, help="of the places (default: 0)")
    return result


def measure(args: argparse.Namespace) -> command.Answer:
    """Return what the arguments ask for."""
    colorizer = command.colorizer_of(args)
    pictures = tqdm(
        command.photographs(command.files(args)), unit=" photographs", disable=args.quiet or None
    )
    figures, count = curve(colorizer, pictures, sorted(set(args.hints)), args.seed)
    settings = command.settings_of(args, colorizer, count)
    settings["seed"] = args.seed
    return command.Answer(settings, {"psnr": figures}, table(figures))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    arguments = parser()
    args = arguments.parse_args(argv)
    if min(args.hints) < 0:
        arguments.error("--hints are numbers from 0 on")
    return command.run("hints", measure, args)


if __name__ == "__main__":
    sys.exit(main())
