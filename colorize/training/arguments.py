"""Command-line options that also have a former name, as a hidden alias for one release."""

from __future__ import annotations

import argparse


def add_option(parser: argparse.ArgumentParser, name: str, former: str, **kwargs: object) -> None:
    """Add an option and its alias; kwargs: as of `parser.add_argument`."""
    parser.add_argument(name, **kwargs)  # type: ignore[arg-type]
    hidden = {"dest": name[2:].replace("-", "_"), "default": argparse.SUPPRESS}
    hidden["help"] = argparse.SUPPRESS
    parser.add_argument(former, **{**kwargs, **hidden})  # type: ignore[arg-type]
