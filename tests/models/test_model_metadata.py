"""The record that a network and its files share."""

import json

import numpy as np
import pytest

from colorize.models.metadata import NATURAL, ModelMetadata, StyleSettings, parse_styles

STYLE = {"temperature": 0.4, "rebalance": 0.7}
CENTERS = np.array([[0, 0], [10, -20]], np.float32)


def test_json_round_trip():
    metadata = ModelMetadata(
        "tiny", "logits", 8, 4, bin_centers=CENTERS, class_weights=np.array([0.5, 2], np.float32),
        styles={"vivid": StyleSettings(0.4, 0.7, 0.1, 0.6)}, detail_size=512,
        input_autocontrast=0.5,
    )  # fmt: skip
    read = ModelMetadata.from_json(metadata.to_json())
    np.testing.assert_array_equal(read.bin_centers, CENTERS)
    np.testing.assert_array_equal(read.class_weights, metadata.class_weights)
    assert read.prior is None
    assert read.styles == metadata.styles
    assert (read.input_autocontrast, read.detail_size) == (0.5, 512)
    assert (read.architecture, read.output, read.takes_hints) == ("tiny", "logits", False)
    colors = ModelMetadata("colors", "ab", 8, 1, takes_hints=True)
    assert ModelMetadata.from_json(colors.to_json()).to_json() == colors.to_json()


def test_styles_are_completed():
    plain = ModelMetadata("tiny", "logits", 8, 4, bin_centers=CENTERS)
    assert plain.styles == {"vivid": StyleSettings(1.0, 1.0)}
    weighted = ModelMetadata(
        "tiny", "logits", 8, 4, bin_centers=CENTERS, class_weights=np.ones(2, np.float32)
    )
    assert weighted.styles["faithful"] == NATURAL
    assert ModelMetadata("colors", "ab", 8, 1).styles == {}


@pytest.mark.parametrize(
    "change",
    [
        {"output": "pictures"},
        {"size_divisor": 0},
        {"size_divisor": "many"},
        {"detail_size": 300},
        {"detail_size": 128},
        {"detail_size": 512, "takes_hints": True},
        {"input_autocontrast": 1.5},
        {"input_autocontrast": "all"},
        {"output_stride": []},
        {"bin_centers": None},
        {"bin_centers": [[0, float("nan")]]},
        {"class_weights": [1, 1, 1]},
        {"class_weights": [1, 1e-320]},
        {"class_weights": [1, 1e30]},
        {"prior": [0.5]},
        {"styles": {"vivid": {"temperature": None}}},
    ],
)
def test_contradictory_json_is_refused(change):
    values = json.loads(ModelMetadata("tiny", "logits", 8, 4, bin_centers=CENTERS).to_json())
    with pytest.raises(ValueError):
        ModelMetadata.from_json(json.dumps(values | change))


def test_styles_of_earlier_versions_are_read():
    assert parse_styles({"vivid": STYLE | {"rarity": 0.2}})["vivid"].rare_color_boost == 0.2


@pytest.mark.parametrize(
    "styles",
    [
        [],
        {"vivid": 1},
        {"vivid": {}},
        {"vivid": {"temperature": 1}},
        {"vivid": STYLE | {"hue": 1}},
        {"vivid": STYLE | {"temperature": 0}},
        {"vivid": STYLE | {"temperature": True}},
        {"vivid": STYLE | {"rebalance": 1.5}},
        {"vivid": STYLE | {"coherence": float("nan")}},
        {"vivid": STYLE | {"rarity": "0.2"}},
    ],
)
def test_unsound_styles_are_refused(styles):
    with pytest.raises(ValueError, match="style"):
        parse_styles(styles)
