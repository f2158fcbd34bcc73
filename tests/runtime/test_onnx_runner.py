"""ONNX Runtime against torch, and without it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from fixtures.random_weights import lively
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from skimage.color import deltaE_ciede2000, rgb2lab

from colorize.color.quantization import NUM_BINS
from colorize.errors import ColorizeError
from colorize.io.readers import read
from colorize.models import registry
from colorize.models.eccv16 import ECCV16
from colorize.models.metadata import StyleSettings
from colorize.models.siggraph17 import SIGGRAPH17
from colorize.pipeline import Colorizer
from colorize.runtime import onnx_runner
from colorize.runtime.load import load_runner, resolve_backend
from colorize.runtime.onnx_runner import OnnxRunner
from colorize.runtime.oom import OomSafeRunner

ROOT = Path(__file__).parents[2]
PHOTOGRAPHS = [ROOT / "imgs" / name for name in ("astronaut.jpg", "chelsea.jpg", "coffee.jpg")]
BIAS = "decoder.classify.bias"
BUNDLED = ROOT / "weights" / "compact.safetensors"
PUBLISHED = {"eccv16": ECCV16, "siggraph17": SIGGRAPH17}


@pytest.fixture(scope="module")
def runner() -> OnnxRunner:
    return onnx_runner.load()


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> dict[str, tuple[torch.nn.Module, Path]]:
    """Return networks, and files of their weights in the format of the releases."""
    folder, made = tmp_path_factory.mktemp("published"), {}
    for name, network_class in PUBLISHED.items():
        network = lively(network_class())
        torch.save(network.state_dict(), folder / f"{name}.pth")
        made[name] = network, folder / f"{name}.pth"
    return made


def random_lightness(b: int, h: int, w: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 100, (b, 1, h, w)).astype(np.float32)


def random_hints(b: int, h: int, w: int) -> np.ndarray:
    random = np.random.default_rng(0)
    mask = random.random((b, 1, h, w)) < 0.05
    ab = random.uniform(-0.5, 0.5, (b, 2, h, w)) * mask
    return np.concatenate((ab, mask), axis=1, dtype=np.float32)


@pytest.mark.parametrize("size", [(1, 64, 64), (3, 32, 96), (2, 128, 32)])
def test_logits_are_those_of_torch(runner, size):
    lightness = random_lightness(*size)
    expected = registry.load()(torch.from_numpy(lightness))
    np.testing.assert_allclose(runner(lightness), expected, atol=2e-3)  # of logits up to 40


def test_metadata_is_that_of_the_torch_network(runner):
    found, expected = runner.metadata, registry.load().metadata
    for name in ("architecture", "output", "size_divisor", "output_stride", "styles"):
        assert getattr(found, name) == getattr(expected, name), name
    for name in ("bin_centers", "class_weights", "prior"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@pytest.mark.slow
@pytest.mark.parametrize("file", PHOTOGRAPHS, ids=lambda file: file.stem)
def test_photographs_look_the_same(file):
    photo = read(file)
    by_torch, by_onnx = (
        rgb2lab(Colorizer.from_pretrained(backend=backend)(photo).pixels)
        for backend in ("torch", "onnx")
    )
    assert np.abs(by_torch[..., 1:]).mean() > 1  # in color
    assert deltaE_ciede2000(by_torch, by_onnx).mean() < 0.05


def test_a_batch_gives_what_single_inputs_give(runner):
    batch = random_lightness(3, 64, 64)
    expected = np.concatenate([runner(lightness[None]) for lightness in batch])
    np.testing.assert_allclose(runner(batch), expected, atol=1e-3)


def run_python(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, *options, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["torch", "onnx"])
def test_photographs_are_colored_without(missing, tmp_path):
    Image.linear_gradient("L").save(tmp_path / "a.jpg")
    argv = ["-i", str(tmp_path / "a.jpg"), "-o", str(tmp_path / "b.png")]
    run = run_python(
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from colorize.cli import main\n"
        f"sys.exit(main({argv!r}))"
    )
    assert (run.returncode, run.stdout) == (0, ""), run.stderr
    with Image.open(tmp_path / "b.png") as image:
        assert (image.size, image.mode) == ((256, 256), "RGB")
        assert np.ptp(np.asarray(image).astype(int), axis=2).mean() > 5


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        "from colorize.cli import main; main(['-i', 'a.jpg', '-o', 'b.png', '--quiet'])",
        "import colorize; c = colorize.Colorizer.from_pretrained(); c(colorize.read('a.jpg'))",
    ],
    ids=["command", "library"],
)
def test_the_bundled_network_does_not_import_torch(tmp_path, code):
    Image.linear_gradient("L").save(tmp_path / "a.jpg")
    run = run_python(f"import os; os.chdir({str(tmp_path)!r}); {code}", "-X", "importtime")
    modules = {line.rpartition("|")[2].strip() for line in run.stderr.splitlines()}
    assert run.returncode == 0
    assert "onnxruntime" in modules
    assert not {name for name in modules if name.split(".")[0] in ("torch", "torchvision", "onnx")}


def rejected(match: str, **arguments: object) -> None:
    with pytest.raises(ColorizeError, match=match) as error:
        load_runner(**{"backend": "onnx"} | arguments)
    assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks_give_what_torch_gives(published, name):
    network, file = published[name]
    inputs = [random_lightness(2, 64, 96)]
    made = onnx_runner.load(name, file)
    if name == "siggraph17":
        without = network(torch.from_numpy(inputs[0])).numpy()
        np.testing.assert_allclose(made(*inputs), without, atol=1e-5 * np.abs(without).max())
        inputs.append(random_hints(2, 64, 96))
    expected = network(*map(torch.from_numpy, inputs)).numpy()
    np.testing.assert_allclose(made(*inputs), expected, atol=1e-5 * np.abs(expected).max())
    assert made.metadata.takes_hints == network.metadata.takes_hints
    if name == "eccv16":
        np.testing.assert_array_equal(made.metadata.bin_centers, network.metadata.bin_centers)


@pytest.mark.slow
def test_published_weights_may_be_fp16_safetensors_without_counters(published, tmp_path):
    network, file = published["eccv16"]
    other = tmp_path / "weights.safetensors"
    save_file({key: x.half() for key, x in network.state_dict().items() if x.ndim}, other)
    lightness = random_lightness(1, 32, 32)
    full, half = (onnx_runner.load("eccv16", x)(lightness) for x in (file, other))
    assert 0 < np.abs(full - half).max() < 0.05 * np.abs(full).max()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model4.0.bias": None}, r"lacks tensors \(1\): model4.0.bias"),
        ({"model4.0.bias": torch.zeros(5)}, r"model4.0.bias has shape \(5,\)"),
        ({"model4.0.bias": torch.full((512,), torch.inf)}, "damaged: model4.0.bias"),
        ({"model_out.weight": torch.zeros(2, 313)}, "model_out.weight has shape"),
        ({"extra": torch.zeros(1)}, r"unknown tensors \(1\): extra"),
    ],
)
def test_unsound_published_tensors_are_rejected(published, tmp_path, change, reason):
    network, _ = published["eccv16"]
    tensors = {key: x for key, x in (network.state_dict() | change).items() if x is not None}
    save_file(tensors, tmp_path / "changed.safetensors")
    rejected(reason, name="eccv16", weights=str(tmp_path / "changed.safetensors"))


def test_the_number_of_threads_does_not_change_the_result(monkeypatch):
    monkeypatch.setattr(onnx_runner, "available_cpus", lambda: 2)
    lightness, runner = random_lightness(1, 64, 64), onnx_runner.load()
    results = []
    for threads in (2, 1):
        runner.set_threads(threads)
        assert runner._session.get_session_options().intra_op_num_threads == threads
        results.append(runner(lightness))
    np.testing.assert_allclose(*results, atol=1e-3)


def changed(folder: Path, tensors: dict, header: dict | None = None) -> str:
    """Return a copy of the bundled weights with other tensors or header; None removes one."""
    with safe_open(BUNDLED, "pt") as content:
        metadata = content.metadata() | (header or {})
    made = load_file(BUNDLED) | tensors
    made = {key: value for key, value in made.items() if value is not None}
    save_file(made, folder / "changed.safetensors", metadata)
    return str(folder / "changed.safetensors")


def test_your_own_weights_of_the_bundled_sizes_are_read(tmp_path, runner):
    bias = load_file(BUNDLED)[BIAS].float() + 1
    styles = {"styles": json.dumps({"vivid": {"temperature": 0.4, "rebalance": 0.5}})}
    own = onnx_runner.load("compact", changed(tmp_path, {BIAS: bias}, styles))
    lightness = random_lightness(1, 32, 32)
    np.testing.assert_allclose(own(lightness), runner(lightness) + 1, atol=0.02)
    assert own.metadata.styles["vivid"] == StyleSettings(0.4, 0.5)


def test_other_widths_need_torch(weights):
    rejected("widths .* use --backend torch", weights=weights)


@pytest.mark.parametrize(
    ("tensors", "reason"),
    [
        ({BIAS: None}, rf"lacks tensors \(1\): {BIAS}"),
        ({BIAS: torch.zeros(5)}, rf"{BIAS} has shape \(5,\)"),
        ({BIAS: torch.full((NUM_BINS,), float("nan"))}, f"damaged: {BIAS}"),
        ({BIAS: torch.zeros(NUM_BINS, dtype=torch.int64)}, f"{BIAS} has an unexpected"),
        ({"extra": torch.zeros(1)}, r"unknown tensors \(1\): extra"),
    ],
)
def test_unsound_tensors_are_rejected(tmp_path, tensors, reason):
    rejected(reason, weights=changed(tmp_path, tensors))


def test_unsound_weights_files_are_rejected(tmp_path):
    (tmp_path / "short").write_bytes(BUNDLED.read_bytes()[:100])
    rejected("header incomplete", weights=str(tmp_path / "short"))
    (tmp_path / "other.pth").write_bytes(b"PK\x03\x04 and so on")
    rejected("neither safetensors nor a PyTorch file", weights=str(tmp_path / "other.pth"))
    rejected("cannot read the weights", weights=str(tmp_path / "none"))
    config = {"config": '{"architecture": "later"}'}
    rejected("holds later, not compact", weights=changed(tmp_path, {}, config))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, "onnx"),
        ({"name": "eccv16"}, "onnx"),
        ({"throughput": True}, "onnx"),
        ({"name": "eccv16", "throughput": True}, "torch"),
        ({"device": "gpu"}, "torch"),
        ({"weights": "own.safetensors"}, "torch"),
        ({"weights": "own.ONNX"}, "onnx"),
        ({"requested": "torch"}, "torch"),
    ],
)
def test_default_backend(arguments, expected):
    assert resolve_backend(**{"requested": None} | arguments) == expected


def test_unknown_devices_backends_and_precisions_are_rejected(tmp_path):
    rejected("only runs on the CPU; use --backend torch", device="gpu")
    rejected("only runs on the CPU", device="cuda:1")
    rejected("cpu, cuda and cuda:N", device="mps")
    rejected("unknown backend 'keras'", backend="keras")
    rejected("needs --backend onnx", weights="a.onnx", backend="torch")
    for backend in ("onnx", "torch", None):
        rejected("unknown precision 'nonsense'", precision="nonsense", backend=backend)
    rejected("float16: ONNX Runtime computes in float32", precision="float16")


def test_gpus_have_numbers(monkeypatch):
    providers = [onnx_runner.CUDA, onnx_runner.CPU]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: providers)
    assert onnx_runner.resolve_device("gpu") == "cuda:0"
    assert onnx_runner.resolve_device("cuda:3") == "cuda:3"


class Full:
    """A session whose memory holds `capacity` photographs."""

    def __init__(self, session, capacity: int):
        self.session, self.capacity = session, capacity

    def run(self, names, feed):
        if len(feed["lightness"]) > self.capacity:
            raise Exception("Failed to allocate memory for requested buffer of size 9")
        return self.session.run(names, feed)


@pytest.mark.slow
def test_too_little_memory_halves_the_batch_and_then_is_one_error():
    runner = onnx_runner.load()
    safe, session, batch = OomSafeRunner(runner), runner._session, random_lightness(3, 64, 64)
    expected = safe(batch)
    runner._session = Full(session, 1)
    np.testing.assert_allclose(safe(batch), expected, atol=1e-3)
    runner._session = Full(session, 0)
    with pytest.raises(ColorizeError, match="not enough memory for the network at size 64"):
        safe(batch)


def test_other_errors_are_runtime_errors(runner):
    with pytest.raises(RuntimeError, match="lightness"):
        runner(np.zeros((1, 2, 64, 64), np.float32))
