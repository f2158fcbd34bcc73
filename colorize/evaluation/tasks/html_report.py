"""`html-report`: a page of photographs in gray and in color, as they are and degraded.

Next to each degraded variant stands the mean CIEDE2000 between its result and the clean one (see
`robustness`). The end of the page names the largest differences and what could not be read.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from colorize.errors import ColorizeError
from colorize.evaluation.common import (
    NamedFile,
    Report,
    Subject,
    measurement,
    read_named,
)
from colorize.evaluation.degradations import SIDE, gray_picture
from colorize.evaluation.tasks.robustness import Variant, colorize_variants, means
from colorize.io.photo import Photo
from colorize.viewing.gallery import Gallery

WORST = 10  # how many of the largest differences are listed


def write_page(
    colorize: Callable[[Photo], Photo], files: Iterable[NamedFile], path: Path, title: str
) -> dict[str, dict[str, float]]:
    """Write the page and return ΔE2000 by photograph and degradation.

    Args:
        colorize: What is shown.
        files: Names and contents; those that cannot be read are listed on the page.
        path: Of the page.
        title: Of the page.

    Raises:
        ColorizeError: The page cannot be written.
    """
    rows: dict[str, dict[str, float]] = {}
    with Gallery.create(path, title=title, columns=True) as gallery:
        for name, photo in read_named(files):
            if isinstance(photo, ColorizeError):
                gallery.add_problem(str(photo))
            else:
                gallery.add_heading(name)
                rows[name] = _add(gallery, colorize_variants(colorize, gray_picture(photo)))
        for line in _summary(rows):
            gallery.add_note(line)
    return rows


def _add(gallery: Gallery, variants: Iterable[Variant]) -> dict[str, float]:
    """Show the variants of one photograph; return the differences of the degraded ones."""
    row = {}
    for variant in variants:
        note = ""
        if variant.delta_e is not None:
            row[variant.name] = variant.delta_e
            note = f"ΔE {variant.delta_e:.1f}"
        gallery.add(variant.name, Photo(variant.gray), Photo(variant.color), note)
    return row


def _summary(rows: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    yield f"{len(rows)} photographs, each at most {SIDE} pixels long."
    if not rows:
        return
    values = ", ".join(f"{name} {mean:.2f}" for name, mean in means(rows).items())
    yield f"Mean ΔE2000 between the results of degraded and clean photographs: {values}."
    every = [(value, photo, name) for photo, row in rows.items() for name, value in row.items()]
    worst = ", ".join(f"{p} ({n}) {v:.1f}" for v, p, n in sorted(every, reverse=True)[:WORST])
    yield f"Largest: {worst}."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `html-report`."""
    parser.add_argument("-o", "--output", type=Path, required=True, help="the page, .html")


def measure(subject: Subject) -> Report:
    """Write the page and return its figures."""
    page, title = subject.args.output, f"{subject.args.data.name}, as is and degraded"
    rows = write_page(subject.colorizer, subject.files(), page, title)
    return subject.report(len(rows), {"delta_e": rows}, f"{page}: {len(rows)} photographs")


TASK = measurement(
    "html-report", "Show photographs in color, as is and degraded.", measure, add_arguments
)
