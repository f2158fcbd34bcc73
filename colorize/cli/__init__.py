"""The command line: arguments → calls → exit status. The only package that prints."""

from colorize.cli.main import main, run

__all__ = ["main", "run"]
