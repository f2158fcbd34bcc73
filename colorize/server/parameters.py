"""Parameters of a request: the settings in `colorize.options`, within this server's limits."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from colorize.errors import ColorizeError
from colorize.hints.format import Hint, parse_hint
from colorize.io.formats import FORMATS, SUFFIXES
from colorize.option_fields import Option, options_of
from colorize.options import ColorizeOptions, OutputOptions
from colorize.server.errors import ApiError, quoted

PHOTO = "photo"  # the form field with the photograph
TOKEN = "token"  # the form field that names a photograph kept by POST /preview
FILE_NAME = "name"  # the query parameter that names a photograph added to a ZIP file
PREVIEW_SIDE = Option(
    "side", int, 1600, "longer side of the preview, in pixels", minimum=16, maximum=4096
)
MAX_SIZE = 512  # of the network's input; time and memory grow with its square
MAX_HINTS = 200
MAX_HINT_NUMBERS = 10_000  # of all hints together: the points of long strokes

HINTS_ALLOWED = (
    f"1 to {MAX_HINTS} lines of x,y,#rrggbb or x,y,#rrggbb,radius or x,y,#rrggbb,radius,cast"
)
HINTS_SCHEMA = {
    "type": "string",
    "format": "hints",
    "examples": ["40,25,#b9303a;20,30,#3d7ea6,5"],
}


def _limited(option: Option) -> Option:
    """Return an option with the values that this server accepts."""
    if option.name == "size":
        return dataclasses.replace(option, maximum=MAX_SIZE)
    if option.name == "format":
        names = {suffix[1:] for suffix in SUFFIXES} | {name.lower() for name in FORMATS}
        default_text = "the photograph's, or png where that cannot be written"
        return dataclasses.replace(option, choices=tuple(sorted(names)), default_text=default_text)
    return option


OPTIONS = {
    option.name: _limited(option)
    for group in (ColorizeOptions, OutputOptions)
    for option in options_of(group, "server")
}
FILES = {name: option.help for name, option in OPTIONS.items() if option.is_file}
PARAMETERS = {
    name: option for name, option in OPTIONS.items() if name == "hints" or name not in FILES
}
ALIASES = {alias: option.name for option in PARAMETERS.values() for alias in option.aliases}


Query = list[tuple[str, str]]


@dataclass(frozen=True)
class ColorizeRequest:
    """The parameters of one request, validated."""

    options: ColorizeOptions
    output: OutputOptions


def parameter_schema(option: Option) -> dict[str, Any]:
    """Return the JSON Schema of a parameter's values."""
    return HINTS_SCHEMA if option.name == "hints" else option.json_schema


def parse_request(
    query: Iterable[tuple[str, str]], form: Iterable[tuple[str, str]] = ()
) -> ColorizeRequest:
    """Return the parameters of a request; form fields take precedence over the query.

    Raises ApiError (422) for a parameter that is unknown, repeated or out of range.
    """
    values = _parse(query) | _parse(form)
    output = {option.name for option in options_of(OutputOptions)}
    return ColorizeRequest(
        ColorizeOptions(**{name: value for name, value in values.items() if name not in output}),
        OutputOptions(**{name: value for name, value in values.items() if name in output}),
    )


def _parse(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for given_name, text in pairs:
        name = ALIASES.get(given_name, given_name)
        if name not in PARAMETERS:
            known = ", ".join(PARAMETERS)
            raise ApiError(422, f"unknown parameter {quoted(name)}; expected one of {known}")
        if name in values:
            raise ApiError(422, f"{name} is given more than once")
        values[name] = _parse_hints(text) if name == "hints" else _parse_value(name, text)
    return values


def _parse_value(name: str, text: str) -> Any:
    option = PARAMETERS[name]
    try:
        return option.parse(text)
    except ColorizeError:
        message = f"{name} {quoted(text)}: must be {option.allowed}"
        raise ApiError(422, message) from None


def _parse_hints(text: str) -> list[Hint]:
    lines = [line.strip() for line in re.split(r"[;\r\n]+", text) if line.strip()]
    if not 0 < len(lines) <= MAX_HINTS or text.count(",") > MAX_HINT_NUMBERS:
        raise ApiError(422, f"hints {quoted(text)}: must be {HINTS_ALLOWED}")
    try:
        return [parse_hint(line, f"hint {number}") for number, line in enumerate(lines, 1)]
    except ColorizeError as error:
        raise ApiError(422, str(error)) from None


def parse_file_name(query: Query) -> tuple[str, Query]:
    """Return the name of a photograph and the other parameters. Raises ApiError (422)."""
    names = [value for name, value in query if name == FILE_NAME]
    if len(names) != 1:
        raise ApiError(422, f"{FILE_NAME} must be given once: the photograph's name")
    return names[0], [(name, value) for name, value in query if name != FILE_NAME]


def parse_preview_side(query: Iterable[tuple[str, str]]) -> int:
    """Return the parameter of POST /preview. Raises ApiError (422) as `parse_request` does."""
    pairs = list(query)
    for name, _ in pairs:
        if name != PREVIEW_SIDE.name:
            raise ApiError(422, f"unknown parameter {quoted(name)}; expected {PREVIEW_SIDE.name}")
    if len(pairs) > 1:
        raise ApiError(422, f"{PREVIEW_SIDE.name} is given more than once")
    text = pairs[0][1] if pairs else str(PREVIEW_SIDE.default)
    try:
        return int(cast(int, PREVIEW_SIDE.parse(text)))
    except ColorizeError:
        message = f"{PREVIEW_SIDE.name} {quoted(text)}: must be {PREVIEW_SIDE.allowed}"
        raise ApiError(422, message) from None
