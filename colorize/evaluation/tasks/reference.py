"""`reference`: what a reference photograph can gain at most.

Protocol: each photograph, stretched to the network's size, is colorized without a reference and
with itself as the reference.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

import numpy as np

from colorize.color import lab
from colorize.color.types import Pixels
from colorize.evaluation.accumulator import MetricAccumulator, Metrics, metrics_table
from colorize.evaluation.common import (
    Report,
    Subject,
    decode,
    measurement,
    predict,
    require_photographs,
)
from colorize.io.photo import Photo
from colorize.pipeline import Colorizer


def compare_references(
    colorizer: Colorizer, photographs: Iterable[Pixels]
) -> tuple[dict[str, Metrics], int]:
    """Return the metrics "without" and "with" the truth as reference, and of how many.

    photographs: sRGB (size, size, 3), size being the network's. Raises ColorizeError if there
    are none.
    """
    accumulators = {"without": MetricAccumulator(), "with": MetricAccumulator()}
    count = 0
    for rgb in photographs:
        count += 1
        truth = lab.rgb_to_lab(rgb.astype(np.float32) / 255)
        for accumulator, reference in zip(accumulators.values(), (None, Photo(rgb)), strict=True):
            logits = predict(colorizer, truth[None, None, ..., 0], reference)
            ab = np.moveaxis(decode(colorizer, logits)[0], 0, -1)
            accumulator.add(np.concatenate((truth[..., :1], ab), axis=-1), truth)
    require_photographs(count)
    return {name: each.metrics() for name, each in accumulators.items()}, count


def measure(subject: Subject) -> Report:
    """Return the report of `reference`."""
    rows, count = compare_references(subject.colorizer, subject.photographs())
    metrics = {name: asdict(row) for name, row in rows.items()}
    return subject.report(count, metrics, metrics_table(rows, "reference"))


TASK = measurement(
    "reference", "Measure what each photograph gains with itself as the reference.", measure
)
