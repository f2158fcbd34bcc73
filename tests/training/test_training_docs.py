"""The training commands in the documents parse."""

import re
import shlex
from pathlib import Path

import pytest

from colorize.training import cli, weights_file

ROOT = Path(__file__).parents[2]
PARSERS = {"": cli.parser, ".make_weights": weights_file.parser}


def commands(file: str) -> list[tuple[str, str]]:
    """Return the modules and the arguments of a document's training commands."""
    text = (ROOT / file).read_text(encoding="utf-8").replace("\\\n", " ")
    for name, value in re.findall(r"^ +(\w+)='(.*)'$", text, flags=re.MULTILINE):
        text = text.replace(f"${name}", value)
    text = re.sub(r"\$(\d|\w+)", "1", text)
    pattern = r"^ {4,}.*-m colorize\.training((?:\.make_weights)?) ([^#\n]*)"
    return re.findall(pattern, text, flags=re.MULTILINE)


@pytest.mark.parametrize("file", ["docs/training.md", "weights/README.md"])
def test_documented_commands_parse(file):
    found = commands(file)
    assert found
    for module, arguments in found:
        args = PARSERS[module]().parse_args(shlex.split(arguments))
        if not module:
            cli.config_from_args(args)
