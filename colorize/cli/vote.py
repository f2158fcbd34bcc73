"""`colorize vote`: make a page for a blind comparison, or count its votes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from colorize.cli.arguments import vote_parser
from colorize.cli.messages import DONE, FAILED, log_line, print_line
from colorize.errors import ColorizeError


def main(argv: Sequence[str] | None = None) -> int:
    """Write a page for two folders, or print the scores of files of votes; return the status."""
    arguments = vote_parser()
    args = arguments.parse_args(argv)
    if args.gallery and len(args.paths) != 2:
        arguments.error("--gallery needs two folders with results of the same photographs")
    try:
        paths = [Path(path) for path in args.paths]
        return _write(paths, args) if args.gallery else _count(paths)
    except ColorizeError as error:
        log_line(str(error))
        return FAILED


def _write(folders: Sequence[Path], args: argparse.Namespace) -> int:
    from colorize.viewing.votes import TITLE, write_page

    first, second = folders
    page = Path(args.gallery)
    written = write_page(page, first, second, title=args.title or TITLE, seed=args.seed)
    for problem in written.problems:
        log_line(problem)
    log_line(f"{page.absolute()}: {written.pairs} photographs to vote on")
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
