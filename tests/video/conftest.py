"""A colorizer with a tiny network, and the command in a folder."""

import pytest
from fixtures.colorizers import make_colorizer

from colorize import cli
from colorize.models.serialization import save_compact
from colorize.pipeline import Colorizer


@pytest.fixture(scope="module")
def colorizer(network) -> Colorizer:
    return make_colorizer(network, size=64)


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
