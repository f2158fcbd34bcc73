"""`hints`: what color hints gain, in dB.

Protocol of *Real-Time User-Guided Image Colorization* (SIGGRAPH 2017, section 4.1): each
photograph is stretched to the network's size, and at random positions patches of 6×6 pixels show
their true mean color. The result is the mean PSNR over the photographs by the number of patches;
the patches of a smaller number are among those of a larger one.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from colorize.color import lab
from colorize.color.types import Array, Pixels
from colorize.command_parser import whole_number
from colorize.evaluation.common import (
    Report,
    Subject,
    decode,
    measurement,
    predict,
    require_photographs,
    table,
)
from colorize.evaluation.metrics import psnr
from colorize.hints.rasterize import HintedPixels
from colorize.pipeline import Colorizer

COUNTS = (0, 1, 5, 10, 50)
PATCH = 6  # pixels, height and width
GRAY = "gray"  # the result without any color


def psnr_by_hints(
    colorizer: Colorizer,
    photographs: Iterable[Pixels],
    counts: Sequence[int] = COUNTS,
    seed: int = 0,
) -> tuple[dict[int | str, float], int]:
    """Return the mean PSNR in dB by the number of hints and of "gray", and of how many.

    Args:
        colorizer: What is measured; its network's size is that of the photographs.
        photographs: sRGB (size, size, 3).
        counts: Numbers of hints, in ascending order.
        seed: Of the positions of the patches.

    Raises:
        ColorizeError: There are no photographs.
    """
    rows = [
        _psnr_of_photograph(colorizer, rgb, counts, np.random.default_rng((seed, number)))
        for number, rgb in enumerate(photographs)
    ]
    require_photographs(len(rows))
    names: list[int | str] = [GRAY, *counts]
    return dict(zip(names, np.mean(rows, axis=0).tolist(), strict=True)), len(rows)


def _psnr_of_photograph(
    colorizer: Colorizer, rgb: Pixels, counts: Sequence[int], random: np.random.Generator
) -> list[float]:
    """Return the PSNR of gray and of each number of hints."""
    truth = np.moveaxis(lab.rgb_to_lab(rgb.astype(np.float32) / 255), -1, 0)
    corners = random.integers(0, len(rgb) - PATCH + 1, (max(counts), 2))
    results = [0 * truth[1:]]
    lightness = truth[None, :1]
    logits = predict(colorizer, lightness)
    for count in counts:
        hints = patch_hints(truth[1:], corners[:count])
        if colorizer.metadata.takes_hints:
            logits = colorizer.predict_logits(lightness, hints)
        ab = decode(colorizer, logits)
        ab = colorizer.propagate_hints(ab, hints, lightness, logits)[0]
        hints.apply_to(ab, slice(0, ab.shape[1]), slice(0, ab.shape[2]))
        results.append(ab)
    return [psnr(lab.lab_to_srgb_pixels(truth[0], ab) / 255, rgb / 255) for ab in results]


def patch_hints(ab: Array, corners: Array) -> HintedPixels:
    """Return patches of 6×6 pixels with their mean ab, by their top left `corners` (n, 2)."""
    shown = np.full(ab.shape, np.nan, np.float32)
    for row, column in corners:
        patch = np.s_[:, row : row + PATCH, column : column + PATCH]
        shown[patch] = ab[patch].mean(axis=(1, 2), keepdims=True)
    rows, columns = np.nonzero(~np.isnan(shown[0]))
    size = (ab.shape[1], ab.shape[2])
    return HintedPixels(
        rows.astype(np.int32), columns.astype(np.int32), shown[:, rows, columns].T, size
    )


def as_text(values: Mapping[int | str, float]) -> str:
    """Return a table of the PSNR, with gains over no hints and over gray."""
    start = values.get(0)
    rows = []
    for name, value in values.items():
        gain = "" if start is None or name == GRAY else f"{value - start:+.2f}"
        rows.append([str(name), f"{value:.2f}", gain, f"{value - values[GRAY]:+.2f}"])
    return table(["hints", "PSNR dB", "over no hints", "over gray"], rows)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `hints`."""
    parser.add_argument(
        "--hints", dest="counts", type=whole_number(0), nargs="+", action="extend", metavar="N",
        help="numbers of hints (default: 0 1 5 10 50)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=whole_number(0), default=0, help="of their positions (default: 0)"
    )


def measure(subject: Subject) -> Report:
    """Return the report of `hints`."""
    counts, seed = sorted(set(subject.args.counts or COUNTS)), subject.args.seed
    values, count = psnr_by_hints(subject.colorizer, subject.photographs(), counts, seed)
    return subject.report(count, {"psnr": values}, as_text(values), seed=seed)


TASK = measurement("hints", "Measure what random color hints gain.", measure, add_arguments)
