"""Named pipes, which nobody may ever write to, where a file is expected: refused, never read."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from colorize.cli import main

PATIENCE = 20  # seconds

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Iterator[None]:
    """Work in a folder with a photograph; end a test that hangs."""
    monkeypatch.chdir(tmp_path)
    Image.linear_gradient("L").resize((40, 30)).save("a.png")

    def give_up(*_: object) -> None:
        raise AssertionError("waits for the other end of a pipe")

    former = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(PATIENCE)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, former)


@pytest.mark.parametrize(
    ("pipe", "arguments"),
    [
        ("p.png", ["p.png"]),
        ("p.mp4", ["p.mp4"]),
        ("in/p.png", ["in"]),
        ("p.txt", ["a.png", "--hints", "p.txt"]),
        ("p.png", ["a.png", "--hints", "p.png"]),
        ("hints/a.txt", ["a.png", "--hints-dir", "hints"]),
        ("p.png", ["a.png", "--reference", "p.png"]),
        ("p.pth", ["a.png", "--weights", "p.pth"]),
        ("p.onnx", ["a.png", "--weights", "p.onnx"]),
        ("p.onnx", ["a.png", "--weights", "p.onnx", "--dry-run"]),
        ("p.jsonl", ["a.png", "--manifest", "p.jsonl"]),
        ("p.jsonl", ["a.png", "--failure-log", "p.jsonl"]),
        ("p.html", ["a.png", "--gallery", "p.html"]),
        ("p.json", ["vote", "p.json"]),
        ("p.png", ["info", "p.png"]),
        ("p.safetensors", ["export", "--weights", "p.safetensors", "--to", "onnx", "-o", "n.onnx"]),
        ("p.tar", ["evaluate", "colors", "p.tar"]),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_pipe_is_refused_in_one_line(pipe, arguments, capsys):
    Path(pipe).parent.mkdir(exist_ok=True)
    os.mkfifo(pipe)
    if arguments[0] not in ("vote", "info", "export", "evaluate"):
        arguments = [*arguments, "-o", "out/"]
    assert main(arguments) == 1
    said = capsys.readouterr().err.splitlines()
    # a folder's line of counts may follow
    assert pipe in said[0] and ("regular file" in said[0] or "no such" in said[0])
