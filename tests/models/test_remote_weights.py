"""Weights that are named by an address."""

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from fixtures.batches import save

from colorize.cli import main
from colorize.errors import ColorizeError
from colorize.models import registry
from colorize.models.remote_weights import ensure_local, sha256_in_address


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def served(weights, tmp_path, monkeypatch) -> str:
    """Return the address of the tiny network's weights, with their hash."""
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path / "cache"))
    path = Path(weights)
    handler = partial(Handler, directory=str(path.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        yield f"http://127.0.0.1:{server.server_port}/{path.name}#sha256={sha256}"
        server.shutdown()


def test_weights_are_downloaded_once_and_checked(served, tmp_path):
    file = Path(ensure_local(served))
    assert file.parent == tmp_path / "cache" and file.suffix == ".safetensors"
    offline = served.replace("http://127.0.0.1", "http://192.0.2.1")
    assert ensure_local(offline) == file
    wrong = served[:-1] + ("0" if served[-1] != "0" else "1")
    with pytest.raises(ColorizeError, match="sha256"):
        ensure_local(wrong)
    assert list(file.parent.iterdir()) == [file]


def test_names_of_files_are_left_alone():
    assert ensure_local("mine.safetensors") == "mine.safetensors"
    assert sha256_in_address(Path("a#sha256=b")) is None


@pytest.mark.parametrize("end", ["", "#", "#sha256=12", "#md5=" + "0" * 64, "#sha256=" + "g" * 64])
def test_an_address_needs_a_hash(end):
    with pytest.raises(ColorizeError, match="#sha256="):
        sha256_in_address("https://example.org/w.safetensors" + end)


def test_command_takes_an_address(served, tmp_path, capsys):
    photo, out = save(tmp_path / "a.png"), tmp_path / "b.png"
    arguments = [str(photo), "-o", str(out), "--weights", served, "--size", "64"]
    assert main([*arguments, "--manifest", str(tmp_path / "m.jsonl")]) == 0
    assert served.rpartition("=")[2] in (tmp_path / "m.jsonl").read_text()
    assert main([*arguments[:-3], served.partition("#")[0], "--overwrite"]) == 1
    assert "#sha256=" in capsys.readouterr().err


def test_torch_loads_an_address(served):
    assert registry.load("compact", served).metadata.architecture == "compact"
