"""python -m colorize."""

from colorize.cli import run

run()
