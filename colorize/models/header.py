"""The header of our weights files: what it says of `compact`, checked. Without torch."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from colorize.color.quantization import NUM_BINS
from colorize.errors import ColorizeError
from colorize.models.metadata import DEFAULT_STYLE, Styles, StyleSettings, parse_styles

Header = dict[str, str]  # of a safetensors file; empty for others

HEADER_LIMIT = 1 << 24  # bytes of a safetensors header; ours take some 40 kB
WIDTH_LIMIT = 1024  # channels; beyond, a header could ask for any amount of memory


@dataclass(frozen=True)
class CompactSettings:
    """The sizes of a `compact` network and its defaults for decoding."""

    widths: tuple[int, int, int, int]  # the decoder's channels
    class_weights: list[float] | None  # the 313 rebalancing weights of the training
    prior: list[float] | None  # the 313 shares of all pixels of the photographs trained on
    styles: Styles


def check_header_length(file: Path, length: int, size: int) -> None:
    """Raise ColorizeError for a safetensors header that cannot be or is unreasonable."""
    if length > size - 8:
        raise ColorizeError(f"{file}: cut off or no safetensors file: its header is incomplete")
    if length > HEADER_LIMIT:
        raise ColorizeError(f"{file}: refused: a header of {length} bytes is no network's")


def compact_settings(file: Path, header: Header) -> CompactSettings:
    """Return what the header says. Raises ColorizeError for one that is missing or unsound."""
    if "config" not in header:
        raise ColorizeError(f"{file}: no weights of compact: it lacks the header with its sizes")
    widths = config(file, header).get("widths")
    if not _are_widths(widths):
        raise ColorizeError(f"{file}: bad header: widths {widths} are not four channel counts")
    return CompactSettings(
        (widths[0], widths[1], widths[2], widths[3]),
        _of_bins(file, header, "class_weights", _is_weight, f"are not {NUM_BINS} positive numbers"),
        _of_bins(file, header, "prior", _is_share, f"is not {NUM_BINS} shares"),
        styles=_styles(file, header),
    )


def _styles(file: Path, header: Header) -> Styles:
    """Return the decoding settings by style; earlier files have those of vivid as entries."""
    value = _parse(file, header, "styles")
    temperature = _number(file, header, "temperature", above=0.0)
    rebalance = _number(file, header, "rebalance", above=-math.inf)
    try:
        vivid = StyleSettings(temperature, rebalance)
        return {DEFAULT_STYLE: vivid} | ({} if value is None else parse_styles(value))
    except ValueError as error:
        raise ColorizeError(f"{file}: bad header: {error}") from error


def config(file: Path, header: Header) -> dict[str, Any]:
    """Return the network's configuration from the header of one of our files."""
    config = _parse(file, header, "config")
    if not isinstance(config, dict):
        raise ColorizeError(f"{file}: bad header: config is no JSON object")
    return config


def _parse(file: Path, header: Header, key: str) -> Any:
    """Return the JSON value of an entry of the header, None where there is no such entry."""
    try:
        return json.loads(header.get(key, "null"))
    except (ValueError, RecursionError) as error:
        raise ColorizeError(f"{file}: bad header: {key} is no JSON") from error


def _number(file: Path, header: Header, key: str, above: float) -> float:
    """Return a number of the header, 1.0 where there is none."""
    value = _parse(file, header, key)
    if value is None:
        return 1.0
    if not _is_number(value, above):
        raise ColorizeError(f"{file}: bad header: {key} is {value}")
    return float(value)


def _are_widths(value: Any) -> TypeGuard[list[int]]:
    """Return whether the value is four channel counts."""
    if not isinstance(value, list) or len(value) != 4:
        return False
    return all(type(width) is int and 0 < width <= WIDTH_LIMIT for width in value)


def _of_bins(
    file: Path, header: Header, key: str, fits: Callable[[Any], bool], otherwise: str
) -> list[float] | None:
    """Return the 313 numbers of an entry of the header, None where there is no such entry."""
    values: list[float] | None = _parse(file, header, key)
    if values is None:
        return None
    if not isinstance(values, list) or len(values) != NUM_BINS or not all(map(fits, values)):
        raise ColorizeError(f"{file}: bad header: {key} {otherwise}")
    return values


def _is_weight(value: Any) -> bool:
    """Return whether the value is a positive number."""
    return _is_number(value, above=0.0)


def _is_share(value: Any) -> bool:
    """Return whether the value is a number from 0 to 1."""
    return type(value) in (int, float) and 0 <= value <= 1


def _is_number(value: Any, above: float) -> bool:
    """Return whether the value is a number between `above` and infinity."""
    return type(value) in (int, float) and above < value < math.inf
