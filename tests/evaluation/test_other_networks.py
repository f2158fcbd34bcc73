"""Evaluation works with any runner: here one that predicts the same ab everywhere."""

import numpy as np
import pytest
from PIL import Image

from colorize.color import lab
from colorize.errors import ColorizeError
from colorize.evaluation.tasks.colors import evaluate
from colorize.evaluation.tasks.hints import psnr_by_hints
from colorize.evaluation.tasks.reference import compare_references
from colorize.models.metadata import ModelMetadata
from colorize.options import ColorizeOptions
from colorize.pipeline import Colorizer
from colorize.runtime.base import Runner

AB = (10.0, 20.0)


class ConstantRunner:
    """A network that predicts one ab, at the resolution of its input."""

    metadata = ModelMetadata("constant", output="ab", size_divisor=8, output_stride=1)
    device = "cpu"

    def __call__(self, lightness, hints=None):
        b, _, h, w = lightness.shape
        return np.broadcast_to(np.array(AB, np.float32)[:, None, None], (b, 2, h, w)).copy()

    def set_threads(self, threads):
        pass

    def is_oom(self, error):
        return False

    def empty_cache(self):
        pass

    def move_to_cpu(self):
        pass


@pytest.fixture(scope="module")
def colorizer() -> Colorizer:
    runner: Runner = ConstantRunner()
    return Colorizer(runner, ColorizeOptions(size=64))


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    """Return a photograph of one color, which passes the gate of skin."""
    lightness = np.full((256, 256), 60, np.float32)
    return lab.lab_to_srgb_pixels(lightness, np.stack((0 * lightness + 12, 0 * lightness + 16)))


def test_colors_of_a_constant_network_are_known(colorizer, photograph):
    metrics, _ = evaluate(colorizer, [photograph])
    network = metrics["network"]
    assert network.hues["skin"].ab == pytest.approx(AB, abs=0.01)
    assert network.hues["skin"].hue == pytest.approx(np.degrees(np.arctan2(20, 10)), abs=0.1)
    error = np.hypot(12 - 10, 16 - 20)  # 4.5: within the thresholds 5 to 150
    assert network.auc == pytest.approx(100 * (151 - np.ceil(error)) / 151)


def test_hints_reach_a_network_that_takes_none(colorizer, photograph):
    small = np.asarray(Image.fromarray(photograph).resize((64, 64)))
    values, _ = psnr_by_hints(colorizer, [small], (0, 20))
    assert values[20] > values[0]


def test_reference_needs_a_distribution(colorizer, photograph):
    with pytest.raises(ColorizeError, match="reference"):
        compare_references(colorizer, [photograph])
