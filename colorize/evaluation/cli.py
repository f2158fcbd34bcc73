"""The command that measures colorizations: python -m colorize.evaluation TASK DATA."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from colorize.command_parser import CommandParser
from colorize.errors import ColorizeError, message_of
from colorize.evaluation.tasks import (
    calibration,
    classification,
    colors,
    hints,
    html_report,
    recoloring,
    reference,
    robustness,
    samples,
)

TASKS = (
    colors.TASK,
    hints.TASK,
    recoloring.TASK,
    reference.TASK,
    samples.TASK,
    calibration.TASK,
    robustness.TASK,
    classification.TASK,
    html_report.TASK,
)


def parser() -> CommandParser:
    """Return the parser of all sub-commands."""
    result = CommandParser(
        prog="colorize evaluate",
        description="Measure colorizations of photographs. See docs/evaluation.md.",
    )
    sub_commands = result.add_subparsers(dest="task", metavar="TASK", required=True)
    for task in TASKS:
        sub_command = sub_commands.add_parser(task.name, help=task.help, description=task.help)
        task.add_arguments(sub_command)
        sub_command.set_defaults(run=task.run)
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run a sub-command, print its report and return the exit status."""
    args = parser().parse_args(argv)
    try:
        report = args.run(args)
        if args.json is not None:
            args.json.write_text(report.to_json(), "utf-8")
    except (ColorizeError, OSError) as error:
        sys.stderr.write(f"{args.task}: {message_of(error)}\n")
        return 1
    sys.stdout.write(report.to_text())
    return 0
