"""One photograph from standard input or to standard output."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from pathlib import Path

from colorize.cli.messages import DONE, log_line
from colorize.cli.settings import make_colorizer, output_fingerprint
from colorize.errors import ColorizeError, display_name
from colorize.io import readers, writers
from colorize.io.atomic import Found, check_replaceable, remove_stale_temp_files
from colorize.io.photo import Photo
from colorize.io.provenance import canonical_settings
from colorize.viewing.mark import apply_mark


def colorize_pipe(args: argparse.Namespace) -> int:
    """Colorize one photograph from or to a pipe."""
    to_stdout = args.output in (None, "-")
    if (to_stdout and sys.stdout is None) or (args.input == ["-"] and sys.stdin is None):
        raise ColorizeError("standard input or output is closed: name a file")
    if to_stdout and sys.stdout.isatty():
        raise ColorizeError("standard output is a terminal: name a file with -o or use a pipe")
    if not to_stdout and os.path.lexists(args.output) and not args.overwrite:
        raise ColorizeError(f"{display_name(args.output)} exists; --overwrite replaces it")
    found = None
    if not to_stdout:
        target_path = Path(args.output)
        check_replaceable(target_path)
        if args.input == ["-"]:
            _check_not_input(target_path)
        found = Found.at(target_path)
    source = sys.stdin.buffer if args.input == ["-"] else args.input[0]
    target = sys.stdout.buffer if to_stdout else args.output
    if not to_stdout:
        with suppress(OSError):  # whether it can be written to shows later
            remove_stale_temp_files(Path(args.output).parent)
    colorizer = make_colorizer(args, single=True)
    settings = canonical_settings(output_fingerprint(args))
    photos = readers.read_pages(
        source,
        max_pixels=args.max_pixels or readers.MAX_PIXELS,
        max_pages=args.max_pages or readers.MAX_PAGES,
        allow_damaged=args.allow_damaged,
    )
    pages = (
        apply_mark(
            _compared(photo, colorizer(photo), args.compare), args.mark, args.no_mark, settings
        )
        for photo in photos
    )
    for note in writers.write(pages, target, format=args.format, quality=args.quality, found=found):
        if not args.quiet:
            log_line(note)
    return DONE


def _check_not_input(target: Path) -> None:
    """Raise ColorizeError where standard input comes from the output's own file."""
    with suppress(OSError):
        if os.path.samestat(os.fstat(sys.stdin.fileno()), os.stat(target)):
            raise ColorizeError(
                f"{display_name(target)}: the output would replace the input; choose another name"
            )


def _compared(before: Photo, after: Photo, layout: str | None) -> Photo:
    from colorize.viewing.compare import compare

    return after if layout is None else compare(before, after, layout)
