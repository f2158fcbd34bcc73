"""The line that says that a file is being written."""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path

import pytest

from colorize.batch import Job
from colorize.cli import writing
from colorize.cli.writing import WritingNotice

JOB = Job(Path("in.heic"), Path("out.heic"))


def open_terminal(monkeypatch) -> io.StringIO:
    """Return what stands in for standard error, to be called in the test: pytest sets its own."""
    stream = io.StringIO()
    stream.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


def test_slow_writing_is_shown_and_erased(monkeypatch):
    terminal = open_terminal(monkeypatch)
    monkeypatch.setattr(writing, "PATIENCE", 0.01)
    with WritingNotice() as notice:
        notice.start(JOB)
        deadline = time.monotonic() + 10
        while "out.heic" not in terminal.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert "writing out.heic ..." in terminal.getvalue()
    assert terminal.getvalue().endswith(" \r")


@pytest.mark.parametrize("hidden", [True, False])
def test_nothing_is_shown_of_a_quick_or_quiet_one(monkeypatch, hidden):
    terminal = open_terminal(monkeypatch)
    with WritingNotice(hidden) as notice:
        notice.start(JOB)
    assert terminal.getvalue() == ""
