"""The command line: arguments → calls → exit status. The only package that prints."""

from colorize.cli.command import main, run

__all__ = ["main", "run"]
