"""Handling of Ctrl-C and other signals that end the command, once and cleanly."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType


class Interrupts:
    """Ctrl-C, SIGTERM and SIGHUP: the first ends the command, later ones only print a line.

    A second KeyboardInterrupt could cut short the removal of temporary files.
    """

    SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP

    def __init__(self) -> None:
        """Start without a signal."""
        self.triggered = False

    @contextmanager
    def handle_signals(self) -> Iterator[None]:
        """Handle the signals; once one has come they stay ignored until the process ends."""
        self.triggered = False
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = [getattr(signal, name) for name in self.SIGNALS if hasattr(signal, name)]
        handlers = {number: signal.getsignal(number) for number in numbers}
        # nohup and & have some ignored: they stay ignored
        ignored = (signal.SIG_IGN, None)
        handlers = {n: handler for n, handler in handlers.items() if handler not in ignored}
        for number in handlers:
            signal.signal(number, self._handle)
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, signal.SIG_IGN if self.triggered else handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.triggered:
            with suppress(OSError):  # sys.stderr may be in use in the interrupted code
                os.write(2, b"colorize: stopping as soon as the current photographs allow\n")
            return
        self.triggered = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """Raise KeyboardInterrupt again if a library swallowed it."""
        if self.triggered:
            raise KeyboardInterrupt


interrupts = Interrupts()
