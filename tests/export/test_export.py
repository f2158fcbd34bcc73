"""Exported files give what the network gives, and are used without this package."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from fixtures.random_weights import lively
from PIL import Image

from colorize import read
from colorize.color.quantization import NUM_BINS, bin_centers
from colorize.export import command as export
from colorize.models import registry
from colorize.models.eccv16 import ECCV16
from colorize.models.metadata import ModelMetadata, StyleSettings
from colorize.models.serialization import save_compact
from colorize.models.siggraph17 import SIGGRAPH17
from colorize.pipeline import Colorizer

pytest.importorskip("onnxruntime", reason="needs the extra export")
pytest.importorskip("onnxscript", reason="needs the extra export")

ROOT = Path(__file__).parents[2]
SUFFIX = {"onnx": ".onnx", "torchscript": ".pt", "torch-export": ".pt2"}
EXAMPLE = {
    "onnx": "onnx_runtime.py",
    "torchscript": "torchscript.py",
    "torch-export": "torch_export.py",
}


@pytest.fixture(scope="module")
def weights(network, tmp_path_factory) -> dict[str, str]:
    """Return weights files by the network's name."""
    folder = tmp_path_factory.mktemp("weights")
    save_compact(
        network, folder / "compact.safetensors",
        class_weights=torch.from_numpy(network.metadata.class_weights),
        prior=torch.full((NUM_BINS,), 1 / NUM_BINS), styles={"vivid": StyleSettings(0.5, 0.9, 0.2)},
    )  # fmt: skip
    eccv16 = lively(ECCV16())
    eccv16.model_out.weight.data = torch.tensor(bin_centers()).T[:, :, None, None] / 110
    torch.save(eccv16.state_dict(), folder / "eccv16.pth")
    torch.save(lively(SIGGRAPH17()).state_dict(), folder / "siggraph17.pth")
    return {file.stem: str(file) for file in folder.iterdir()}


@pytest.fixture
def photograph(tmp_path) -> Path:
    with Image.open(ROOT / "imgs" / "chelsea.jpg") as image:
        image.convert("L").resize((150, 100)).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("compact", "onnx"),
        ("compact", "torchscript"),
        ("eccv16", "torch-export"),
    ],
)
def test_an_exported_file_colors_a_photograph_without_the_package(
    weights, photograph, tmp_path, capsys, monkeypatch, name, kind
):
    monkeypatch.setattr(export, "SIZES", ((1, 96, 64), (3, 64, 96)))
    model, result = tmp_path / f"model{SUFFIX[kind]}", tmp_path / "result.png"
    argv = ["--model", name, "--weights", weights[name], "--to", kind, "-o", str(model)]
    assert export.main(argv) == 0
    said = capsys.readouterr().out
    delta_ab = re.search(r"max \|Δ\| of the output \S+, max \|Δab\| (\S+)\n", said)
    assert float(delta_ab[1]) < 0.01
    assert sorted(tmp_path.iterdir()) == [model, photograph]

    use(ROOT / "examples" / EXAMPLE[kind], model, photograph, result)
    found = np.asarray(Image.open(result)).astype(int)
    assert found.shape == (100, 150, 3)
    assert np.ptp(found, axis=2).mean() > 3  # in color
    if name == "compact":  # random published weights give what no screen shows, and it is clipped
        expected = Colorizer.from_pretrained(weights=weights[name])(read(photograph)).pixels
        assert np.median(np.abs(found - expected)) <= 1


def use(example: Path, *arguments: Path) -> None:
    """Run an example where this package is neither in the path nor imported."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    run = subprocess.run(
        [sys.executable, "-X", "importtime", example, *arguments],
        cwd=arguments[-1].parent, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    assert not re.search(r"\| +colorize\b", run.stderr)


def test_batch_and_size_are_free(weights, tmp_path, monkeypatch):
    """What the command compares at are sizes and batches that it did not trace with."""
    monkeypatch.setattr(export, "SIZES", ((1, 32, 32), (5, 40, 72)))
    model = tmp_path / "model.onnx"
    difference = export.export("siggraph17", weights["siggraph17"], "onnx", model, 0.01)
    assert difference.output < 0.01
    assert str(ROOT).encode() not in model.read_bytes()  # nor are there stack traces


def test_over_the_tolerance_nothing_is_written(weights, tmp_path, capsys):
    model = tmp_path / "model.onnx"
    argv = ["--weights", weights["compact"], "--to", "onnx", "-o", str(model), "--tolerance", "0"]
    assert export.main(argv) == 1
    assert re.fullmatch(
        r"export: \S+model.onnx: not written: .* more than the tolerance of 0\n",
        capsys.readouterr().err,
    )
    assert not list(tmp_path.iterdir())
    model.write_text("earlier")
    assert export.main(argv) == 1
    assert model.read_text() == "earlier"


def test_colors_that_are_not_numbers_are_over_any_tolerance(weights, tmp_path, monkeypatch):
    nothing = export.Difference(float("nan"), float("nan"))
    monkeypatch.setattr(export, "_difference", lambda *a: nothing)
    argv = ["--weights", weights["compact"], "--to", "onnx", "-o", str(tmp_path / "m.onnx")]
    assert export.main(argv) == 1
    assert not list(tmp_path.iterdir())


def test_a_target_that_cannot_be_written_is_one_line(weights, tmp_path, capsys):
    target = tmp_path / "none" / "model.onnx"
    argv = ["--weights", weights["compact"], "--to", "onnx", "-o", str(target)]
    assert export.main(argv) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_missing_package_is_said_with_the_remedy(weights, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.delitem(sys.modules, "colorize.runtime.onnx_compact", raising=False)
    argv = ["--weights", weights["compact"], "--to", "onnx", "-o", str(tmp_path / "m.onnx")]
    assert export.main(argv) == 1
    assert "needs onnx, which is not installed" in capsys.readouterr().err


def test_the_description_comes_back(weights):
    network = registry.load("compact", weights["compact"])
    said = network.metadata
    back = ModelMetadata.from_json(said.to_json())
    np.testing.assert_array_equal(back.class_weights, said.class_weights)
    np.testing.assert_array_equal(back.bin_centers, said.bin_centers)
    assert back.prior is not None
    np.testing.assert_array_equal(back.prior, said.prior)
    assert (back.styles, back.output) == (said.styles, "logits")
