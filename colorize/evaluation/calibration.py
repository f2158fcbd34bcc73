"""Does a network know what it knows? python -m colorize.evaluation.calibration DATA.

Protocol: photographs stretched to 256×256 as in `evaluate`. The cells of the network's output are
sorted by confidence (see `Colorizer.confidence`) over all photographs together and cut into ten
equal groups; the error of each group's colors should grow as confidence falls.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from skimage.color import deltaE_ciede2000
from tqdm import tqdm

from colorize.color import lab
from colorize.decoding.distribution import confidence_of, require_distribution
from colorize.errors import ColorizeError
from colorize.evaluation import common as command
from colorize.pipeline import Colorizer

Array = npt.NDArray[Any]
GROUPS = 10
STRIDE = 4  # pixels a cell of the output is high and wide


@dataclass(frozen=True)
class Group:
    """One tenth of all cells: between which confidences, and their mean errors."""

    highest: float
    lowest: float
    ab_error: float  # Euclidean distance of ab to the truth
    delta_e: float  # CIEDE2000 to the truth


def calibrate(
    colorizer: Colorizer, pictures: Iterable[Array], quiet: bool = False
) -> tuple[list[Group], int]:
    """Return the tenths of all cells from the surest to the least sure, and how many pictures.

    pictures: sRGB uint8, (256, 256, 3) each. Raises ColorizeError if there are none.
    """
    cells = [
        _cells(colorizer, picture)
        for picture in tqdm(pictures, unit=" photographs", disable=quiet or None)
    ]
    if not cells:
        raise ColorizeError("no photographs to measure on")
    columns = np.concatenate(cells, axis=1)  # confidence, ab error, ΔE
    order = np.argsort(-columns[0], kind="stable")
    return [_group(columns[:, part]) for part in np.array_split(order, GROUPS)], len(cells)


def _cells(colorizer: Colorizer, picture: Array) -> npt.NDArray[np.float32]:
    """Return confidence, ab error and ΔE2000 of each cell of a picture, (3, cells)."""
    truth = lab.rgb_to_lab(picture.astype(np.float32) / 255)
    output = colorizer.predict(truth[None, None, ..., 0])
    ab = np.moveaxis(colorizer.decode(output)[0], 0, -1)
    result, truth = _shrunk(np.concatenate((truth[..., :1], ab), axis=-1)), _shrunk(truth)
    error = np.linalg.norm(result[..., 1:] - truth[..., 1:], axis=-1)
    difference = deltaE_ciede2000(truth, result)  # type: ignore[no-untyped-call]
    sure = confidence_of(colorizer, output)[0]
    return np.stack([sure.ravel(), error.ravel(), difference.ravel()]).astype(np.float32)


def _shrunk(picture: Array) -> Array:
    """Return the means of the picture's cells."""
    h, w, c = picture.shape
    means: Array = picture.reshape(h // STRIDE, STRIDE, w // STRIDE, STRIDE, c).mean(axis=(1, 3))
    return means


def _group(columns: Array) -> Group:
    sure, error, difference = columns
    return Group(
        float(sure.max()), float(sure.min()), float(error.mean()), float(difference.mean())
    )


def grows(groups: Sequence[Group]) -> bool:
    """Tell whether both errors grow from each group to the next less sure one."""
    return all(
        one.ab_error < other.ab_error and one.delta_e < other.delta_e
        for one, other in itertools.pairwise(groups)
    )


def table(groups: Sequence[Group]) -> str:
    """Return the groups as a Markdown table."""
    rows = ["| confidence | ab error | ΔE2000 |", "|---|--:|--:|"]
    rows += [
        f"| {g.highest:.2f} to {g.lowest:.2f} | {g.ab_error:.2f} | {g.delta_e:.2f} |"
        for g in groups
    ]
    monotone = "grow" if grows(groups) else "do NOT always grow"
    return "\n".join([*rows, "", f"errors {monotone} as confidence falls"])


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    return command.measuring_parser(
        "calibration", "Compare a network's confidence with its errors."
    )


def measure(args: argparse.Namespace) -> command.Answer:
    """Return what the arguments ask for."""
    colorizer = command.colorizer_of(args)
    require_distribution(colorizer)
    groups, number = calibrate(colorizer, command.photographs(command.files(args)), args.quiet)
    figures = {"groups": [asdict(group) for group in groups]}
    return command.Answer(command.settings_of(args, colorizer, number), figures, table(groups))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    args = parser().parse_args(argv)
    return command.run("calibration", measure, args)


if __name__ == "__main__":
    sys.exit(main())
