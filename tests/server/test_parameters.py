"""Parameters of requests."""

import subprocess
import sys

import pytest
from fixtures.server import PHOTO

from colorize.hints.format import Hint
from colorize.option_fields import options_of
from colorize.options import ColorizeOptions, OutputOptions
from colorize.server.errors import ApiError
from colorize.server.parameters import OPTIONS, parse_request


@pytest.mark.parametrize(
    ("query", "value", "expected"),
    [
        ("?tint=red", "'tint'", "saturation"),
        ("?size=64&size=64", "size", ""),
        ("?rarity=0.1&rare_color_boost=0.1", "rare_color_boost", ""),
        ("?temperature=0", "'0'", "0.01 to 10"),
        ("?temperature=nan", "'nan'", "0.01 to 10"),
        ("?style=loud", "'loud'", "faithful"),
        ("?sample=0", "'0'", "1 to 1000"),
        ("?rebalance=1.1", "'1.1'", "0 to 1"),
        ("?rebalance=", "''", "0 to 1"),
        ("?quality=9e1", "'9e1'", "1 to 100"),
        ("?format=svg", "'svg'", "avif"),
        ("?autocontrast=maybe", "'maybe'", "true"),
        ("?size=4096", "'4096'", "8 to 512"),
        ("?size=65", "65", "32"),
        ("?max_pixels=9", "'max_pixels'", "quality"),
        ("?%0d%0aX-Evil:1=1", r"'\r\nX-Evil:1'", ""),
        (f"?{'x' * 5000}=1", "'xxxxxxx", ""),
    ],
)
def test_invalid_parameter_gives_422_with_its_value(server, query, value, expected):
    response = server.post(PHOTO, query)
    assert response.status == 422
    assert value in response.error and expected in response.error


def test_invalid_form_field_gives_422(server):
    response = server.post_form(PHOTO, rebalance="2")
    assert response.status == 422
    assert response.error.startswith("rebalance '2'")


@pytest.mark.parametrize(
    ("hints", "message"),
    [
        ("1,2", "hint 1: '1,2' has 2 fields"),
        ("1,2,#ff0000,3,4", "hint 1: scope '4'"),
        (";", "hints ';'"),
        ("1,2,red", "hint 1: 'red'"),
        (f"1,2,{'x' * 5000}", "hint 1: 'xxxx"),
        ("1,2," * 6000 + "#ff0000", "hints '1,2,1,2"),
        ("1,2,#ff0000;nan,2,#ff0000", "hint 2: x is nan"),
        ("70,2,#ff0000", "hint 1: 70,2"),
        ("1,2,#ff0000,-1", "hint 1: radius is -1"),
        ("1,2,#ff0000,inf", "hint 1: radius is inf"),
        ("1,2,#ff0000;" * 201, "hints '1,2,#ff0000;"),
    ],
)
def test_invalid_hints_give_422(server, hints, message):
    response = server.post_form(PHOTO, hints=hints)
    assert response.status == 422
    assert response.error.startswith(message)


def test_parse_request_returns_validated_options():
    request = parse_request(
        [("size", "64"), ("format", "PNG"), ("autocontrast", "True")],
        [("size", "96"), ("hints", "1,2,#ff0000\r\n3,4,#00ff00,5"), ("compare", "split")],
    )
    hints = [Hint(1, 2, "#ff0000"), Hint(3, 4, "#00ff00", 5)]
    assert request.options == ColorizeOptions(size=96, autocontrast=True, hints=hints)
    assert request.output == OutputOptions(format="png", compare="split")


def test_former_names_are_accepted():
    assert parse_request([("rarity", "0.2")]).options.rare_color_boost == 0.2


def test_reference_is_a_file_only():
    with pytest.raises(ApiError) as raised:
        parse_request([("reference", "/etc/passwd")])
    assert raised.value.status == 422


def test_options_are_those_for_servers():
    groups = ColorizeOptions, OutputOptions
    assert list(OPTIONS) == [o.name for group in groups for o in options_of(group, "server")]
    assert "max_pixels" not in OPTIONS


def test_new_option_arrives_in_requests_and_openapi():
    code = """
import dataclasses
import colorize.options as options

glow = options.option(1.0, "strength of the glow", minimum=0, maximum=2)
options.ColorizeOptions = dataclasses.make_dataclass(
    "ColorizeOptions", [("glow", float, glow)], bases=(options.ColorizeOptions,), frozen=True
)
from colorize.server.limits import Limits
from colorize.server.openapi import openapi_document
from colorize.server.parameters import parse_request

assert parse_request([("glow", "1.5")]).options.glow == 1.5
described = openapi_document(Limits(), 32)["paths"]["/colorize"]["post"]["parameters"]
schema = {parameter["name"]: parameter["schema"] for parameter in described}["glow"]
assert schema == {"type": "number", "minimum": 0, "maximum": 2, "default": 1.0}
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("radius", ["1e200", "1e30", "99999"])
def test_hint_larger_than_the_photograph_covers_it(server, radius):
    response = server.post(PHOTO, f"?format=png&hints=1,1,%23ff0000,{radius}")
    assert response.body == server.post(PHOTO, "?format=png&hints=1,1,%23ff0000,200").body
