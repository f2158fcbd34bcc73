"""The two settings of decoding by name: where they come from and who has them."""

from types import SimpleNamespace

import pytest

from colorize.decoding.settings import Decoding
from colorize.decoding.styles import checked, decoding
from colorize.errors import ColorizeError

SAID = {
    "vivid": {"temperature": 0.4, "rebalance": 0.7, "rarity": 0.1, "coherence": 0.6},
    "faithful": {"temperature": 0.9, "rebalance": 0.1},
}


def network(**changes):
    settings = {"default_temperature": 0.5, "default_rebalance": 0.9, "class_weights": [1.0]}
    return SimpleNamespace(**(settings | changes))


def test_the_file_says_what_a_style_is():
    left_out = {"rarity": 0, "coherence": 0}
    assert decoding(network(styles=SAID), "faithful") == {**SAID["faithful"], **left_out}
    assert decoding(network(styles=SAID), "vivid") == SAID["vivid"]
    assert decoding(network(styles=SAID)) == SAID["vivid"]


@pytest.mark.parametrize("styles", [{}, {"styles": None}, {"styles": {}}])
def test_without_it_vivid_is_the_default_and_faithful_the_natural_mean(styles):
    vivid = {"temperature": 0.5, "rebalance": 0.9, "rarity": 0, "coherence": 0}
    assert decoding(network(**styles)) == decoding(network(**styles), "vivid") == vivid
    natural = {"temperature": 1, "rebalance": 0, "rarity": 0, "coherence": 0}
    assert decoding(network(**styles), "faithful") == natural


def test_faithful_needs_the_class_weights():
    assert decoding(network(class_weights=None), "vivid")["rebalance"] == 0.9
    with pytest.raises(ColorizeError, match="how they were rebalanced"):
        decoding(network(class_weights=None), "faithful")


def test_a_rarity_of_the_file_needs_its_prior():
    without = network(styles=SAID, output="logits", prior=None)
    with pytest.raises(ColorizeError, match="how common each color was"):
        Decoding.of(without)
    assert Decoding.of(without, "faithful").rarity == 0


def test_an_unknown_style_is_refused():
    with pytest.raises(ColorizeError, match="style 'loud': choose vivid or faithful"):
        decoding(network(), "loud")


@pytest.mark.parametrize(
    "said",
    [
        [],
        {"loud": SAID["vivid"]},
        {"vivid": 1},
        {"vivid": {"temperature": 1}},
        {"vivid": {"temperature": 0, "rebalance": 0}},
        {"vivid": {"temperature": 1, "rebalance": 2}},
        {"vivid": {"temperature": 1, "rebalance": 0, "coherence": 2}},
        {"vivid": {"temperature": 1, "rebalance": 0, "rarity": -0.1}},
        {"vivid": {"temperature": 1, "rebalance": 0, "loudness": 1}},
        {"vivid": {"temperature": "1", "rebalance": 0}},
        {"vivid": {"temperature": True, "rebalance": 0}},
        {"vivid": {"temperature": float("nan"), "rebalance": 0}},
    ],
)
def test_unsound_styles_of_a_file_are_refused(said):
    with pytest.raises(ValueError, match="style"):
        checked(said)
    assert checked(SAID) == SAID
