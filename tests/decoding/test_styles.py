"""The decoding settings of a style, and what replaces them."""

import numpy as np
import pytest

from colorize.decoding.settings import Decoding
from colorize.decoding.styles import style_settings
from colorize.errors import ColorizeError
from colorize.models.metadata import NATURAL, ModelMetadata, StyleSettings

VIVID = StyleSettings(0.4, 0.7, rare_color_boost=0.1, coherence=0.6)


def metadata(**changes) -> ModelMetadata:
    two_bins = {"bin_centers": np.zeros((2, 2)), "class_weights": np.ones(2), "prior": np.ones(2)}
    values = two_bins | {"styles": {"vivid": VIVID}} | changes
    return ModelMetadata("tiny", "logits", 8, 4, **values)


def test_settings_are_those_of_the_style():
    assert style_settings(metadata()) == style_settings(metadata(), "vivid") == VIVID
    assert style_settings(metadata(), "faithful") == NATURAL
    assert Decoding.of(metadata()) == (0.4, 0.7, 0.1, 0.6)
    assert Decoding.of(metadata(), coherence=0.0) == (0.4, 0.7, 0.1, 0.0)


def test_faithful_needs_class_weights():
    with pytest.raises(ColorizeError, match="style faithful"):
        style_settings(metadata(class_weights=None), "faithful")


def test_rare_colors_need_a_prior():
    with pytest.raises(ColorizeError, match="rarity"):
        Decoding.of(metadata(prior=None))
    assert Decoding.of(metadata(prior=None), "faithful").rarity == 0


def test_an_unknown_style_is_refused():
    with pytest.raises(ColorizeError, match="style 'loud': choose vivid or faithful"):
        style_settings(metadata(), "loud")
