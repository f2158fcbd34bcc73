"""Two settings of a network's decoding by name: vivid and faithful."""

from __future__ import annotations

import math
from typing import Any

from colorize.errors import ColorizeError

Styles = dict[str, dict[str, float]]  # temperature, rebalance, ... of each, by name

STYLES = ("vivid", "faithful")  # the first is the default
OPTIONAL = {"rarity": 0.0, "coherence": 0.0}  # what a style may leave out
# The mean over the colors' natural frequencies, each place by itself.
NATURAL = {"temperature": 1.0, "rebalance": 0.0, **OPTIONAL}


def checked(said: Any) -> Styles:
    """Return styles as a file says them, by JSON. Raises ValueError for what can't be.

    {"vivid": {"temperature": T, "rebalance": R, "rarity": K, "coherence": C}, "faithful": {...}},
    either or both; a rarity or a coherence that is left out is 0.
    """
    if not isinstance(said, dict) or not said.keys() <= set(STYLES):
        raise ValueError(f"styles are no object of {' and '.join(STYLES)}")
    for name, style in said.items():
        if not isinstance(style, dict) or style.keys() | OPTIONAL.keys() != NATURAL.keys():
            raise ValueError(f"style {name} is not {', '.join(NATURAL)}")
        if any(type(number) not in (int, float) for number in style.values()):
            raise ValueError(f"style {name} has what is no number")
        shares = [style[key] for key in style.keys() - {"temperature"}]
        if not (0 < style["temperature"] < math.inf and all(0 <= share <= 1 for share in shares)):
            raise ValueError(f"style {name} is out of range")
    return said


def decoding(network: Any, style: str | None = None) -> dict[str, float]:
    """Return the settings of a style for a network that predicts logits.

    As the weights file says; where it doesn't, vivid is the network's default and faithful the
    mean over natural frequencies. Raises ColorizeError for an unknown style, and for faithful
    where natural frequencies can't be had, since the rebalancing of the training isn't known.
    """
    style = STYLES[0] if style is None else style
    if style not in STYLES:
        raise ColorizeError(f"style {style!r}: choose {' or '.join(STYLES)}")
    said: Styles = getattr(network, "styles", None) or {}
    if style in said:
        return {**OPTIONAL, **said[style]}
    if style == "vivid":
        return {
            "temperature": network.default_temperature,
            "rebalance": network.default_rebalance,
            **OPTIONAL,
        }
    if network.class_weights is None:
        raise ColorizeError(
            "style faithful: these weights don't say how they were rebalanced; "
            "leave it out, or set temperature or saturation"
        )
    return NATURAL
