"""A colorizer whose network is a formula, and the command with a tiny network in a folder."""

import numpy as np
import pytest
from fixtures.colorizers import make_colorizer

from colorize import cli
from colorize.color.downsampling import block_mean
from colorize.color.types import Floats
from colorize.models.metadata import ModelMetadata
from colorize.models.serialization import save_compact
from colorize.options import ColorizeOptions
from colorize.pipeline import Colorizer
from colorize.runtime.base import RunnerWrapper


class ByLightness(RunnerWrapper):
    """Gives each cell a color by its lightness: what becomes of the colors is the same."""

    @property
    def metadata(self) -> ModelMetadata:
        return ModelMetadata("formula", "ab", size_divisor=16, output_stride=4)

    def __call__(self, lightness: Floats, hints: Floats | None = None) -> Floats:
        grid = lightness.shape[2] // 4, lightness.shape[3] // 4
        cells = block_mean(lightness[:, 0], grid)
        return np.stack((45 - 0.6 * cells, 0.5 * cells - 10), axis=1)


@pytest.fixture(scope="module")
def colorizer(network) -> Colorizer:
    runner = ByLightness(make_colorizer(network).runner)
    return Colorizer(runner, ColorizeOptions(size=64))


@pytest.fixture(scope="module")
def weights(network, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_compact(network, path)
    return str(path)


@pytest.fixture
def colorize_(weights, tmp_path, monkeypatch, capsys):
    """Run the command in a temporary folder with a tiny network; return status and messages."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        try:
            status = cli.main(["--weights", weights, "--size", "64", *arguments])
        except SystemExit as error:
            status = int(str(error.code))
        return status, capsys.readouterr().err

    return run
