"""The benchmark of upsampling: its band, its methods, and the documented figures."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import upsampling

ROOT = Path(__file__).parents[2]
DRAW = 0.01  # ΔE2000 between two methods that proves nothing


def test_the_band_is_five_pixels_along_a_strong_edge_and_none_along_a_weak_one():
    ab = np.zeros((2, 40, 60), np.float32)
    ab[0, :, 30:] = 25  # σ = 1: up to 9.6 per pixel, above 7 in the two columns next to it
    band = upsampling.edge_band(ab)
    np.testing.assert_array_equal(np.flatnonzero(band.all(axis=0)), range(27, 33))
    assert not upsampling.edge_band(ab / 2).any()


@pytest.mark.parametrize("method", upsampling.METHODS)
def test_every_method_keeps_one_color(method):
    lightness = np.random.default_rng(0).uniform(0, 100, (90, 130)).astype(np.float32)
    guide = upsampling.area_downsample(lightness, (64, 64))
    result = upsampling.METHODS[method](np.full((2, 64, 64), 20, np.float32), lightness, guide)
    assert result.shape == (2, 90, 130)
    np.testing.assert_allclose(result, 20, atol=1e-2)


def test_the_documented_table_is_the_measured_one():
    content = json.loads((ROOT / "benchmarks/results/upsampling.json").read_text())
    assert upsampling.table(content) in (ROOT / "docs/upsampling.md").read_text(encoding="utf-8")


def test_guided_wins_where_it_is_the_default():
    """The measured figures allow the default: better along edges, nowhere worse than a draw."""
    content = json.loads((ROOT / "benchmarks/results/upsampling.json").read_text())
    for data in content["quality"].values():
        for source in ("network", "truth"):
            guided, bilinear = data[source]["guided"], data[source]["bilinear"]
            assert guided["band"] < bilinear["band"]
            assert guided["overall"] < bilinear["overall"] + DRAW
        assert data["truth"]["guided"]["overall"] < data["truth"]["bilinear"]["overall"]
    for cost in content["cost"].values():
        assert cost["extra_share_of_whole"] <= 0.15
