"""ONNX Runtime against torch, and without it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from fixtures.random_weights import lively
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from skimage.color import deltaE_ciede2000, rgb2lab

from colorize.cli import main
from colorize.color.quantization import NUM_BINS
from colorize.errors import ColorizeError
from colorize.io.photo import Photo
from colorize.io.readers import read
from colorize.models import registry
from colorize.models.eccv16 import ECCV16
from colorize.models.metadata import ModelMetadata
from colorize.models.serialization import save_compact
from colorize.models.siggraph17 import SIGGRAPH17
from colorize.pipeline import Colorizer
from colorize.runtime import load
from colorize.runtime import onnx_runner as onnx_backend
from colorize.runtime.onnx_runner import Device, OnnxRunner

onnx = pytest.importorskip("onnx", reason="needs the extra onnx")
pytest.importorskip("onnxruntime", reason="needs the extra onnx")

ROOT = Path(__file__).parents[2]
PHOTOGRAPHS = [ROOT / "imgs" / name for name in ("astronaut.jpg", "chelsea.jpg", "coffee.jpg")]
BIAS = "decoder.classify.bias"


@pytest.fixture(scope="module")
def weights(network, tmp_path_factory) -> str:
    """Return a weights file of the tiny network."""
    file = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    flat = torch.full((NUM_BINS,), 1 / NUM_BINS)
    save_compact(
        network, file, class_weights=torch.from_numpy(network.metadata.class_weights), prior=flat,
        styles=network.metadata.styles,
    )  # fmt: skip
    return str(file)


def inputs(b: int, h: int, w: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    mask = random.random((b, 1, h // 4, w // 4)) < 0.05
    ab = random.uniform(-0.5, 0.5, (b, 2, h // 4, w // 4)) * mask
    return {
        "lightness": random.uniform(0, 100, (b, 1, h, w)).astype(np.float32),
        "hints": np.concatenate((ab, mask), axis=1, dtype=np.float32),
        "statistics": random.random((b, NUM_BINS + 3), np.float32),
    }


@pytest.mark.parametrize("size", [(1, 64, 64), (3, 32, 96), (2, 128, 32)])
def test_the_graph_is_the_network(weights, size):
    given = inputs(*size)
    network = registry.load("compact", weights)
    expected = network(**{name: torch.from_numpy(x) for name, x in given.items()})
    made = onnx_backend.load("compact", weights)
    np.testing.assert_allclose(made(**given), expected, atol=2e-3)  # of logits up to some 40
    expected = network(torch.from_numpy(given["lightness"]))
    np.testing.assert_allclose(made(given["lightness"]), expected, atol=2e-3)


def test_metadata_is_that_of_the_torch_network(weights):
    made = onnx_backend.load("compact", weights)
    found, expected = made.metadata, registry.load("compact", weights).metadata
    for name in ("architecture", "output", "size_divisor", "output_stride", "styles"):
        assert getattr(found, name) == getattr(expected, name), name
    for name in ("bin_centers", "class_weights", "prior"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_its_model_is_sound(weights):
    from colorize.runtime.onnx_compact import model_of

    onnx.checker.check_model(onnx.load_from_string(model_of(Path(weights))), full_check=True)


@pytest.mark.parametrize("file", PHOTOGRAPHS, ids=lambda file: file.stem)
def test_photographs_look_the_same(file):
    if registry.cached("compact") is None:
        pytest.skip("no bundled weights")
    photo = read(file)
    one, other = (
        rgb2lab(Colorizer.from_pretrained(backend=backend)(photo).pixels)
        for backend in ("torch", "onnx")
    )
    assert np.abs(one[..., 1:]).mean() > 1  # in color
    assert deltaE_ciede2000(one, other).mean() < 0.05


def test_a_batch_gives_what_single_photographs_give(weights):
    colorizer = Colorizer.from_pretrained(weights=weights, backend="onnx", size=64)
    random = np.random.default_rng(0)
    batch = random.uniform(0, 100, (3, 1, 64, 64)).astype(np.float32)
    expected = np.concatenate([colorizer.predict_logits(one[None]) for one in batch])
    np.testing.assert_allclose(colorizer.predict_logits(batch), expected, atol=1e-3)


def run_python(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, *options, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("backend", [[], ["--backend", "onnx"]])
def test_without_torch_photographs_are_colored(weights, tmp_path, backend):
    """With and without being asked to; size, format and report as always."""
    Image.linear_gradient("L").save(tmp_path / "a.jpg")
    argv = ["-i", str(tmp_path / "a.jpg"), "-o", str(tmp_path / "b.png"), "--weights", weights]
    run = run_python(
        "import sys; sys.modules['torch'] = None\n"
        "from colorize.cli import main\n"
        f"sys.exit(main({argv + backend!r}))"
    )
    assert (run.returncode, run.stdout) == (0, ""), run.stderr
    with Image.open(tmp_path / "b.png") as image:
        assert (image.size, image.mode) == ((256, 256), "RGB")
        assert np.ptp(np.asarray(image).astype(int), axis=2).mean() > 5


@pytest.mark.parametrize("asked", [True, False])
def test_torch_is_not_imported(weights, tmp_path, asked):
    """When ONNX Runtime is asked for, and for the bundled network by itself."""
    Image.linear_gradient("L").save(tmp_path / "a.jpg")
    argv = ["-i", str(tmp_path / "a.jpg"), "-o", str(tmp_path / "b.png"), "--quiet"]
    argv += ["--weights", weights, "--backend", "onnx"] if asked else []
    code = f"from colorize.cli import main; raise SystemExit(main({argv!r}))"
    run = run_python(code, "-X", "importtime")
    modules = {line.rpartition("|")[2].strip() for line in run.stderr.splitlines()}
    assert run.returncode == 0
    assert "onnxruntime" in modules
    assert not {name for name in modules if name.split(".")[0] in ("torch", "torchvision")}


@pytest.fixture
def model(weights, tmp_path) -> Path:
    from colorize.runtime.onnx_compact import model_of

    file = tmp_path / "tiny.onnx"
    file.write_bytes(model_of(Path(weights)))
    return file


def test_an_onnx_file_needs_no_backend_option(model, weights, tmp_path):
    Image.linear_gradient("L").save(tmp_path / "a.png")
    for name, file in (("one", model), ("other", weights)):
        argv = ["-i", str(tmp_path / "a.png"), "-o", str(tmp_path / f"{name}.png")]
        assert main([*argv, "--weights", str(file), "--size", "64", "--quiet"]) == 0
    one, other = (np.asarray(Image.open(tmp_path / f"{n}.png"), int) for n in ("one", "other"))
    assert np.abs(one - other).max() <= 1


def refused(match: str, **arguments: object) -> None:
    with pytest.raises(ColorizeError, match=match) as error:
        Colorizer.from_pretrained(**{"backend": "onnx"} | arguments)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("module", ["onnxruntime", "onnx"])
def test_what_is_missing_is_said_with_the_remedy(weights, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "colorize.runtime.onnx_compact", raising=False)
    refused(rf"needs {module}, .*pip install 'colorize-photos\[onnx\]'", weights=weights)


def test_an_exported_model_does_not_need_the_package_onnx(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.delitem(sys.modules, "colorize.runtime.onnx_compact", raising=False)
    Colorizer.from_pretrained(weights=str(model))


RELEASE_URL = {"eccv16": ECCV16, "siggraph17": SIGGRAPH17}


@pytest.fixture(scope="module", params=RELEASE_URL)
def published(request, tmp_path_factory) -> tuple[str, torch.nn.Module, Path]:
    """Return a name, a network, and a file of its weights as the releases' are."""
    network = lively(RELEASE_URL[request.param]())
    file = tmp_path_factory.mktemp("published") / f"{request.param}.pth"
    torch.save(network.state_dict(), file, _use_new_zipfile_serialization=False)
    return request.param, network, file


def test_the_graph_of_published_weights_is_the_network(published):
    name, network, file = published
    given = {"lightness": inputs(2, 64, 96)["lightness"]}
    if name == "siggraph17":
        given["hints"] = inputs(2, 256, 384)["hints"]
    expected = network(**{key: torch.from_numpy(x) for key, x in given.items()}).numpy()
    made = onnx_backend.load(name, file)
    assert made.metadata.architecture == name
    assert made.metadata.takes_hints == network.metadata.takes_hints
    np.testing.assert_allclose(made(**given), expected, atol=1e-5 * np.abs(expected).max())
    if name == "eccv16":
        np.testing.assert_allclose(made.metadata.bin_centers, network.metadata.bin_centers)


def test_published_weights_may_be_safetensors(published, tmp_path):
    name, network, file = published
    other = tmp_path / "weights.safetensors"
    save_file({key: x.half() for key, x in network.state_dict().items() if x.ndim}, other)
    lightness = inputs(1, 32, 32)["lightness"]
    one, two = (onnx_backend.load(name, x)(lightness) for x in (file, other))
    assert 0 < np.abs(one - two).max() < 0.05 * np.abs(one).max()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model4.0.bias": None}, "lacks the tensor model4.0.bias"),
        ({"model4.0.bias": torch.zeros(5)}, r"model4.0.bias has the shape \(5,\)"),
        ({"model4.0.bias": torch.full((512,), torch.inf)}, "damaged: model4.0.bias"),
        ({"extra": torch.zeros(1)}, "has 1 unknown tensors: extra"),
    ],
)
def test_unsound_published_tensors_are_refused(published, tmp_path, change, reason):
    name, network, _ = published
    tensors = {key: x for key, x in (network.state_dict() | change).items() if x is not None}
    torch.save(tensors, tmp_path / "changed.pth")
    refused(reason, name=name, weights=str(tmp_path / "changed.pth"))


def test_threads_of_a_call_change_nothing_of_its_result(weights):
    network = onnx_backend.load("compact", weights)
    lightness = inputs(1, 64, 64)["lightness"]
    expected = network(lightness)
    network.set_threads(1)
    assert network._session.get_session_options().intra_op_num_threads == 1
    np.testing.assert_allclose(network(lightness), expected, atol=1e-3)


def test_a_model_of_another_network_is_refused(model):
    refused("holds compact, not eccv16; use --model compact", name="eccv16", weights=str(model))


def test_unusable_models_are_refused(tmp_path, model):
    refused("cannot read the weights: No such file", weights=str(tmp_path / "none.onnx"))
    (tmp_path / "bad.onnx").write_bytes(b"\0" * 1000)
    refused("bad.onnx: ONNX Runtime can't load it", weights=str(tmp_path / "bad.onnx"))
    foreign = onnx.load(model)
    del foreign.metadata_props[:]
    onnx.save(foreign, tmp_path / "foreign.onnx")
    refused("it lacks its settings", weights=str(tmp_path / "foreign.onnx"))


@pytest.mark.parametrize(
    "change",
    [
        {"output": "pictures"},
        {"size_divisor": 0},
        {"size_divisor": "many"},
        {"output_stride": []},
        {"bin_centers": None},
        {"bin_centers": [[0, 0]], "class_weights": [1, 1]},
        {"bin_centers": [[0, float("nan")]]},
        {"prior": [0.5, 0.5]},
        {"styles": {"vivid": {"temperature": None}}},
    ],
)
def test_a_model_whose_settings_make_no_sense_is_refused(tmp_path, model, change):
    content = onnx.load(model)
    (said,) = content.metadata_props
    onnx.helper.set_model_props(content, {"colorize": json.dumps(json.loads(said.value) | change)})
    onnx.save(content, model)
    refused("its settings make no sense", weights=str(model))


def changed(weights: str, folder: Path, tensors: dict, header: dict | None = None) -> str:
    """Return a copy of the weights file with other tensors or header; None removes one."""
    with safe_open(weights, "pt") as content:
        said = content.metadata() | (header or {})
    made = {
        key: value for key, value in (load_file(weights) | tensors).items() if value is not None
    }
    save_file(made, folder / "changed.safetensors", said)
    return str(folder / "changed.safetensors")


@pytest.mark.parametrize(
    ("tensors", "reason"),
    [
        ({BIAS: None}, f"lacks the tensor {BIAS}"),
        ({BIAS: torch.zeros(5)}, rf"{BIAS} has the shape \(5,\)"),
        ({BIAS: torch.full((NUM_BINS,), float("nan"))}, f"damaged: {BIAS}"),
        ({BIAS: torch.zeros(NUM_BINS, dtype=torch.int64)}, f"damaged: {BIAS}"),
        ({"extra": torch.zeros(1)}, "has 1 unknown tensors: extra"),
    ],
)
def test_unsound_tensors_are_refused(weights, tmp_path, tensors, reason):
    refused(reason, weights=changed(weights, tmp_path, tensors))


def test_unsound_weights_files_are_refused(weights, tmp_path):
    (tmp_path / "short").write_bytes(Path(weights).read_bytes()[:100])
    refused("its header is incomplete", weights=str(tmp_path / "short"))
    (tmp_path / "other.pth").write_bytes(b"PK\x03\x04 and so on")
    refused("neither safetensors nor .onnx", weights=str(tmp_path / "other.pth"))
    refused("cannot read the weights", weights=str(tmp_path / "none"))
    config = {"config": '{"architecture": "later"}'}
    refused("holds later, not compact", weights=changed(weights, tmp_path, {}, config))


def test_onnx_is_taken_by_itself_where_it_is_sooner_done(monkeypatch):
    sooner = load.prefer_onnx
    assert sooner("compact", None, "cpu", single=False)
    assert sooner("eccv16", None, "cpu", single=True)
    assert not sooner("eccv16", None, "cpu", single=False)
    assert not sooner("compact", None, "gpu", single=True)
    assert not sooner("compact", "own.safetensors", "cpu", single=True)
    monkeypatch.setattr(load.importlib.util, "find_spec", lambda name: None)
    assert not sooner("compact", None, "cpu", single=True)


def test_devices_and_backends_that_are_not_there_are_refused(weights, model):
    refused("for the CPU alone; install onnxruntime-gpu", weights=weights, device="gpu")
    refused("for the CPU alone", weights=weights, device="cuda:1")
    refused("has cpu, cuda and cuda:N", weights=weights, device="mps")
    refused("unknown backend 'keras'", weights=weights, backend="keras")
    refused("needs --backend onnx", weights=str(model), backend="torch")


def test_a_gpu_is_taken_by_its_number(monkeypatch):
    class Runtime:
        get_available_providers = staticmethod(lambda: [onnx_backend.CUDA, onnx_backend.CPU])

    monkeypatch.setattr(onnx_backend, "_runtime", lambda: Runtime)
    assert onnx_backend.find_device("gpu") == Device("cuda", 0)
    assert str(onnx_backend.find_device("cuda:3")) == "cuda:3"


class Full:
    """A session whose memory holds so many photographs."""

    def __init__(self, session, room: int):
        self.session, self.room = session, room
        self.get_inputs = session.get_inputs

    def run(self, names, feed):
        if len(feed["lightness"]) > self.room:
            raise Exception("Failed to allocate memory for requested buffer of size 9")
        return self.session.run(names, feed)


def test_too_little_memory_halves_the_batch_and_is_one_error_in_the_end(weights):
    colorizer = Colorizer.from_pretrained(weights=weights, backend="onnx", size=64)
    inner = colorizer.runner.runner
    session = inner._session
    batch = np.random.default_rng(0).uniform(0, 100, (3, 1, 64, 64)).astype(np.float32)
    expected = colorizer.predict_logits(batch)
    inner._session = Full(session, 1)
    np.testing.assert_allclose(colorizer.predict_logits(batch), expected, atol=1e-3)
    inner._session = Full(session, 0)
    with pytest.raises(ColorizeError, match="not enough memory for the network at size 64"):
        colorizer(Photo(np.full((9, 9), 99, np.uint8)))


def test_other_faults_come_through_as_runtime_errors(model):
    network = OnnxRunner(model, "tiny")
    with pytest.raises(RuntimeError, match="lightness"):
        network(np.zeros((1, 2, 64, 64), np.float32))


def test_inputs_that_the_network_does_not_take_are_refused(tmp_path):
    """A model with L alone, as eccv16 is exported."""
    value = onnx.helper.make_tensor_value_info
    shape = ["b", 1, "h", "w"]
    node = onnx.helper.make_node("Identity", ["lightness"], ["ab"])
    graph = onnx.helper.make_graph(
        [node], "same", [value("lightness", 1, shape)], [value("ab", 1, shape)]
    )
    opset = onnx.helper.make_opsetid("", 17)
    content = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8)
    metadata = ModelMetadata("siggraph17", "ab", 8, 1)
    onnx.helper.set_model_props(content, {"colorize": metadata.to_json()})
    network = OnnxRunner(content.SerializeToString(), "same")
    lightness = np.ones((1, 1, 8, 8), np.float32)
    np.testing.assert_array_equal(network(lightness), lightness)
    with pytest.raises(ColorizeError, match="siggraph17 takes no hints"):
        network(lightness, hints=np.zeros((1, 3, 8, 8), np.float32))
