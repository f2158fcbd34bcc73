"""A setting added to `ColorizeOptions` reaches everybody who offers settings."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

# In a separate process, where the class is replaced before anything else imports it: the only
# thing that a new option takes is a field of the class.
SCRIPT = """
import argparse, dataclasses, inspect, io, json
from contextlib import redirect_stdout
from colorize import options

glow = options.option(1.0, "strength of the glow", minimum=0, maximum=2)
fields = [("glow", float, glow)]
options.ColorizeOptions = dataclasses.make_dataclass(
    "ColorizeOptions", fields, bases=(options.ColorizeOptions,), frozen=True
)

from colorize import ColorizeOptions, Colorizer
from colorize.cli import arguments, settings
from colorize.evaluation.cli import parser as evaluation_parser
from colorize.server.limits import Limits
from colorize.server.openapi import openapi_document
from colorize.server.parameters import parse_request

command = arguments.parser()
args = command.parse_args(["-i", "a.jpg", "--glow", "0.5"])
measured = evaluation_parser().parse_args(["colors", "photos", "--glow", "0.5"])
document = openapi_document(Limits(), 8)
operation = document["paths"]["/colorize"]["post"]
(parameter,) = [each for each in operation["parameters"] if each["name"] == "glow"]
form = operation["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
default = inspect.signature(Colorizer).parameters["options"].default
print(json.dumps({
    "help": "--glow X" in command.format_help(),
    "command": args.glow,
    "fingerprint": settings.output_fingerprint(args)["glow"],
    "evaluation": measured.glow,
    "request": parse_request([("glow", "0.5")]).options.glow,
    "openapi": parameter["schema"],
    "form": "glow" in form,
    "library": default.replace(glow=0.5).glow,
    "public": ColorizeOptions(glow=0.5).glow,
}))
"""


@pytest.mark.slow
def test_a_new_option_reaches_command_server_manifest_evaluation_and_library():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=Path(__file__).parents[1], capture_output=True,
        text=True,
    )  # fmt: skip
    assert not done.returncode, done.stderr
    found = json.loads(done.stdout)
    schema = found.pop("openapi")
    description = "strength of the glow (0 to 2; default: 1.0)"
    assert schema.items() >= {"type": "number", "minimum": 0, "maximum": 2}.items()
    assert schema.get("description", description) == description
    assert found.pop("help") and found.pop("form")
    assert set(found.values()) == {0.5}
