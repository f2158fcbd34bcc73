"""Photographs to measure on, and the command with a tiny network."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.colorizers import make_colorizer
from PIL import Image

from colorize.evaluation.cli import main
from colorize.pipeline import Colorizer


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """Return a folder of three photographs of 90×60 pixels and a file that is not an image."""
    path = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(0)
    for n in range(3):
        coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8))
        coarse.resize((90, 60), Image.Resampling.BICUBIC).save(path / f"{n}.png")
    (path / "notes.txt").write_text("not an image")
    return path


@pytest.fixture(scope="session")
def colorizer(network) -> Colorizer:
    """Return a colorizer with a tiny network of 64×64."""
    return make_colorizer(network, size=64)


@pytest.fixture
def run(weights, tmp_path) -> Callable[..., dict[str, Any]]:
    """Return a function that runs a sub-command with the tiny network and returns its JSON."""

    def run(task: str, *arguments: object) -> dict[str, Any]:
        target = tmp_path / "report.json"
        options = ["--json", str(target), "--weights", weights, "--size", "64", "--quiet"]
        assert main([task, *map(str, arguments), *options]) == 0
        content: dict[str, Any] = json.loads(target.read_text("utf-8"))
        return content

    return run
