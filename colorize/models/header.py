"""The header of a weights file: what it says about a network, checked. Without torch."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import NamedTuple, TypeGuard

import numpy as np

from colorize.color.quantization import NUM_BINS
from colorize.color.types import Floats
from colorize.models.metadata import (
    DEFAULT_STYLE,
    MAX_CLASS_WEIGHT,
    MIN_CLASS_WEIGHT,
    ModelMetadata,
    Styles,
    StyleSettings,
    parse_styles,
)

Header = Mapping[str, str]  # of a safetensors file; empty for other formats
Widths = tuple[int, int, int, int]

MAX_WIDTH = 1024  # channels; beyond, a header could ask for any amount of memory


class WeightsData(NamedTuple):
    """The fields of `ModelMetadata` that are a matter of the weights."""

    class_weights: Floats | None
    prior: Floats | None
    styles: Styles
    input_autocontrast: float


def architecture(header: Header) -> str | None:
    """Return the architecture that the header names, if any. Raises ValueError."""
    return None if "config" not in header else str(_config(header).get("architecture"))


def widths(header: Header) -> Widths:
    """Return the channels of the decoder of `compact`. Raises ValueError."""
    if "config" not in header:
        raise ValueError("not weights of compact: the header with the sizes is missing")
    found = _config(header).get("widths")
    if not _are_widths(found):
        raise ValueError(f"bad header: widths {found} are not four channel counts")
    return found[0], found[1], found[2], found[3]


def weights_data(header: Header) -> WeightsData:
    """Return what the header says about the input and about decoding. Raises ValueError."""
    value = _parse(header, "styles")
    vivid = StyleSettings(  # entries of files of earlier versions
        _number(header, "temperature", above=0.0), _number(header, "rebalance", above=-math.inf)
    )
    try:
        styles = {DEFAULT_STYLE: vivid} | ({} if value is None else parse_styles(value))
    except ValueError as error:
        raise ValueError(f"bad header: {error}") from error
    return WeightsData(
        _per_bin(
            header,
            "class_weights",
            lambda x: _is_number(x, above=0.0) and MIN_CLASS_WEIGHT <= x <= MAX_CLASS_WEIGHT,
            f"positive numbers from {MIN_CLASS_WEIGHT:g} to {MAX_CLASS_WEIGHT:g}",
        ),
        _per_bin(header, "prior", lambda x: _is_number(x, above=-1e-9) and x <= 1, "shares"),
        styles,
        _number(header, "input_autocontrast", above=-math.inf, default=0.0),
    )


def compact_header(metadata: ModelMetadata, widths: Widths) -> dict[str, str]:
    """Return the header of a weights file of `compact`."""
    config = {"architecture": metadata.architecture, "widths": list(widths)}
    entries = {
        "config": config,
        "class_weights": _listed(metadata.class_weights),
        "prior": _listed(metadata.prior),
        "styles": {name: asdict(style) for name, style in metadata.styles.items()},
        "input_autocontrast": metadata.input_autocontrast,
    }
    return {key: json.dumps(value) for key, value in entries.items() if value is not None}


def _listed(values: Floats | None) -> list[float] | None:
    return None if values is None else [float(value) for value in values]


def _config(header: Header) -> dict[str, object]:
    found = _parse(header, "config")
    if not isinstance(found, dict):
        raise ValueError("bad header: config is not a JSON object")
    return found


def _parse(header: Header, key: str) -> object:
    """Return the JSON value of an entry, None where there is no such entry."""
    try:
        value: object = json.loads(header.get(key, "null"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"bad header: {key} is not JSON") from error
    return value


def _number(header: Header, key: str, above: float, default: float = 1.0) -> float:
    """Return the number of an entry, the default where there is none."""
    value = _parse(header, key)
    if value is None:
        return default
    if not _is_number(value, above):
        raise ValueError(f"bad header: {key} is {value}")
    return float(value)


def _per_bin(
    header: Header, key: str, is_valid: Callable[[object], bool], expected: str
) -> Floats | None:
    """Return the numbers of an entry that has one for each bin, None where there is none."""
    values = _parse(header, key)
    if values is None:
        return None
    if not isinstance(values, list) or len(values) != NUM_BINS or not all(map(is_valid, values)):
        raise ValueError(f"bad header: {key}: expected {NUM_BINS} {expected}")
    return np.array(values, np.float32)


def _are_widths(value: object) -> TypeGuard[list[int]]:
    if not isinstance(value, list) or len(value) != 4:
        return False
    return all(type(width) is int and 0 < width <= MAX_WIDTH for width in value)


def _is_number(value: object, above: float) -> TypeGuard[float]:
    """Return whether the value is a number between `above` and infinity."""
    return isinstance(value, (int, float)) and type(value) is not bool and above < value < math.inf
