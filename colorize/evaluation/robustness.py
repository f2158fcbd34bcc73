"""Measure how steady a network's colors are: python -m colorize.evaluation.robustness DATA.

Protocol: each photograph is made gray and at most 512 pixels long, then colorized as it is, after
each of `degradations.DEGRADATIONS`, and at half and double size. Compared are colors alone: mean
CIEDE2000 of two results that both get the L of the undamaged photograph. 0 means that the damage
changed nothing; it says nothing of whether the colors are right.
"""

from __future__ import annotations

import argparse
import io
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from colorize.color import lab
from colorize.errors import ColorizeError
from colorize.evaluation import common as command
from colorize.evaluation.degradations import DEGRADATIONS, SIDE, Gray, gray_picture, resized
from colorize.evaluation.metrics import mean_delta_e
from colorize.io.formats import has_image_suffix
from colorize.io.photo import Photo
from colorize.io.readers import read

Array = npt.NDArray[Any]

SCALES = (0.5, 1.0, 2.0)
SCALE = "0.5×, 1×, 2×"  # the name of that figure
GOAL = 3.0  # of it


@dataclass(frozen=True)
class Version:
    """One version of a photograph: what was colorized and the result, (h, w) and (h, w, 3) uint8.

    delta_e: from the clean version's result, colors alone; None for the clean one itself.
    """

    name: str
    gray: Gray
    color: Array
    delta_e: float | None = None


def versions(colorize: Callable[[Photo], Photo], gray: Gray) -> Iterator[Version]:
    """Yield the clean version and each degraded one of a gray picture."""
    clean = colorize(Photo(gray)).pixels
    yield Version("clean", gray, clean)
    size = gray.shape[0], gray.shape[1]
    for degradation in DEGRADATIONS:
        degraded = degradation.apply(gray)
        result = colorize(Photo(degraded)).pixels
        difference = color_difference(degradation.inside(result, size), clean, gray)
        yield Version(degradation.name, degraded, result, difference)


def scale_difference(colorize: Callable[[Photo], Photo], gray: Gray) -> float:
    """Return the mean difference between the results at half, whole and double size."""
    results = []
    for scale in SCALES:
        size = max(1, round(scale * gray.shape[0])), max(1, round(scale * gray.shape[1]))
        result = colorize(Photo(resized(gray, size))).pixels
        results.append(resized(result, (gray.shape[0], gray.shape[1])))
    pairs = itertools.combinations(results, 2)
    return float(np.mean([color_difference(one, other, gray) for one, other in pairs]))


def color_difference(one: Array, other: Array, gray: Gray) -> float:
    """Return the mean CIEDE2000 of two results, sRGB uint8, that both get the L of `gray`."""
    pictures = [lab.rgb_to_lab(pixels.astype(np.float32) / 255) for pixels in (one, other)]
    for picture in pictures:
        picture[..., 0] = lab.lightness(gray)
    return mean_delta_e(*pictures)


def named(chosen: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, Photo | str]]:
    """Yield the name of each picture among files, and it or why it can't be read."""
    for name, content in chosen:
        if not has_image_suffix(name):
            continue
        try:
            yield name, read(io.BytesIO(content))
        except ColorizeError as error:
            yield name, str(error).removeprefix("stream: ")


def measure(
    colorize: Callable[[Photo], Photo], chosen: Iterable[tuple[str, bytes]], quiet: bool = False
) -> dict[str, dict[str, float]]:
    """Return the differences of each photograph by the kind of damage, SCALE among them.

    chosen: names and contents of files. Raises ColorizeError if there are no photographs.
    """
    rows = {}
    for name, photo in tqdm(named(chosen), unit=" photographs", disable=quiet or None):
        if isinstance(photo, str):
            continue
        gray = gray_picture(photo)
        row = {v.name: v.delta_e for v in versions(colorize, gray) if v.delta_e is not None}
        rows[name] = {**row, SCALE: scale_difference(colorize, gray)}
    if not rows:
        raise ColorizeError("no photographs to measure on")
    return rows


def means(rows: dict[str, dict[str, float]]) -> dict[str, float]:
    """Return the mean over photographs of each kind of damage."""
    kinds = next(iter(rows.values()))
    return {kind: float(np.mean([row[kind] for row in rows.values()])) for kind in kinds}


def table(rows: dict[str, dict[str, float]]) -> str:
    """Return mean and worst of each kind of damage as a Markdown table."""
    lines = ["| | mean ΔE2000 | worst | of |", "|---|--:|--:|---|"]
    for kind, mean in means(rows).items():
        worst = max(rows, key=lambda name, kind=kind: rows[name][kind])  # type: ignore[misc]
        lines.append(f"| {kind} | {mean:.2f} | {rows[worst][kind]:.2f} | {worst} |")
    return "\n".join(lines)


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    return command.measuring_parser(
        "robustness", "Measure how damage and scale change the colors of photographs."
    )


def answer(args: argparse.Namespace) -> command.Answer:
    """Return what the arguments ask for."""
    colorizer = command.colorizer_of(args)
    rows = measure(colorizer, command.files(args), args.quiet)
    settings = command.settings_of(args, colorizer, len(rows)) | {"side": SIDE}
    figures = {"mean delta E": means(rows), "delta E": rows}
    return command.Answer(settings, figures, f"{table(rows)}\n\nGoal for {SCALE}: at most {GOAL:g}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    args = parser().parse_args(argv)
    return command.run("robustness", answer, args)


if __name__ == "__main__":
    sys.exit(main())
