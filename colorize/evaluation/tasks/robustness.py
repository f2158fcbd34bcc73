"""`robustness`: how much degradation and scale change the colors.

Protocol: each photograph is made gray and at most 512 pixels long, then colorized as it is, after
each of `degradations.SCAN_DEGRADATIONS`, and at half and double size. Compared are colors only:
the mean CIEDE2000 between two results that both get the L of the photograph itself. 0 means that
nothing changed; it says nothing about whether the colors are right.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from colorize.color import lab
from colorize.color.types import Array
from colorize.errors import ColorizeError
from colorize.evaluation.common import (
    NamedFile,
    Report,
    Subject,
    measurement,
    read_named,
    require_photographs,
    table,
)
from colorize.evaluation.degradations import SCAN_DEGRADATIONS, SIDE, Gray, gray_picture, resized
from colorize.evaluation.metrics import mean_delta_e
from colorize.io.photo import Photo

SCALES = (0.5, 1.0, 2.0)
SCALE = "0.5×, 1×, 2×"  # the name of that row
SCALE_GOAL = 3.0  # ΔE2000


@dataclass(frozen=True)
class Variant:
    """A version of a photograph and its result.

    Attributes:
        name: "clean" or the degradation's.
        gray: What was colorized, (h, w).
        color: The result, (h, w, 3) uint8.
        delta_e: Distance from the result of the clean variant, by color only; None for itself.
    """

    name: str
    gray: Gray
    color: Array
    delta_e: float | None = None


def colorize_variants(colorize: Callable[[Photo], Photo], gray: Gray) -> Iterator[Variant]:
    """Yield the clean variant of a gray picture, then each degraded one."""
    clean = colorize(Photo(gray)).pixels
    yield Variant("clean", gray, clean)
    size = gray.shape[0], gray.shape[1]
    for degradation in SCAN_DEGRADATIONS:
        degraded = degradation.apply(gray)
        result = colorize(Photo(degraded)).pixels
        difference = color_difference(degradation.inside(result, size), clean, gray)
        yield Variant(degradation.name, degraded, result, difference)


def scale_difference(colorize: Callable[[Photo], Photo], gray: Gray) -> float:
    """Return the mean ΔE2000 between the results at half, full and double size."""
    results = []
    for scale in SCALES:
        size = max(1, round(scale * gray.shape[0])), max(1, round(scale * gray.shape[1]))
        result = colorize(Photo(resized(gray, size))).pixels
        results.append(resized(result, (gray.shape[0], gray.shape[1])))
    pairs = itertools.combinations(results, 2)
    return float(np.mean([color_difference(*pair, gray) for pair in pairs]))


def color_difference(first: Array, second: Array, gray: Gray) -> float:
    """Return the mean CIEDE2000 of two results, sRGB uint8, after both get the L of `gray`."""
    pictures = [lab.rgb_to_lab(pixels.astype(np.float32) / 255) for pixels in (first, second)]
    for picture in pictures:
        picture[..., 0] = lab.lightness(gray)
    return mean_delta_e(*pictures)


def measure_robustness(
    colorize: Callable[[Photo], Photo], files: Iterable[NamedFile]
) -> dict[str, dict[str, float]]:
    """Return ΔE2000 by photograph and degradation, with SCALE as the last.

    files: names and contents; those that are not images are left out. Raises ColorizeError if
    there are no photographs.
    """
    rows = {}
    for name, photo in read_named(files):
        if isinstance(photo, ColorizeError):
            continue
        gray = gray_picture(photo)
        row = {
            v.name: v.delta_e for v in colorize_variants(colorize, gray) if v.delta_e is not None
        }
        rows[name] = {**row, SCALE: scale_difference(colorize, gray)}
    require_photographs(len(rows))
    return rows


def means(rows: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return the means over photographs by degradation."""
    names = next(iter(rows.values()))
    return {name: float(np.mean([row[name] for row in rows.values()])) for name in names}


def as_text(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Return a table of the mean and the worst of each degradation."""
    lines = []
    for name, mean in means(rows).items():
        delta_e, photograph = max((row[name], photograph) for photograph, row in rows.items())
        lines.append([name, f"{mean:.2f}", f"{delta_e:.2f}", photograph])
    head = ["", "mean ΔE2000", "worst", "photograph"]
    return f"{table(head, lines)}\n\nGoal for {SCALE}: at most {SCALE_GOAL:g}"


def measure(subject: Subject) -> Report:
    """Return the report of `robustness`."""
    rows = measure_robustness(subject.colorizer, subject.files())
    metrics = {"mean_delta_e": means(rows), "delta_e": rows}
    return subject.report(len(rows), metrics, as_text(rows), side=SIDE)


TASK = measurement("robustness", "Measure how degradation and scale change colors.", measure)
