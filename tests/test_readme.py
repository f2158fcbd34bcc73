"""What the README says is run: its commands parse, its Python works, its picture is there."""

import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

from colorize.cli.arguments import models_parser, parser
from colorize.models import registry
from colorize.training import cli as training_cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    lines = re.findall(r"^    (colorize .*)$", README, flags=re.MULTILINE)
    return [line.split("#")[0].split("<")[0].strip() for line in lines]


@pytest.mark.parametrize("command", [c for c in commands() if "--help" not in c])
def test_every_command_is_understood(command):
    arguments = shlex.split(command)[1:]
    if arguments[0] == "models":
        models_parser().parse_args(arguments[1:])
    else:
        parser().parse_args(arguments)


def test_every_option_is_in_the_help_and_every_option_of_the_readme_exists():
    helps = parser().format_help() + training_cli.parser().format_help()
    known = set(re.findall(r"--[a-z-]+", helps))
    documented = set(re.findall(r"`(--[a-z-]+)", README)) | set(
        re.findall(r"(--[a-z-]+)", " ".join(commands()))
    )
    assert documented <= known


def test_the_python_runs(tmp_path, monkeypatch):
    if registry.cached_path("compact") is None:
        pytest.skip("no bundled weights")
    monkeypatch.chdir(tmp_path)
    Image.linear_gradient("L").save("photo.jpg")
    space: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL):
        exec(block, space)  # the README is ours
    for name in ("photo.colorized.jpg", "photo.png"):
        with Image.open(name) as image:
            assert (image.size, image.mode) == ((256, 256), "RGB")
    colored = space["colored"]
    assert (colored.pixels == space["rgb"]).all()


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if "://" not in target:
            assert (ROOT / target).exists(), target
