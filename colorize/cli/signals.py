"""Ctrl-C and other signals that end the command, once and cleanly."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


class Interrupts:
    """Ctrl-C, SIGTERM and a closed terminal: the first ends the command, others are too late.

    A second KeyboardInterrupt could break off the removal of temporary files.
    """

    SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # the last is missing on Windows

    def __init__(self) -> None:
        """Wait for the first."""
        self.seen = False

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Handle the signals; after one was seen they stay ignored until the process ends."""
        self.seen = False
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        known = [getattr(signal, name) for name in self.SIGNALS if hasattr(signal, name)]
        # nohup and & have some ignored, and so they stay
        former = {n: signal.getsignal(n) for n in known}
        former = {n: h for n, h in former.items() if h not in (signal.SIG_IGN, None)}
        for number in former:
            signal.signal(number, self._handle)
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, signal.SIG_IGN if self.seen else handler)

    def _handle(self, number: int, frame: Any) -> None:
        if self.seen:
            with suppress(OSError):  # not through sys.stderr, which may be in use below us
                os.write(2, b"colorize: stopping, once the photographs in work let go\n")
            return
        self.seen = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """Raise KeyboardInterrupt again if some library swallowed it."""
        if self.seen:
            raise KeyboardInterrupt


interrupts = Interrupts()
