"""The sub-commands of `colorize`, each run by the `main` of its own module."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

from colorize.installation import run_with_torch


class Command(NamedTuple):
    """A sub-command: what the help says, and where its `main` is."""

    help: str
    module: str
    purpose: str | None = None  # what it needs PyTorch for; None where it does not
    own_signals: bool = False  # whether its module handles Ctrl-C itself

    def run(self, argv: Sequence[str]) -> int:
        """Run the sub-command and return its exit status."""
        if self.purpose is not None:
            return run_with_torch(self.module, self.purpose, argv)
        status: int = import_module(self.module).main(argv)
        return status


COMMANDS = {
    "serve": Command("a web page, and an HTTP interface", "colorize.server.cli", None, True),
    "train": Command("train a network", "colorize.training.cli", "training", True),
    "evaluate": Command("measure colorizations", "colorize.evaluation.cli", "evaluation", True),
    "export": Command("make a file for other software", "colorize.export.cli", "exporting", True),
    "models": Command("list, download and verify weights", "colorize.cli.models"),
    "compare-models": Command("one photograph in several networks", "colorize.cli.compare_models"),
    "vote": Command("compare two results blindly", "colorize.cli.vote"),
    "info": Command("print what files say of themselves", "colorize.cli.info"),
    "doctor": Command("print versions, devices and one timed run", "colorize.cli.doctor"),
    "completion": Command("print the shell's completion script", "colorize.cli.completion"),
    "man": Command("print the manual page", "colorize.cli.man"),
}


def similar_command(word: str) -> str | None:
    """Return the sub-command that a word which names no file may be meant as, or None."""
    if os.path.exists(word):
        return None
    import difflib  # here, not above: every run imports this module

    return next(iter(difflib.get_close_matches(word, COMMANDS, n=1, cutoff=0.7)), None)
