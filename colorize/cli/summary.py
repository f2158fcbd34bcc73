"""What a batch adds up to, in a few lines however long it was."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from colorize.batch import Cause, Report, Result
from colorize.errors import display_name

MAX_NOTES = 10  # kinds of notes that are printed
KEPT: tuple[Cause, ...] = ("in color", "a result", "output exists")
SKIPPED: tuple[tuple[Cause, str, str, str], ...] = (
    ("up to date", "output", "is up to date", "are up to date"),
    ("output exists", "output", "exists already", "exist already"),
    ("in color", "photograph", "is in color already", "are in color already"),
    ("a result", "photograph", "is a result of an earlier run", "are results of earlier runs"),
)
REFUSED: tuple[tuple[Cause, str, str], ...] = (
    ("output exists", "exists already", "exist already"),
    ("output older", "is older than the input", "are older than their inputs"),
    ("other settings", "was made with other settings", "were made with other settings"),
)


@dataclass
class _Note:
    text: str
    output: str
    count: int = 0


class Notes:
    """Counts the notes on outputs, which differ only in numbers or not at all."""

    def __init__(self) -> None:
        """Begin with none."""
        self._kinds: dict[str, _Note] = {}

    def add(self, result: Result) -> None:
        """Count the notes on a result."""
        for text in dict.fromkeys(result.notes):
            kind = re.sub(r"\d+", "#", text)
            if kind not in self._kinds:
                self._kinds[kind] = _Note(text, display_name(result.job.target))
            self._kinds[kind].count += 1

    def lines(self) -> list[str]:
        """Return a line for each kind, the most frequent first."""
        notes = sorted(self._kinds.values(), key=lambda note: -note.count)
        lines = []
        for note in notes[:MAX_NOTES]:
            others = f" and {note.count - 1:,} more" if note.count > 1 else ""
            lines.append(f"{note.output}{others}: {note.text}")
        if rest := notes[MAX_NOTES:]:
            total = sum(note.count for note in rest)
            lines.append(f"{counted(total, 'other note')}; --json writes all of them")
        return lines


def closing_lines(
    report: Report, left: int, notes: Notes, others: Sequence[str], skips_color: bool
) -> list[str]:
    """Return what to print at the end of a batch; one line if there was nothing to do.

    Args:
        report: the counts.
        left: jobs without a result.
        notes: on the outputs.
        others: what else to tell, such as what was left out.
        skips_color: whether photographs in color were to be skipped.
    """
    reasons = report.skipped_by
    if report.skipped == report.total and not left:
        return ["; ".join([f"nothing to do: {', '.join(_skipped(reasons))}", *others])]
    lines = [*notes.lines(), *others]
    if report.in_color and not skips_color:
        share = f"{report.in_color} of {counted(report.photographs, 'photograph')}"
        verb = "was" if report.in_color == 1 else "were"
        lines.append(f"{share} {verb} in color already; --skip-color leaves them out")
    kept: Counter[Cause] = Counter({cause: reasons[cause] for cause in KEPT})
    if kept.total():
        lines.append(f"skipped: {', '.join(_skipped(kept))}")
    for cause, singular, plural in REFUSED:
        if count := report.failed_by[cause]:
            verb, them = (singular, "it") if count == 1 else (plural, "them")
            lines.append(
                f"failed: {counted(count, 'output')} {verb}; --overwrite replaces {them}, "
                f"--skip-existing keeps {them}"
            )
    return [*lines, report.summary + (f"; {left} left" if left else "")]


def _skipped(reasons: Counter[Cause]) -> list[str]:
    phrases = []
    for cause, noun, singular, plural in SKIPPED:
        if count := reasons[cause]:
            phrase = f"{counted(count, noun)} {singular if count == 1 else plural}"
            if cause == "output exists":
                phrase += f" (--overwrite replaces {'it' if count == 1 else 'them'})"
            phrases.append(phrase)
    return phrases


def counted(number: int, noun: str) -> str:
    """Return a number with a noun in singular or plural."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def duration(seconds: float) -> str:
    """Return a length of time in its largest units, such as "3 h 20 min"."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min" if minutes else f"{seconds} s"


def describe_space(needed: int, free: int | None) -> str:
    """Return what the outputs of a dry run will need, to follow its counts; "" for nothing."""
    if not needed:
        return ""
    room = "" if free is None else f" ({_bytes(free)} are free)"
    if free is not None and needed > free:
        room = f", but only {_bytes(free)} are free"
    return f", about {_bytes(needed)}{room}"


def _bytes(number: float) -> str:
    units = ["B", "kB", "MB", "GB", "TB"]
    while number >= 1000 and len(units) > 1:
        number /= 1000
        del units[0]
    return f"{number:.1f} {units[0]}" if number < 10 else f"{number:,.0f} {units[0]}"
