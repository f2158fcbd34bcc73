import dataclasses
import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import platformdirs
import pytest
import torch

from colorize.errors import ColorizeError
from colorize.io.checksum import hash_file
from colorize.models import registry, weights_files
from colorize.models.compact import Compact
from colorize.models.serialization import ensure_safetensors, save_compact
from colorize.models.weights_files import (
    SIZE_TOLERANCE,
    cache_folder,
    cached_path,
    download_addresses,
    ensure_weights,
    verify,
)
from colorize.runtime.load import load_runner

LIGHTNESS = torch.linspace(0, 100, 32 * 32).view(1, 1, 32, 32)


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("COLORIZE_CACHE", str(folder))
    return folder


@pytest.fixture(scope="module")
def compact_file(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("compact") / "compact.safetensors"
    torch.manual_seed(0)
    save_compact(Compact((8, 8, 8, 8)), file)
    return file


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """Give the address of a server and the folder that it serves."""
    folder = tmp_path_factory.mktemp("server")
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/", folder
        running.shutdown()
        thread.join()


@pytest.fixture
def served(server, compact_file, monkeypatch) -> Path:
    """Give the file of a model "tiny", which is downloaded from this machine."""
    address, folder = server
    file = folder / "tiny.safetensors"
    file.write_bytes(compact_file.read_bytes())
    tiny = dataclasses.replace(
        registry.MODELS["compact"],
        name="tiny",
        file=file.name,
        url=address + file.name,
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        size=file.stat().st_size,
    )
    monkeypatch.setitem(registry.MODELS, "tiny", tiny)
    return file


def test_published_models_are_those_of_the_release():
    models = {model.name: model for model in registry.available_models()}
    assert list(models)[:3] == ["compact", "eccv16", "siggraph17"]
    base = "https://colorizers.s3.us-east-2.amazonaws.com/"
    for name, sha256 in (
        ("eccv16", "9b330a0bae53f4ded77b1e23defbf78beaa09c10ebc4c4999e8e4f4a160b93f9"),
        ("siggraph17", "df00044c0a4d7c3edcecf6f75437ce346a66e7a42612d9b968e1a7e17dbc6f66"),
    ):
        model = models[name]
        assert model.sha256 == sha256
        assert model.url == base + model.file
        assert model.file.endswith(f"-{sha256[:8]}.pth")
    assert models["eccv16"].file.startswith("colorization_release_v2-")
    assert models["siggraph17"].size == 136_787_426


@pytest.mark.parametrize(
    ("name", "sha256", "size"),
    [
        (
            "ddcolor",
            "d81711971ec59200da26d5e8a1afae8dd3778d495ea8ad7a7dadc769f403f7e7",
            911_914_869,
        ),
        (
            "ddcolor-artistic",
            "5a076e84efce59848394f572a105f7b78f7f6e917f615d1ee88537241b96dca3",
            911_914_869,
        ),
        (
            "ddcolor-paper",
            "5c77db8292398a2ec1397003f0a90266c28e97b013515d5e9a32e73a4c54a67d",
            911_914_869,
        ),
        (
            "ddcolor-tiny",
            "8a1277bc90a1bfbb6d2d83933a9a6bc821931879ca93e26e4fcec12165d41fce",
            220_372_845,
        ),
    ],
)
def test_ddcolor_is_that_of_its_authors(name, sha256, size):
    model = registry.find(name)
    assert (model.sha256, model.size, model.license) == (sha256, size, "Apache-2.0")
    assert model.url.startswith("https://huggingface.co/piddnad/ddcolor_")
    assert model.url.endswith("/pytorch_model.bin")


def test_a_mirror_of_the_hub_is_asked_first_if_the_environment_names_one(monkeypatch):
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    tiny = registry.find("ddcolor-tiny")
    assert download_addresses(tiny) == [tiny.url]
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/")
    mirror, last = download_addresses(tiny)
    assert mirror == tiny.url.replace("https://huggingface.co/", "https://mirror.example/")
    assert last == tiny.url
    assert len(download_addresses(registry.find("eccv16"))) == 1
    assert download_addresses(registry.find("compact")) == []


def test_a_mirror_of_all_weights_is_asked_before_any_other_address(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example")
    monkeypatch.setenv("COLORIZE_MIRROR", "https://mirror.example/weights/")
    tiny, eccv16 = registry.find("ddcolor-tiny"), registry.find("eccv16")
    first, second, last = download_addresses(tiny)
    assert first == f"https://mirror.example/weights/{tiny.file}" and last == tiny.url
    assert second.startswith("https://hub.example/")
    mirror = f"https://mirror.example/weights/{eccv16.file}"
    assert download_addresses(eccv16) == [mirror, eccv16.url]
    monkeypatch.setenv("COLORIZE_MIRROR", "/mnt/weights")
    with pytest.raises(ColorizeError, match="COLORIZE_MIRROR"):
        download_addresses(eccv16)


def test_size_and_license_are_said_before_the_download(served, cache, capsys):
    ensure_weights("tiny", quiet=False)
    said = capsys.readouterr().err
    size = registry.find("tiny").size
    assert f"{size / 1e6:.0f} MB" in said and registry.find("tiny").license in said


def test_seconds_are_those_of_the_benchmark():
    root = Path(registry.__file__).parents[2]
    results = json.loads((root / "benchmarks/results/networks.json").read_text("utf-8"))["networks"]
    for model in registry.available_models():
        size = 512 if model.architecture.startswith("ddcolor") else 256
        name = "ddcolor" if model.architecture == "ddcolor" else model.name
        measured = results[name][f"onnx {size}"]["cpu_seconds"]
        assert model.seconds == pytest.approx(measured, rel=0.05, abs=0.01)
        assert results[name]["parameters"] == model.parameters


def test_files_in_the_cache_have_different_names():
    files = [model.file for model in registry.available_models()]
    assert len(set(files)) == len(files)


def test_bundled_weights_are_those_of_the_table():
    file = cached_path("compact")
    if file is None:
        pytest.skip("no bundled weights yet")
    assert ensure_weights("compact") == verify("compact") == file
    assert file.stat().st_size == registry.MODELS["compact"].size


def test_importing_the_registry_does_not_import_torch():
    code = "import sys, colorize; colorize.available_models(); exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_cache_folder_is_the_platforms_unless_moved(monkeypatch, tmp_path):
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path / "elsewhere"))
    assert cache_folder() == tmp_path / "elsewhere"
    for unset in (
        lambda: monkeypatch.setenv("COLORIZE_CACHE", ""),
        lambda: monkeypatch.delenv("COLORIZE_CACHE"),
    ):
        unset()
        assert cache_folder() == platformdirs.user_cache_path("colorize", appauthor=False)


def test_unknown_model_is_an_error_that_names_the_others():
    for call in (
        ensure_weights,
        registry.load,
        verify,
        cached_path,
    ):
        with pytest.raises(ColorizeError, match=r"'vgg'; available: compact, eccv16, siggraph17"):
            call("vgg")


def test_model_is_fetched_once_verified_and_loaded(served, cache):
    assert cached_path("tiny") is None
    network = registry.load("tiny")
    assert isinstance(network, Compact) and not network.training
    assert cached_path("tiny") == cache / "tiny.safetensors"
    served.unlink()  # from now on, only the cache can give it
    assert ensure_weights("tiny") == verify("tiny") == cache / "tiny.safetensors"
    assert torch.equal(registry.load("tiny")(LIGHTNESS), network(LIGHTNESS))


def test_damaged_cache_is_noticed_and_replaced(served, cache):
    file = ensure_weights("tiny")
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"x")
    with pytest.raises(ColorizeError, match="sha256 is"):
        verify("tiny")
    assert ensure_weights("tiny") == file
    assert file.read_bytes() == content


def test_nothing_of_a_wrong_hash_is_read(served, cache, monkeypatch):
    served.write_bytes(b"another file")
    monkeypatch.setattr(torch, "load", lambda *args, **options: pytest.fail("unpickled"))
    with pytest.raises(ColorizeError, match=r"its sha256 is .*--weights FILE"):
        registry.load("tiny")
    assert list(cache.iterdir()) == []


def test_download_far_longer_than_the_table_says_is_refused(served, monkeypatch):
    short = dataclasses.replace(registry.MODELS["tiny"], size=10)
    monkeypatch.setitem(registry.MODELS, "tiny", short)
    monkeypatch.setattr(weights_files, "SIZE_TOLERANCE", 10)
    with pytest.raises(ColorizeError, match="longer than 20 bytes"):
        ensure_weights("tiny")


def test_verify_does_not_fetch(served, cache):
    with pytest.raises(ColorizeError, match="not on this machine"):
        verify("tiny")
    assert not cache.exists()


def test_missing_bundled_file_says_so(monkeypatch):
    lost = dataclasses.replace(registry.MODELS["compact"], file="lost.safetensors")
    monkeypatch.setitem(registry.MODELS, "compact", lost)
    with pytest.raises(ColorizeError, match="install the package again"):
        registry.load()


def test_own_weights_need_no_network_and_no_cache(compact_file, cache):
    network = registry.load("compact", weights=str(compact_file))
    assert network.widths == (8, 8, 8, 8)
    assert not cache.exists()
    with pytest.raises(ColorizeError, match="use --model compact"):
        registry.load("eccv16", weights=compact_file)


@pytest.mark.slow
def test_old_published_file_goes_from_server_to_network(eccv16, server, cache, monkeypatch):
    address, folder = server
    state = eccv16.state_dict()
    old = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    file = folder / "colorization_release_v2-9b330a0b.pth"
    torch.save(old, file, _use_new_zipfile_serialization=False)
    model = registry.MODELS["eccv16"]
    assert abs(file.stat().st_size - model.size) < SIZE_TOLERANCE
    monkeypatch.setitem(
        registry.MODELS,
        "eccv16",
        dataclasses.replace(model, url=address + file.name, sha256=hash_file(file)),
    )
    assert torch.equal(registry.load("eccv16")(LIGHTNESS), eccv16(LIGHTNESS))
    # It is kept as safetensors, which both backends read without the PyTorch file.
    (published,) = cache.glob("*.pth")
    published.unlink()
    file.unlink()
    assert torch.equal(registry.load("eccv16")(LIGHTNESS), eccv16(LIGHTNESS))
    onnx = load_runner("eccv16", backend="onnx")(LIGHTNESS.numpy())
    np.testing.assert_allclose(onnx, eccv16(LIGHTNESS), atol=1e-5)


def test_a_damaged_conversion_is_made_again(cache, monkeypatch):
    model = dataclasses.replace(registry.MODELS["eccv16"], url="http://127.0.0.1:9/none")
    monkeypatch.setitem(registry.MODELS, "eccv16", model)
    damaged = cache / "colorization_release_v2-9b330a0b.safetensors"
    cache.mkdir()
    damaged.write_bytes(b"\x09\0\0\0\0\0\0\0{damaged")
    with pytest.raises(ColorizeError, match="cannot download"):
        ensure_safetensors("eccv16", quiet=True)
