"""Output of the command: messages on standard error, data on standard output, exit statuses."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TextIO

from colorize.errors import ColorizeError, display_name, escape

if TYPE_CHECKING:
    from colorize.batch import Result

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130  # exit statuses


def log_line(message: str) -> None:
    """Print one line on standard error, from any thread, without breaking a progress bar."""
    # text of a file or a server must not move the cursor or pretend to be another line
    safe = escape(message)
    tqdm = sys.modules.get("tqdm")  # without it there is no bar, and its import takes time
    bars_hidden = tqdm.tqdm.external_write_mode(file=sys.stderr) if tqdm else nullcontext()
    with suppress(OSError), bars_hidden:  # the terminal may be gone
        sys.stderr.write(f"colorize: {printable(safe, sys.stderr)}\n")


def print_line(line: str) -> None:
    """Print one line of data on standard output; names in it come out byte for byte.

    Raises ColorizeError where it is closed.
    """
    if sys.stdout is None:  # the parent process closed it
        raise ColorizeError("standard output is closed")
    try:
        sys.stdout.write(line + "\n")
    except UnicodeEncodeError:
        sys.stdout.flush()
        sys.stdout.buffer.write(os.fsencode(line) + b"\n")


def printable(text: str, stream: TextIO) -> str:
    """Return the text with characters replaced that the stream cannot encode."""
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
    """Print a warning as one line."""
    log_line(" ".join(f"warning: {message}".split()))


class ProgressBar(Protocol):
    """What the command uses of tqdm."""

    n: float
    total: float | None

    def update(self, n: float | None = 1) -> bool | None:
        """Add to what is done."""


@dataclass
class HiddenBar:
    """A progress bar that is not shown: no wait for the import of tqdm."""

    n: float = 0
    total: float | None = None

    def update(self, n: float | None = 1) -> None:
        """Add to what is done."""
        self.n += n or 0


@contextmanager
def progress_bar(
    hidden: bool,
    *,
    unit: str,
    total: int | None = None,
    desc: str | None = None,
    position: int = 0,
    leave: bool = True,
) -> Iterator[ProgressBar]:
    """Show a progress bar of tqdm on standard error; its arguments."""
    if hidden:
        yield HiddenBar(total=total)
        return
    from tqdm import tqdm

    size = {}
    with suppress(OSError):
        # `script` and some containers make terminals of 0 columns, on which tqdm shows no bar
        if not os.get_terminal_size(sys.stderr.fileno()).columns:
            size = {"ncols": 80, "nrows": 24}
    with tqdm(
        unit=unit, total=total, desc=desc, position=position, leave=leave, file=sys.stderr, **size
    ) as bar:
        yield bar


def describe_plan(result: Result) -> str:
    """Return input and output, or why the input is skipped."""
    source, target = display_name(result.job.source), display_name(result.job.target)
    return f"{source} → {target}" if result.skipped is None else f"{source}: {result.skipped}"


def result_lines(result: Result, several: bool, quiet: bool) -> list[str]:
    """Return the lines to print for one result, whose notes are counted if it is one of several."""
    if result.error is not None:
        return [result.error]
    if quiet or several:
        return []
    notes = [f"{display_name(result.job.target)}: {note}" for note in result.notes]
    if result.in_color and result.skipped is None:
        notes.append(
            f"{display_name(result.job.source)} was in color already; its colors were replaced"
        )
    if result.skipped is not None or result.size is None:
        return [describe_plan(result)]
    width, height = result.size
    size = f"{width}×{height}" + (f" and {result.pages - 1} more" if result.pages > 1 else "")
    return [f"{describe_plan(result)} ({size}, {result.seconds:.1f} s)", *notes]
