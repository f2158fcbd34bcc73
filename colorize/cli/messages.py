"""What the command says: lines on standard error, data on standard output."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from colorize.batch import Result


def say(message: str) -> None:
    """Print one line on standard error."""
    with suppress(OSError):  # the terminal may be gone
        sys.stderr.write(f"colorize: {plain(message, sys.stderr)}\n")


def print_line(line: str) -> None:
    """Print one line of data on standard output; names in it come out byte for byte."""
    if sys.stdout is None:  # closed by whoever started the command
        return
    try:
        sys.stdout.write(line + "\n")
    except UnicodeEncodeError:
        sys.stdout.flush()
        sys.stdout.buffer.write(os.fsencode(line) + b"\n")


def plain(text: str, stream: TextIO) -> str:
    """Return the text with nothing in it that the stream can't encode."""
    encoding = getattr(stream, "encoding", None) or "ascii"
    try:
        text.encode(encoding)
        return text
    except UnicodeEncodeError:
        text = text.replace("→", "->").replace("×", "x").replace("…", "...")
        return text.encode(encoding, "backslashreplace").decode(encoding)


def show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show a warning as one line, from whichever thread, between those of a progress bar."""
    from tqdm import tqdm

    with tqdm.external_write_mode(file=sys.stderr):
        say(" ".join(f"warning: {message}".split()))


def bar_size() -> dict[str, int]:
    """Return the columns and rows for a progress bar where the terminal tells 0, else nothing.

    So it is under `script` and in some containers, and tqdm would show no bar.
    """
    with suppress(OSError):
        if not os.get_terminal_size(sys.stderr.fileno()).columns:
            return {"ncols": 80, "nrows": 24}
    return {}


def planned(result: Result) -> str:
    """Return what becomes what, or why nothing does."""
    from colorize.errors import display_name

    source, target = display_name(result.job.source), display_name(result.job.target)
    return f"{source} → {target}" if result.skipped is None else f"{source}: {result.skipped}"


def result_lines(result: Result, several: bool, quiet: bool) -> list[str]:
    """Return what to say of one result."""
    from colorize.errors import display_name

    if result.error is not None:
        return [result.error]
    if quiet:
        return []
    notes = [f"{display_name(result.job.target)}: {note}" for note in result.notes]
    if several:
        return notes
    if result.skipped is not None or result.size is None:
        return [planned(result)]
    width, height = result.size
    return [f"{planned(result)} ({width}×{height}, {result.seconds:.1f} s)", *notes]


def number_left(number: int) -> str:
    """Return what to add to a summary of a batch that ended early."""
    return f"; {number} left" if number else ""
