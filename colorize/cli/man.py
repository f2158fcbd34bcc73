"""`colorize man`: the manual page, made from the parser."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from colorize._version import __version__
from colorize.cli.arguments import EPILOG, parser
from colorize.cli.commands import COMMANDS
from colorize.cli.messages import DONE, print_line
from colorize.command_parser import CommandParser


def main(argv: Sequence[str] | None = None) -> int:
    """Print the manual page and return the exit status."""
    CommandParser(
        prog="colorize man",
        description="Print the manual page. Read it with: colorize man | man -l -",
    ).parse_args(argv)
    print_line(man_page(parser()))
    return DONE


def man_page(command: argparse.ArgumentParser) -> str:
    """Return the manual page of a parser, in troff with the macros of man(7)."""
    usage = _escape((command.usage or "").removeprefix(command.prog))
    lines = [
        f'.TH {command.prog.upper()} 1 "" "{command.prog} {__version__}"',
        ".SH NAME",
        f"{command.prog} \\- {_escape(command.description or '')}",
        ".SH SYNOPSIS",
        f".B {command.prog}",
        usage.strip(),
        ".br",
        f".B {command.prog}",
        "COMMAND \\-\\-help",
    ]
    for group in command._action_groups:
        actions = [each for each in group._group_actions if each.help != argparse.SUPPRESS]
        if actions:
            lines.append(f".SH {(group.title or '').upper()}")
            lines += (line for action in actions for line in _option(action))
    lines.append(".SH COMMANDS")
    for name, each in COMMANDS.items():
        lines += [".TP", f".B {name}", _escape(each.help)]
    return "\n".join([*lines, ".SH NOTES", ".nf", _escape(EPILOG.strip()), ".fi"])


def _option(action: argparse.Action) -> Iterator[str]:
    """Yield the lines of an option: its forms, then its help."""
    value = str(action.metavar or "") if action.nargs != 0 else ""
    forms = ", ".join(f"\\fB{_escape(flag)}\\fR" for flag in action.option_strings)
    yield ".TP"
    yield f"{forms} \\fI{_escape(value)}\\fR".strip()
    yield _escape((action.help or "").replace("%%", "%"))


def _escape(text: str) -> str:
    """Return the text with the characters escaped that troff would interpret."""
    lines = text.replace("\\", "\\e").replace("-", "\\-").splitlines()
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in lines)
