"""The decoding settings of a style."""

from __future__ import annotations

from colorize.errors import ColorizeError
from colorize.models.metadata import ModelMetadata, StyleSettings

STYLES = ("vivid", "faithful")  # the first is the default


def style_settings(metadata: ModelMetadata, style: str | None = None) -> StyleSettings:
    """Return the settings of a style for a network that predicts logits.

    Raises ColorizeError for an unknown style, and for faithful where the weights do not say how
    the training was rebalanced.
    """
    style = STYLES[0] if style is None else style
    if style not in STYLES:
        raise ColorizeError(f"style {style!r}: choose {' or '.join(STYLES)}")
    if style not in metadata.styles:
        raise ColorizeError(
            f"style {style}: these weights don't say how they were rebalanced; "
            "leave it out, or set temperature or saturation"
        )
    return metadata.styles[style]
