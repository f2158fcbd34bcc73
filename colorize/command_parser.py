"""The parser of every command: no abbreviations, `--version`, and errors that suggest an option."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any, NoReturn

from colorize._version import __version__

UNKNOWN = "unrecognized arguments: "


class CommandParser(argparse.ArgumentParser):
    """A parser whose message for a mistyped option names the nearest one."""

    def __init__(self, **attributes: Any) -> None:
        """Create the parser; the attributes are those of `argparse.ArgumentParser`."""
        super().__init__(allow_abbrev=False, **attributes)
        self.add_argument(
            "-V", "--version", action="version", version=f"colorize {__version__}",
            help="print the version",
        )  # fmt: skip

    def error(self, message: str) -> NoReturn:
        """Print usage and message, with a suggestion for an unknown option; exit with status 2."""
        if message.startswith(UNKNOWN):
            words = message.removeprefix(UNKNOWN)
            message = f"unknown arguments: {words}{self._suggestion(words)}"
        super().error(message)

    def _suggestion(self, words: str) -> str:
        import difflib  # here, not above: only errors need it

        known = [*_options(self)]
        for word in words.split():
            if word.startswith("--"):
                for close in difflib.get_close_matches(word.partition("=")[0], known, 1, 0.75):
                    return f"; did you mean {close}?"
        return ""


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the options that the help of a parser and of its sub-parsers lists."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from _options(each)
        elif action.help != argparse.SUPPRESS:
            yield from action.option_strings
