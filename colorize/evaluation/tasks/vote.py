"""`vote-sheet` and `vote-count`: a blind vote between two weights files, by eye.

`vote-sheet` writes a picture per photograph, one result on the left and the other on the right,
in an order that the seed decides, `votes.csv` to fill in, and `key.json`, which records the sides.
`vote-count` then counts the votes.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from colorize.command_parser import whole_number
from colorize.errors import ColorizeError
from colorize.evaluation.common import (
    NamedFile,
    Report,
    Subject,
    Task,
    measurement,
    read_named,
    require_photographs,
    table,
)
from colorize.evaluation.degradations import gray_picture
from colorize.io.photo import Photo
from colorize.io.writers import write
from colorize.viewing.compare import compare

SIDE = 1024  # pixels of the longer side of each result
FIRST, SECOND = "first", "second"  # weights
LEFT, RIGHT, SAME = "left", "right", "same"  # votes
KEY, VOTES = "key.json", "votes.csv"


def write_sheet(
    first: Callable[[Photo], Photo],
    second: Callable[[Photo], Photo],
    files: Iterable[NamedFile],
    folder: Path,
    seed: int,
) -> int:
    """Write pictures, votes and key to an empty folder; return the number of photographs.

    Args:
        first: One way to colorize a photograph.
        second: The other.
        files: Names and contents of photographs; those that cannot be read are left out.
        folder: Made if it is missing.
        seed: Decides which result is on the left.

    Raises:
        ColorizeError: There are no photographs, or the folder is not empty.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ColorizeError(f"{folder}: is not empty; choose another folder")
    sides = random.Random(seed)
    left_of: dict[str, str] = {}
    for _, photo in read_named(files):
        if isinstance(photo, ColorizeError):
            continue
        gray = Photo(gray_picture(photo, SIDE))
        results = [(FIRST, first(gray)), (SECOND, second(gray))]
        sides.shuffle(results)
        picture = f"{len(left_of) + 1:04}.jpg"
        write(compare(results[0][1], results[1][1], "side-by-side"), folder / picture)
        left_of[picture] = results[0][0]
    require_photographs(len(left_of))
    (folder / KEY).write_text(json.dumps({"seed": seed, "left": left_of}, indent=2) + "\n", "utf-8")
    lines = "".join(f"{picture},\n" for picture in left_of)
    (folder / VOTES).write_text(f"picture,vote\n{lines}", "utf-8")
    return len(left_of)


@dataclass(frozen=True)
class Tally:
    """How many photographs look better with each of the weights."""

    first: int
    second: int
    same: int


def count_votes(folder: Path) -> Tally:
    """Return the result of the votes in a folder.

    Raises ColorizeError for a vote that is missing or is not "left", "right" or "same".
    """
    left_of = json.loads((folder / KEY).read_text("utf-8"))["left"]
    with (folder / VOTES).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    votes = {row["picture"]: (row["vote"] or "").strip().lower() for row in rows}
    counts = {FIRST: 0, SECOND: 0, SAME: 0}
    for picture, left in left_of.items():
        vote = votes.get(picture, "")
        if vote not in (LEFT, RIGHT, SAME):
            raise ColorizeError(
                f"{folder / VOTES}: {picture}: expected left, right or same, got {vote!r}"
            )
        winner = {LEFT: left, RIGHT: FIRST if left == SECOND else SECOND, SAME: SAME}[vote]
        counts[winner] += 1
    return Tally(**counts)


def add_sheet_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vote-sheet`."""
    parser.add_argument(
        "--second-weights", metavar="FILE",
        help="weights file to compare with --weights (default: the bundled or published weights)",
    )  # fmt: skip
    parser.add_argument("--seed", type=whole_number(0), default=0, help="of the sides (default: 0)")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to write to")


def make_sheet(subject: Subject) -> Report:
    """Write the sheet; the report says where it is."""
    args = subject.args
    second = subject.load_colorizer(args.second_weights)
    count = write_sheet(subject.colorizer, second, subject.files(), args.output, args.seed)
    names = {FIRST: args.weights, SECOND: args.second_weights}
    text = (
        f"{args.output}: {count} photographs\n"
        f"Write left, right or same into {VOTES}, without a look at {KEY}; then run vote-count."
    )
    return subject.report(count, {}, text, **names)


def add_count_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `vote-count`."""
    parser.add_argument("data", type=Path, help="folder that vote-sheet wrote")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the counts as JSON")


def run_count(args: argparse.Namespace) -> Report:
    """Return the counts."""
    tally = count_votes(args.data)
    counts = {FIRST: tally.first, SECOND: tally.second, SAME: tally.same}
    rows = [[name, str(count)] for name, count in counts.items()]
    return Report({"folder": str(args.data)}, counts, table(["better", "photographs"], rows))


SHEET = measurement(
    "vote-sheet", "Write pairs of results for a blind vote.", make_sheet, add_sheet_arguments
)
COUNT = Task("vote-count", "Count the votes of a sheet.", add_count_arguments, run_count)
