"""Exported files give what the network gives, and are used without this package."""

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from fixtures.random_weights import lively
from PIL import Image

from colorize.cli import main as colorize
from colorize.color.quantization import bin_centers
from colorize.errors import ColorizeError
from colorize.export import cli as export
from colorize.export import compare
from colorize.export.onnx import write_skeleton
from colorize.io.readers import read
from colorize.models import registry
from colorize.models.eccv16 import ECCV16
from colorize.models.metadata import METADATA_KEY
from colorize.models.serialization import save_compact
from colorize.models.siggraph17 import SIGGRAPH17
from colorize.pipeline import Colorizer
from colorize.runtime.load import load_runner
from colorize.runtime.skeleton import read_skeleton

onnx = pytest.importorskip("onnx", reason="needs the extra export")
if find_spec("onnxscript") is None:  # which takes seconds to import
    pytest.skip("needs the extra export", allow_module_level=True)

ROOT = Path(__file__).parents[2]
EXAMPLE = {
    "onnx": "onnx_runtime.py",
    "torchscript": "torchscript.py",
    "torch-export": "torch_export.py",
}


@pytest.fixture(scope="module")
def own_weights(network, tmp_path_factory) -> dict[str, str]:
    """Return weights files by the network's name."""
    folder = tmp_path_factory.mktemp("weights")
    save_compact(network, folder / "compact.safetensors")
    eccv16 = lively(ECCV16())
    eccv16.model_out.weight.data = torch.tensor(bin_centers()).T[:, :, None, None] / 110
    torch.save(eccv16.state_dict(), folder / "eccv16.pth")
    torch.save(lively(SIGGRAPH17()).state_dict(), folder / "siggraph17.pth")
    return {file.stem: str(file) for file in folder.iterdir()}


@pytest.fixture(scope="module")
def exported(own_weights, tmp_path_factory) -> Path:
    """Return the tiny network as an ONNX file."""
    file = tmp_path_factory.mktemp("exported") / "tiny.onnx"
    export.export("compact", own_weights["compact"], "onnx", file, 0.1)
    return file


@pytest.fixture
def photograph(tmp_path) -> Path:
    with Image.open(ROOT / "imgs" / "chelsea.jpg") as image:
        image.convert("L").resize((150, 100)).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def run_example(example: Path, *arguments: Path) -> None:
    """Run an example where this package is neither in the path nor imported."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    run = subprocess.run(
        [sys.executable, "-X", "importtime", example, *arguments],
        cwd=arguments[-1].parent, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    assert not re.search(r"\| +colorize\b", run.stderr)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "file_format"),
    [("compact", "onnx"), ("compact", "torchscript"), ("eccv16", "torch-export")],
)
def test_an_exported_file_colors_a_photograph_without_the_package(
    own_weights, photograph, tmp_path, capsys, monkeypatch, name, file_format
):
    monkeypatch.setattr(compare, "SIZES", ((1, 96, 64), (3, 64, 96)))
    model, result = tmp_path / "model.bin", tmp_path / "result.png"
    argv = ["--model", name, "--weights", own_weights[name], "--to", file_format, "-o", str(model)]
    assert export.main(argv) == 0
    delta_ab = re.search(r"max \|Δab\| (\S+)\n", capsys.readouterr().out)
    assert float(delta_ab[1]) < 0.01
    assert sorted(tmp_path.iterdir()) == [model, photograph]

    run_example(ROOT / "examples" / EXAMPLE[file_format], model, photograph, result)
    found = np.asarray(Image.open(result)).astype(int)
    assert found.shape == (100, 150, 3)
    assert np.ptp(found, axis=2).mean() > 3  # in color
    if name == "compact":  # random published weights give colors out of gamut, which are clipped
        expected = Colorizer.from_pretrained(weights=own_weights[name])(read(photograph)).pixels
        assert np.median(np.abs(found - expected)) <= 1


@pytest.mark.slow
def test_batch_and_size_are_free(own_weights, tmp_path, monkeypatch):
    """The compared sizes and batches are not those of the exporter's example."""
    monkeypatch.setattr(compare, "SIZES", ((1, 32, 32), (5, 40, 72)))
    model = tmp_path / "model.onnx"
    difference = export.export("siggraph17", own_weights["siggraph17"], "onnx", model, 0.01)
    assert difference.output < 0.01
    assert str(ROOT).encode() not in model.read_bytes()  # nor are there stack traces


@pytest.mark.slow
def test_over_the_tolerance_nothing_is_written(own_weights, tmp_path, capsys):
    model = tmp_path / "model.pt"
    argv = ["--weights", own_weights["compact"], "--to", "torchscript", "-o", str(model)]
    argv += ["--tolerance", "-1"]
    assert export.main(argv) == 1
    assert re.fullmatch(
        r"export: \S+model.pt: not written: .* more than the tolerance of -1\n",
        capsys.readouterr().err,
    )
    assert not list(tmp_path.iterdir())
    model.write_text("earlier")
    assert export.main(argv) == 1
    assert model.read_text() == "earlier"


@pytest.mark.slow
def test_colors_that_are_not_numbers_are_over_any_tolerance(own_weights, tmp_path, monkeypatch):
    nan = compare.Difference(float("nan"), float("nan"))
    monkeypatch.setattr(export, "compare", lambda *arguments: nan)
    argv = ["--weights", own_weights["compact"], "--to", "torchscript"]
    assert export.main([*argv, "-o", str(tmp_path / "m.pt")]) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_target_that_cannot_be_written_is_one_line(own_weights, tmp_path, capsys):
    target = tmp_path / "none" / "model.pt"
    argv = ["--weights", own_weights["compact"], "--to", "torchscript", "-o", str(target)]
    assert export.main(argv) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.slow
def test_a_missing_package_is_named_with_the_remedy(own_weights, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    argv = ["--weights", own_weights["compact"], "--to", "onnx", "-o", str(tmp_path / "m.onnx")]
    assert export.main(argv) == 1
    assert re.search(r"onnxscript.*pip install", capsys.readouterr().err)


@pytest.mark.parametrize("argv", [[], ["--to", "onnx"], ["--to", "onnx", "--skeletons", "x"]])
def test_incomplete_arguments_are_rejected(argv):
    with pytest.raises(SystemExit):
        export.main(argv)


@pytest.mark.slow
def test_an_exported_model_colors_like_its_weights(exported, own_weights, tmp_path):
    Image.linear_gradient("L").save(tmp_path / "a.png")
    for name, file in (("onnx", exported), ("torch", own_weights["compact"])):
        argv = ["-i", str(tmp_path / "a.png"), "-o", str(tmp_path / f"{name}.png")]
        assert colorize([*argv, "--weights", str(file), "--size", "64", "--quiet"]) == 0
    by_onnx, by_torch = (
        np.asarray(Image.open(tmp_path / f"{name}.png"), int) for name in ("onnx", "torch")
    )
    assert np.abs(by_onnx - by_torch).max() <= 1


def with_metadata(model: Path, target: Path, text: str | None) -> str:
    """Return a copy of a model with other metadata, or with none."""
    content = onnx.load(model)
    del content.metadata_props[:]
    if text is not None:
        onnx.helper.set_model_props(content, {METADATA_KEY: text})
    onnx.save(content, target)
    return str(target)


@pytest.mark.slow
def test_unusable_models_are_rejected(exported, tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"\0" * 1000)
    values = json.loads(load_runner(weights=exported).metadata.to_json())
    damaged = json.dumps(values | {"output": "pictures"})
    cases = {
        str(tmp_path / "none.onnx"): "cannot read the weights: no such file",
        str(tmp_path / "bad.onnx"): "bad.onnx: ONNX Runtime cannot load it",
        with_metadata(exported, tmp_path / "foreign.onnx", None): "no metadata",
        with_metadata(exported, tmp_path / "damaged.onnx", damaged): "metadata is damaged",
    }
    for file, message in cases.items():
        with pytest.raises(ColorizeError, match=message):
            load_runner(weights=file)
    with pytest.raises(ColorizeError, match="holds compact, not eccv16; use --model compact"):
        load_runner("eccv16", weights=exported)


@pytest.mark.parametrize("model", registry.available_models(), ids=lambda model: model.name)
def test_skeletons_take_all_weights_from_the_file(model):
    """None may be part of the graph: those of an export are random."""
    unused = read_skeleton(model).unused
    heads = ("model_class.0.weight", "model_class.0.bias", "model_out.weight")
    assert not [name for name in unused if not name.endswith(("batches_tracked", *heads))]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["compact", "eccv16", "siggraph17", "ddcolor-tiny", "ddcolor"])
def test_shipped_skeletons_are_those_of_the_architectures(name, tmp_path):
    """After a change of an architecture: python -m colorize.export --skeletons weights."""
    graph, description = write_skeleton(registry.find(name), tmp_path)
    shipped = ROOT / "weights" / graph.name
    assert description.read_text() == shipped.with_suffix(".json").read_text()
    made, found = (onnx.load(file, load_external_data=False).graph for file in (graph, shipped))
    assert made.node == found.node
    for one, other in zip(made.initializer, found.initializer, strict=True):
        assert (one.name, one.dims, one.external_data) == (
            other.name, other.dims, other.external_data
        )  # fmt: skip
        if not one.external_data:  # constants, which other processors may round otherwise
            one, other = onnx.numpy_helper.to_array(one), onnx.numpy_helper.to_array(other)
            assert one.dtype == other.dtype
            np.testing.assert_allclose(one, other, rtol=2e-7)
    assert (made.input, made.output) == (found.input, found.output)
