"""`colorize completion SHELL`: the completion script of a shell, made from the parser."""

from __future__ import annotations

from collections.abc import Sequence

from colorize.cli.arguments import parser
from colorize.cli.commands import COMMANDS
from colorize.cli.messages import DONE, FAILED, log_line, print_line
from colorize.command_parser import CommandParser
from colorize.installation import install_command

SHELLS = ("bash", "zsh", "tcsh")
WORDS = " ".join(COMMANDS)
INPUTS = {"bash": "_colorize_inputs", "zsh": "_colorize_inputs", "tcsh": "f"}
PREAMBLE = {
    "bash": f'_colorize_inputs() {{ compgen -W "{WORDS}" -- "$1"; compgen -f -- "$1"; }}',
    "zsh": f"_colorize_inputs() {{ _files; (( CURRENT == 2 )) && compadd {WORDS} }}",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Print the completion script and return the exit status."""
    arguments = CommandParser(
        prog="colorize completion",
        description="Print the script that completes options and file names in a shell. "
        "For bash: colorize completion bash > ~/.local/share/bash-completion/completions/colorize",
    )
    arguments.add_argument("shell", choices=SHELLS)
    shell = arguments.parse_args(argv).shell
    try:
        import shtab
    except ImportError:
        log_line(f"completion needs shtab: {install_command('completion')}")
        return FAILED
    command = parser()
    for action in command._actions:
        if action.dest in ("paths", "input"):
            action.complete = INPUTS  # type: ignore[attr-defined]
        elif str(action.metavar).startswith("{"):
            action.choices = str(action.metavar).strip("{}").split(",")
        elif action.metavar and str(action.metavar).startswith(("PATH", "FILE")):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.metavar == "FOLDER":
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    print_line(shtab.complete(command, shell=shell, preamble=PREAMBLE.get(shell, "")))
    return DONE
