"""A network that only a row of the registry makes known to the rest of the package."""

import hashlib

import numpy as np
import pytest
import torch
from PIL import Image

from colorize.cli import main
from colorize.evaluation.cli import main as evaluate
from colorize.io.photo import Photo
from colorize.models import registry
from colorize.models.base import Network
from colorize.models.metadata import ModelMetadata
from colorize.models.registry import Model
from colorize.models.serialization import write_safetensors
from colorize.pipeline import Colorizer


class Sepia(Network):
    """Predicts one color for all pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.color = torch.nn.Parameter(torch.empty(2))

    @property
    def metadata(self) -> ModelMetadata:
        return ModelMetadata("sepia", "ab", size_divisor=16, output_stride=1)

    def forward(self, lightness, hints=None):
        return self.color.view(1, 2, 1, 1) + 0 * lightness


@pytest.fixture(autouse=True)
def row(tmp_path, monkeypatch) -> Model:
    cache = tmp_path / "cache"
    cache.mkdir()
    monkeypatch.setenv("COLORIZE_CACHE", str(cache))
    write_safetensors({"color": np.array([10, 30], np.float32)}, cache / "sepia.safetensors", {})
    content = (cache / "sepia.safetensors").read_bytes()
    made = Model(
        name="sepia",
        architecture="sepia",
        network=Sepia,
        file="sepia.safetensors",
        url="http://127.0.0.1:9/not-needed",
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        parameters=2,
        license="BSD-2-Clause",
        description="one color",
    )
    monkeypatch.setitem(registry.MODELS, made.name, made)
    return made


@pytest.fixture
def photo() -> Photo:
    return Photo(np.tile(np.linspace(60, 200, 48, dtype=np.uint8), (32, 1)))


def is_sepia(pixels: np.ndarray) -> bool:
    r, _, b = pixels.reshape(-1, 3).mean(axis=0)
    return bool(r > b + 20)


def test_the_library_uses_it(photo):
    assert is_sepia(Colorizer.from_pretrained("sepia")(photo).pixels)


def test_the_command_lists_and_uses_it(photo, tmp_path, capsys):
    assert main(["models"]) == 0
    assert "sepia: one color" in capsys.readouterr().out
    Image.fromarray(photo.pixels).save(tmp_path / "a.png")
    argv = ["-i", str(tmp_path / "a.png"), "-o", str(tmp_path / "b.png"), "--model", "sepia"]
    assert main([*argv, "--size", "64"]) == 0
    assert is_sepia(np.asarray(Image.open(tmp_path / "b.png")))


def test_the_server_uses_it(photo):
    pytest.importorskip("starlette", reason="pip install 'colorize-photos[serve]'")
    import io

    from fixtures.server import make_photo, serve

    from colorize.runtime.load import load_runner

    with serve(load_runner("sepia"), "sepia") as server:
        result = server.post(make_photo("PNG"), "?size=64")
        assert server.health()["model"] == "sepia"
    assert result.status == 200
    assert is_sepia(np.asarray(Image.open(io.BytesIO(result.body))))


@pytest.mark.slow
def test_the_evaluation_measures_it(photo, tmp_path):
    (tmp_path / "photos").mkdir()
    Image.fromarray(np.stack([photo.pixels, photo.pixels, 255 - photo.pixels], axis=-1)).save(
        tmp_path / "photos" / "a.png"
    )
    target = tmp_path / "figures.json"
    argv = ["colors", str(tmp_path / "photos"), "--model", "sepia", "--size", "64"]
    assert evaluate([*argv, "--quiet", "--json", str(target)]) == 0
    assert '"model": "sepia"' in target.read_text()


@pytest.mark.slow
def test_rows_describe_their_networks():
    for model in registry.available_models():
        # The meta device makes no weights, but those of a network whose bins are weights are read.
        with torch.device("meta" if model.bin_centers is None else "cpu"):
            network = registry.network_class(model)()
        assert network.metadata.architecture == model.architecture
        assert sum(each.numel() for each in network.parameters()) == model.parameters
