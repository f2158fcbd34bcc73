"""`calibration`: whether a network's confidence predicts its errors.

Protocol: photographs are stretched to the network's size. The cells of its output are sorted by
confidence (see `Colorizer.confidence`) over all photographs together and cut into ten equal
groups; the mean error of the groups should grow as confidence falls.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from skimage.color import deltaE_ciede2000

from colorize.color import lab
from colorize.color.downsampling import block_mean
from colorize.color.types import Array, Floats, Pixels
from colorize.decoding.confidence import confidence
from colorize.evaluation.common import (
    Report,
    Subject,
    decode,
    measurement,
    predict,
    require_photographs,
    table,
)
from colorize.pipeline import Colorizer

DECILES = 10


@dataclass(frozen=True)
class ConfidenceDecile:
    """One tenth of all cells: its range of confidence and its mean errors.

    Attributes:
        highest: Highest confidence, 0 to 1.
        lowest: Lowest confidence.
        ab_error: Euclidean distance from the true ab.
        delta_e: CIEDE2000 from the truth.
    """

    highest: float
    lowest: float
    ab_error: float
    delta_e: float


def calibrate(
    colorizer: Colorizer, photographs: Iterable[Pixels]
) -> tuple[list[ConfidenceDecile], int]:
    """Return the deciles of all cells by falling confidence, and the number of photographs.

    photographs: sRGB (size, size, 3), size being the network's. Raises ColorizeError if there
    are none.
    """
    cells = [_cells(colorizer, rgb) for rgb in photographs]
    require_photographs(len(cells))
    columns = np.concatenate(cells, axis=1)  # confidence, ab error, ΔE
    order = np.argsort(-columns[0], kind="stable")
    return [_decile(columns[:, part]) for part in np.array_split(order, DECILES)], len(cells)


def _cells(colorizer: Colorizer, rgb: Pixels) -> Floats:
    """Return confidence, ab error and ΔE2000 of each cell of a photograph, (3, cells)."""
    truth = lab.rgb_to_lab(rgb.astype(np.float32) / 255)
    logits = predict(colorizer, truth[None, None, ..., 0])
    certainty = confidence(colorizer.require_distribution().probabilities(logits)[0])
    ab = np.moveaxis(decode(colorizer, logits)[0], 0, -1)
    result, truth = (
        np.moveaxis(block_mean(np.moveaxis(picture, -1, 0), certainty.shape), 0, -1)
        for picture in (np.concatenate((truth[..., :1], ab), axis=-1), truth)
    )
    error = np.linalg.norm(result[..., 1:] - truth[..., 1:], axis=-1)
    difference = deltaE_ciede2000(truth, result)  # type: ignore[no-untyped-call]
    return np.stack([each.ravel() for each in (certainty, error, difference)]).astype(np.float32)


def _decile(columns: Array) -> ConfidenceDecile:
    confidence, error, difference = columns
    return ConfidenceDecile(
        float(confidence.max()), float(confidence.min()),
        float(error.mean()), float(difference.mean()),
    )  # fmt: skip


def is_monotonic(deciles: Sequence[ConfidenceDecile]) -> bool:
    """Return whether both errors grow from each decile to the next, less confident one."""
    return all(
        first.ab_error < second.ab_error and first.delta_e < second.delta_e
        for first, second in itertools.pairwise(deciles)
    )


def as_text(deciles: Sequence[ConfidenceDecile]) -> str:
    """Return a table of the deciles, and whether errors grow."""
    rows = [
        [f"{d.highest:.2f} to {d.lowest:.2f}", f"{d.ab_error:.2f}", f"{d.delta_e:.2f}"]
        for d in deciles
    ]
    verdict = "grow" if is_monotonic(deciles) else "do NOT always grow"
    return table(["confidence", "ab error", "ΔE2000"], rows) + (
        f"\n\nerrors {verdict} as confidence falls"
    )


def measure(subject: Subject) -> Report:
    """Return the report of `calibration`. Raises ColorizeError without a distribution."""
    subject.colorizer.require_distribution()
    deciles, count = calibrate(subject.colorizer, subject.photographs())
    metrics = {"deciles": [asdict(each) for each in deciles], "monotonic": is_monotonic(deciles)}
    return subject.report(count, metrics, as_text(deciles))


TASK = measurement("calibration", "Compare a network's confidence with its errors.", measure)
