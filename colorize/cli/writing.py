"""A line on the terminal while a single file is being written, where that takes long."""

from __future__ import annotations

import sys
from threading import Lock, Timer

from colorize.batch import Job
from colorize.cli.messages import printable
from colorize.errors import display_name

PATIENCE = 2.0  # seconds


class WritingNotice:
    """Shows "writing NAME ..." on a terminal after two seconds, and erases it at the end."""

    def __init__(self, hidden: bool = False):
        """Show nothing where `hidden`, or where standard error is not a terminal."""
        self._hidden = hidden or not sys.stderr.isatty()
        self._timer: Timer | None = None
        self._shown = ""
        self._lock = Lock()

    def __enter__(self) -> WritingNotice:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, job: Job) -> None:
        """Wait two seconds, then show that the job's output is being written."""
        if self._hidden or self._timer is not None:
            return
        text = printable(f"writing {display_name(job.target)} ...", sys.stderr)
        self._timer = Timer(PATIENCE, self._show, [text])
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        """Show nothing more, and erase what was shown."""
        if self._timer is None:
            return
        self._timer.cancel()
        with self._lock:
            if self._shown:
                sys.stderr.write("\r" + " " * len(self._shown) + "\r")
                sys.stderr.flush()
            self._hidden, self._shown = True, ""

    def _show(self, text: str) -> None:
        with self._lock:
            if not self._hidden:
                self._shown = text
                sys.stderr.write("\r" + text)
                sys.stderr.flush()
