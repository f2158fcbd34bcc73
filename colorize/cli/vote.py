"""`colorize vote`: make a page for a blind comparison, or count its votes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from colorize.cli.messages import DONE, FAILED, log_line, print_line
from colorize.cli.summary import counted
from colorize.command_parser import CommandParser
from colorize.errors import ColorizeError

EPILOG = """\
examples:
  colorize vote vivid/ faithful/ --gallery vote.html    write the page; open it in a browser
  colorize vote anna.json ben.json                      scores of several people's votes

Scores are those of the Bradley-Terry model, in log odds; see docs/gallery.md.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Write a page for two folders, or print the scores of files of votes; return the status."""
    arguments = parser()
    args = arguments.parse_args(argv)
    if args.gallery and len(args.paths) != 2:
        arguments.error("--gallery needs two folders with results of the same photographs")
    try:
        paths = [Path(path) for path in args.paths]
        return _write(paths, args) if args.gallery else _count(paths)
    except ColorizeError as error:
        log_line(str(error))
        return FAILED


def parser() -> CommandParser:
    """Return the parser of `colorize vote`."""
    result = CommandParser(
        prog="colorize vote",
        description="Compare two folders with results of the same photographs blindly. With "
        "--gallery, write the page on which to vote; without, print the scores of the votes that "
        "it saved.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument(
        "paths", nargs="+", metavar="PATH",
        help="two folders with --gallery, else files of votes (JSON)",
    )  # fmt: skip
    result.add_argument(
        "--gallery", metavar="FILE.html", help="write the page, one file that works offline"
    )
    result.add_argument("--title", metavar="TEXT", help="title of the page")
    result.add_argument(
        "--seed", type=int, metavar="N", help="of the sides and the order (default: random)"
    )
    return result


def _write(folders: Sequence[Path], args: argparse.Namespace) -> int:
    from colorize.viewing.votes import TITLE, write_page

    first, second = folders
    page = Path(args.gallery)
    written = write_page(page, first, second, title=args.title or TITLE, seed=args.seed)
    for problem in written.problems:
        log_line(problem)
    log_line(f"{page.absolute()}: {counted(written.pairs, 'photograph')} to vote on")
    return DONE


def _count(paths: Sequence[Path]) -> int:
    from colorize.viewing.bradley_terry import scores
    from colorize.viewing.votes import read_votes

    result = scores([vote for path in paths for vote in read_votes(path)])
    width = max(len(each.name) for each in result)
    print_line(f"{'':{width}}  score  95 % interval     won")
    for each in result:
        interval = f"{each.low:+.2f} to {each.high:+.2f}"
        print_line(
            f"{each.name:{width}}  {each.score:+.2f}  {interval}  {each.wins:g} of {each.votes}"
        )
    return DONE
