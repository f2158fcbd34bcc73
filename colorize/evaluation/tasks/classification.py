"""`classification`: whether a classifier recognizes colorized photographs.

Protocol of *Colorful Image Colorization* (ECCV 2016, section 3.1 and table 1, there with VGG16):
photographs of ImageNet classes are made gray and colorized at full size, and an ImageNet
classifier sees the truth, the gray photograph and the result. The accuracies are those of the
best and of the five best classes. Only files whose path holds the WordNet ID of one of the 1000
classes, such as n01440764_tench.jpg, are used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import numpy as np

from colorize.color import lab
from colorize.color.bit_depth import to_uint8
from colorize.errors import ColorizeError
from colorize.evaluation.classifier import Classifier, class_of
from colorize.evaluation.common import (
    NamedFile,
    Report,
    Subject,
    measurement,
    read_named,
    require_photographs,
    table,
)
from colorize.evaluation.degradations import gray_of
from colorize.io.photo import Photo

TOP = 5


@dataclass(frozen=True)
class Accuracy:
    """Per cent of photographs whose class is the best, or among the five best."""

    top1: float
    top5: float


def measure_accuracy(
    colorize: Callable[[Photo], Photo],
    best_classes: Callable[[Photo], list[int]],
    files: Iterable[NamedFile],
) -> tuple[dict[str, Accuracy], int]:
    """Return the accuracy for "truth", "gray" and "network", and the number of photographs.

    Args:
        colorize: What is measured.
        best_classes: Returns the five most probable classes, the best first.
        files: Names and contents; those without a class or a picture are left out.

    Raises:
        ColorizeError: There are no photographs.
    """
    hits: dict[str, list[tuple[bool, bool]]] = {"truth": [], "gray": [], "network": []}
    for name, truth in read_named(file for file in files if class_of(file[0]) is not None):
        if isinstance(truth, ColorizeError):
            continue
        gray = Photo(gray_of(lab.lightness(to_uint8(truth.pixels))))
        for row, photo in zip(hits.values(), (truth, gray, colorize(gray)), strict=True):
            best = best_classes(photo)
            row.append((class_of(name) == best[0], class_of(name) in best[:TOP]))
    require_photographs(len(hits["truth"]))
    return {
        name: Accuracy(*(100 * np.mean(row, axis=0)).tolist()) for name, row in hits.items()
    }, len(hits["truth"])


def measure(subject: Subject) -> Report:
    """Return the report of `classification`."""
    rows, count = measure_accuracy(subject.colorizer, Classifier().best, subject.files())
    text = table(
        ["", "top-1 %", "top-5 %"],
        [[name, f"{row.top1:.1f}", f"{row.top5:.1f}"] for name, row in rows.items()],
    )
    metrics = {name: asdict(row) for name, row in rows.items()}
    return subject.report(count, metrics, text)


TASK = measurement(
    "classification",
    "Measure whether a classifier recognizes colorized ImageNet photographs.",
    measure,
)
