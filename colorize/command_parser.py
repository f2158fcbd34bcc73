"""The parser of every command, and the arguments that the settings of `colorize.options` have."""

from __future__ import annotations

import argparse
import os
from argparse import HelpFormatter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NoReturn, TypeVar

from colorize._version import __version__
from colorize.errors import ColorizeError
from colorize.option_fields import Consumer, Option, Options, Value, options_of

OptionsT = TypeVar("OptionsT", bound=Options)

WEIGHTS_HELP = "your own weights for --model, or their address: https://...#sha256=..."
UNKNOWN = "unrecognized arguments: "


class CommandParser(argparse.ArgumentParser):
    """A parser without abbreviations, whose message for a mistyped option names the nearest one."""

    def __init__(
        self, *, formatter_class: type[HelpFormatter] = HelpFormatter, **attributes: Any
    ) -> None:
        """Create the parser; the attributes are those of `argparse.ArgumentParser`."""
        formatter = partial(formatter_class, width=_help_width())
        super().__init__(allow_abbrev=False, formatter_class=formatter, **attributes)
        self.add_argument(
            "-V", "--version", action="version", version=f"colorize {__version__}",
            help="print the version",
        )  # fmt: skip

    def error(self, message: str) -> NoReturn:
        """Print usage and message, with a suggestion for an unknown option; exit with status 2."""
        if message.startswith(UNKNOWN):
            words = message.removeprefix(UNKNOWN)
            message = f"unknown arguments: {words}{self._suggestion(words)}"
            for name in (words, *words.split()):
                if os.path.lexists(name):
                    message = f"put ./ before a name that begins with a hyphen: {f'./{name}'!r}"
                    break
        super().error(message)

    def _suggestion(self, words: str) -> str:
        import difflib  # here, not above: only errors need it

        known = [*_options(self)]
        for word in words.split():
            if word.startswith("--"):
                for close in difflib.get_close_matches(word.partition("=")[0], known, 1, 0.75):
                    return f"; did you mean {close}?"
        return ""


def _help_width() -> int:
    """Return the width that argparse chooses too, but without its import of shutil (4 ms)."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns):
        return int(columns) - 2
    try:
        return (os.get_terminal_size().columns or 80) - 2
    except OSError:  # standard output is not a terminal
        return 78


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the options that the help of a parser and of its sub-parsers lists."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from _options(each)
        elif action.help != argparse.SUPPRESS:
            yield from action.option_strings


def add_arguments(
    parser: argparse._ActionsContainer, group: type[Options], consumer: Consumer = "command"
) -> None:
    """Add the arguments of a group of settings to a parser, or to a group of its arguments.

    Former names are accepted but not listed in the help.
    """
    for each in options_of(group, consumer):
        form: dict[str, Any] = {"action": "store_true"}
        if each.type is not bool:
            form = {"type": _argument_type(each), "metavar": _metavar(each)}
        if each.bare_value is not None:
            form |= {"nargs": "?", "const": each.bare_value}
        text = each.description.replace("%", "%%")
        former = [
            alias if alias.startswith("-") else "--" + alias.replace("_", "-")
            for alias in each.aliases
        ]
        add_argument(parser, each.flag, *former, default=each.default, help=text, **form)


def add_argument(
    parser: argparse._ActionsContainer, flag: str, *former: str, **attributes: Any
) -> None:
    """Add an argument that is also accepted under former names, which the help does not list.

    Args:
        parser: Or a group of its arguments.
        flag: Such as --failure-log.
        former: Likewise.
        attributes: Those of `parser.add_argument`.
    """
    destination = parser.add_argument(flag, **attributes).dest
    hidden = {"dest": destination, "default": argparse.SUPPRESS, "help": argparse.SUPPRESS}
    for name in former:
        parser.add_argument(name, **attributes | hidden)


def whole_number(minimum: int) -> Callable[[str], Value]:
    """Return the type of an argument that takes whole numbers from a minimum on."""
    return _argument_type(Option("", int, None, "", minimum=minimum))


def _argument_type(described: Option) -> Callable[[str], Value]:
    def parse(text: str) -> Value:
        try:
            return described.parse(text)
        except ColorizeError:
            message = f"must be {described.allowed}, not {text!r}"
            raise argparse.ArgumentTypeError(message) from None

    return parse


def _metavar(described: Option) -> str:
    if described.choices:
        return "{" + ",".join(described.choices) + "}"
    if described.is_time:
        return "TIME"
    return "FILE" if described.is_file else {int: "N", float: "X"}.get(described.type, "NAME")


def from_arguments(
    group: type[OptionsT], arguments: argparse.Namespace, consumer: Consumer | None = None
) -> OptionsT:
    """Return the group's settings of parsed arguments, with defaults for those not among them.

    consumer: takes only the settings that it offers; other arguments may have the same names.
    """
    values, offered = vars(arguments), options_of(group, consumer)
    return group(**{each.name: values[each.name] for each in offered if each.name in values})
