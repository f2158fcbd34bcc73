"""Measure how steady a network's colours are: python -m colorize.evaluation.robustness DATA.

Protocol: each photograph is made grey and at most 512 pixels long, then colorized as it is, after
each of `degradations.DEGRADATIONS`, and at half and double size. Compared are colours alone: mean
CIEDE2000 of two results that both get the L of the undamaged photograph. 0 means that the damage
changed nothing; it says nothing of whether the colours are right.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from colorize.color import lab
from colorize.dataset import iterate_files
from colorize.errors import ColorizeError
from colorize.evaluation.degradations import DEGRADATIONS, SIDE, Grey, grey_picture, resized
from colorize.evaluation.metrics import mean_delta_e
from colorize.images.image import Photo, is_photo_name, read
from colorize.pipeline import NETWORK_SIZE, Colorizer

Array = npt.NDArray[Any]

SCALES = (0.5, 1.0, 2.0)
SCALE = "0.5×, 1×, 2×"  # the name of that figure
GOAL = 3.0  # of it


@dataclass(frozen=True)
class Version:
    """One version of a photograph: what was colorized and the result, (h, w) and (h, w, 3) uint8.

    delta_e: from the clean version's result, colours alone; None for the clean one itself.
    """

    name: str
    grey: Grey
    colour: Array
    delta_e: float | None = None


def versions(colorize: Callable[[Photo], Photo], grey: Grey) -> Iterator[Version]:
    """Yield the clean version and each degraded one of a grey picture."""
    clean = colorize(Photo(grey)).pixels
    yield Version("clean", grey, clean)
    size = grey.shape[0], grey.shape[1]
    for degradation in DEGRADATIONS:
        degraded = degradation.apply(grey)
        result = colorize(Photo(degraded)).pixels
        difference = colour_difference(degradation.inside(result, size), clean, grey)
        yield Version(degradation.name, degraded, result, difference)


def scale_difference(colorize: Callable[[Photo], Photo], grey: Grey) -> float:
    """Return the mean difference between the results at half, whole and double size."""
    results = []
    for scale in SCALES:
        size = max(1, round(scale * grey.shape[0])), max(1, round(scale * grey.shape[1]))
        result = colorize(Photo(resized(grey, size))).pixels
        results.append(resized(result, (grey.shape[0], grey.shape[1])))
    pairs = itertools.combinations(results, 2)
    return float(np.mean([colour_difference(one, other, grey) for one, other in pairs]))


def colour_difference(one: Array, other: Array, grey: Grey) -> float:
    """Return the mean CIEDE2000 of two results, sRGB uint8, that both get the L of `grey`."""
    pictures = [lab.rgb_to_lab(pixels.astype(np.float32) / 255) for pixels in (one, other)]
    for picture in pictures:
        picture[..., 0] = lab.lightness(grey)
    return mean_delta_e(*pictures)


def photographs(data: Path, limit: int | None = None) -> Iterator[tuple[str, Photo | str]]:
    """Yield the name of each picture in a folder or tar file, and it or why it can't be read."""
    files = ((name, content) for name, content in iterate_files([data]) if is_photo_name(name))
    for name, content in itertools.islice(files, limit):
        try:
            yield name, read(io.BytesIO(content))
        except ColorizeError as error:
            yield name, str(error).removeprefix("stream: ")


def measure(
    colorize: Callable[[Photo], Photo], data: Path, limit: int | None = None, quiet: bool = False
) -> dict[str, dict[str, float]]:
    """Return the differences of each photograph by the kind of damage, SCALE among them.

    Raises ColorizeError if there are no photographs.
    """
    rows = {}
    for name, photo in tqdm(
        photographs(data, limit), unit=" photographs", disable=quiet or None
    ):  # fmt: skip
        if isinstance(photo, str):
            continue
        grey = grey_picture(photo)
        row = {v.name: v.delta_e for v in versions(colorize, grey) if v.delta_e is not None}
        rows[name] = {**row, SCALE: scale_difference(colorize, grey)}
    if not rows:
        raise ColorizeError(f"{data}: no photographs to measure on")
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


def add_network_options(result: argparse.ArgumentParser) -> None:
    """Add the options that choose a network and its settings."""
    result.add_argument("--model", default="compact", help="default: compact")
    result.add_argument("--weights", help="weights file of that model")
    result.add_argument("--device", default="cpu", help="torch device (default: cpu)")
    result.add_argument("--size", type=int, default=NETWORK_SIZE, help="network size")
    result.add_argument("--temperature", type=float, help="default: the network's own")
    result.add_argument("--rebalance", type=float, help="default: the network's own")
    result.add_argument("--coherence", type=float, help="default: the network's own")
    result.add_argument("--limit", type=int, help="only the first so many photographs")
    result.add_argument("--quiet", action="store_true", help="no progress on stderr")


def colorizer_of(args: argparse.Namespace) -> Colorizer:
    """Return what the options of `add_network_options` ask for."""
    names = ("weights", "device", "size", "temperature", "rebalance", "coherence", "quiet")
    return Colorizer.from_pretrained(args.model, **{name: getattr(args, name) for name in names})


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    result = argparse.ArgumentParser(
        prog="python -m colorize.evaluation.robustness",
        description="Measure how damage and scale change the colours of photographs.",
    )
    result.add_argument("data", type=Path, help="folder or tar file of photographs")
    result.add_argument("--json", type=Path, help="also write the figures to this file")
    add_network_options(result)
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    args = parser().parse_args(argv)
    try:
        colorizer = colorizer_of(args)
        rows = measure(colorizer, args.data, args.limit, args.quiet)
        settings = {
            "model": args.model, "photographs": len(rows), "side": SIDE, "size": args.size,
            "temperature": colorizer.temperature, "rebalance": colorizer.rebalance,
            "coherence": colorizer.coherence,
        }  # fmt: skip
        if args.json:
            content = {**settings, "mean delta E": means(rows), "delta E": rows}
            args.json.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
    except (ColorizeError, OSError) as error:
        sys.stderr.write(f"robustness: {error}\n")
        return 1
    sys.stdout.write(", ".join(f"{k} {v}" for k, v in settings.items()) + "\n\n")
    sys.stdout.write(table(rows) + f"\n\nGoal for {SCALE}: at most {GOAL:g}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
