"""`recoloring`: whether a hint of a wrong color colors the thing that it is on, and only that.

A hint, a patch of 6×6 pixels at a random position, shows the true color with its hue turned by
120°. The thing is the connected region whose true ab is within 12 units of that of the hinted
pixel. Reported are the share of it that moves, by at least half of what the hint asks for, and
the mean change |Δab| of all other pixels, both as means over the hints.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator

import numpy as np
from skimage.measure import label

from colorize.color import lab
from colorize.color.types import Array, Pixels
from colorize.color.upsampling import upsample_guided
from colorize.command_parser import whole_number
from colorize.evaluation.common import (
    Report,
    Subject,
    measurement,
    predict,
    require_photographs,
    table,
)
from colorize.evaluation.tasks.hints import PATCH, patch_hints
from colorize.pipeline import Colorizer

HINTS = 4  # of one photograph, each on its own
TURN = np.deg2rad(120)
REGION = 12.0  # ab units
MIN_CHROMA = 10.0  # of the hinted patch: the hue of gray cannot be turned
TRIALS = 40  # positions that are looked at


def recolor(
    colorizer: Colorizer, photographs: Iterable[Pixels], seed: int = 0
) -> tuple[dict[str, float], int]:
    """Return the measures by name, and how many photographs there were.

    Args:
        colorizer: What is measured; its network's size is that of the photographs.
        photographs: sRGB (size, size, 3).
        seed: Of the positions.

    Raises:
        ColorizeError: There are no photographs.
    """
    count, rows = 0, []
    for number, rgb in enumerate(photographs):
        count += 1
        rows += _measure(colorizer, rgb, np.random.default_rng((seed, number)))
    require_photographs(count)
    moved, rest, size = np.mean(rows, axis=0) if rows else (np.nan,) * 3
    values = {"hints": len(rows), "moved": moved, "rest": rest, "region": size}
    return {name: float(value) for name, value in values.items()}, count


def _measure(
    colorizer: Colorizer, rgb: Pixels, random: np.random.Generator
) -> list[tuple[float, float, float]]:
    """Return share moved, mean |Δab| of the rest, and size of the region, for each hint."""
    truth = np.moveaxis(lab.rgb_to_lab(rgb.astype(np.float32) / 255), -1, 0).astype(np.float32)
    lightness = truth[None, :1]
    logits = predict(colorizer, lightness)
    cells = colorizer.decode(logits)
    before = upsample_guided(cells[0], truth[0])
    rows = []
    for row, column, region in _regions(truth[1:], random):
        patch = np.s_[:, row : row + PATCH, column : column + PATCH]
        wrong = _turned(truth[patch][1:].mean(axis=(1, 2)))
        hints = patch_hints(
            np.broadcast_to(wrong[:, None, None], before.shape), np.array([[row, column]])
        )
        if colorizer.metadata.takes_hints:
            logits = colorizer.predict_logits(lightness, hints)
            cells = colorizer.decode(logits)
        hinted = colorizer.propagate_hints(cells, hints, lightness, logits)[0]
        change = upsample_guided(hinted, truth[0]) - before
        wanted = wrong - before[patch].mean(axis=(1, 2))
        share = np.tensordot(wanted, change, 1) / max(float(wanted @ wanted), 1e-6)
        rest = np.hypot(*change)[~region]
        moved = float(np.mean(share[region] >= 0.5))
        rows.append((moved, float(rest.mean()) if rest.size else 0.0, float(region.mean())))
    return rows


def _regions(ab: Array, random: np.random.Generator) -> Iterator[tuple[int, int, Array]]:
    """Yield row and column of patches that are not gray, and the region (h, w) around each."""
    found = 0
    for row, column in random.integers(0, ab.shape[1] - PATCH + 1, (TRIALS, 2)):
        patch = ab[:, row : row + PATCH, column : column + PATCH]
        center = row + PATCH // 2, column + PATCH // 2
        if np.hypot(*patch.mean(axis=(1, 2))) < MIN_CHROMA:
            continue
        near = np.hypot(*(ab - ab[:, *center][:, None, None])) <= REGION
        regions = label(near, connectivity=1)  # type: ignore[no-untyped-call]
        yield int(row), int(column), regions == regions[center]
        found += 1
        if found == HINTS:
            return


def _turned(ab: Array) -> Array:
    sine, cosine = np.sin(TURN), np.cos(TURN)
    turned: Array = np.array([[cosine, -sine], [sine, cosine]]) @ ab
    return turned


def _as_text(values: dict[str, float]) -> str:
    return table(
        ["hints", "region moved %", "mean change of the rest", "region, % of the picture"],
        [[f"{values['hints']:.0f}", f"{100 * values['moved']:.1f}", f"{values['rest']:.2f}",
          f"{100 * values['region']:.1f}"]],
    )  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `recoloring`."""
    parser.add_argument(
        "--seed", type=whole_number(0), default=0, help="of the positions (default: 0)"
    )


def measure(subject: Subject) -> Report:
    """Return the report of `recoloring`."""
    seed = subject.args.seed
    values, count = recolor(subject.colorizer, subject.photographs(), seed)
    return subject.report(count, {"recoloring": values}, _as_text(values), seed=seed)


TASK = measurement(
    "recoloring", "Measure whether a hint colors only a thing.", measure, add_arguments
)
