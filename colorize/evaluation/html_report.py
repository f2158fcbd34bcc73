"""A page of pictures to look at: python -m colorize.evaluation.html_report FOLDER -o page.html.

Each photograph of a folder in gray and in color, and so after each of
`degradations.DEGRADATIONS`, with the mean CIEDE2000 between that result and the clean one (see
`robustness`). The end of the page tells where damage changed the colors most, and what could not
be read.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from colorize.errors import ColorizeError
from colorize.evaluation import common as command
from colorize.evaluation.degradations import SIDE, gray_picture
from colorize.evaluation.robustness import Version, means, named, versions
from colorize.io.photo import Photo
from colorize.viewing.gallery import Gallery

WORST = 10  # so many of the largest differences are named


def write_page(
    colorize: Callable[[Photo], Photo],
    chosen: Iterable[tuple[str, bytes]],
    path: Path,
    title: str,
    quiet: bool = False,
) -> int:
    """Write the page of files, given by name and content; return how many photographs it has."""
    rows: dict[str, dict[str, float]] = {}
    with Gallery.writing(path, title=f"{title}, whole and damaged", columns=True) as gallery:
        for name, photo in tqdm(named(chosen), unit=" photographs", disable=quiet or None):
            if isinstance(photo, str):
                gallery.add_problem(f"{name}: {photo}")
            else:
                rows[name] = _add(gallery, name, versions(colorize, gray_picture(photo)))
        for line in _summary(rows):
            gallery.add_note(line)
    return len(rows)


def _add(gallery: Gallery, name: str, all_versions: Iterable[Version]) -> dict[str, float]:
    """Show the versions of one photograph; return the differences of the damaged ones."""
    gallery.add_heading(name)
    row = {}
    for version in all_versions:
        note = ""
        if version.delta_e is not None:
            row[version.name] = version.delta_e
            note = f"ΔE {version.delta_e:.1f}"
        gallery.add(version.name, Photo(version.gray), Photo(version.color), note)
    return row


def _summary(rows: dict[str, dict[str, float]]) -> Iterator[str]:
    """Yield lines of text on all photographs."""
    yield f"{len(rows)} photographs, each at most {SIDE} pixels long."
    if not rows:
        return
    figures = ", ".join(f"{kind} {mean:.2f}" for kind, mean in means(rows).items())
    yield f"Mean ΔE2000 between the results of the damaged and the clean photographs: {figures}."
    every = [(value, name, kind) for name, row in rows.items() for kind, value in row.items()]
    worst = ", ".join(f"{n} ({k}) {v:.1f}" for v, n, k in sorted(every, reverse=True)[:WORST])
    yield f"Largest: {worst}."


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    result = command.parser(
        "page", "Show the photographs of a folder in gray and in color, whole and damaged."
    )
    result.add_argument("-o", "--output", type=Path, required=True, help="the page, .html")
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    args = parser().parse_args(argv)
    try:
        colorizer, chosen = command.colorizer_of(args), command.files(args)
        count = write_page(colorizer, chosen, args.output, args.data.name, args.quiet)
    except (ColorizeError, OSError) as error:
        sys.stderr.write(f"page: {error}\n")
        return 1
    sys.stdout.write(f"{args.output}: {count} photographs\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
