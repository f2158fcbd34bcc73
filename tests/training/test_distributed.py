"""Steps shared by processes and by batches: the same run as with one process and large batches."""

import csv
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from colorize.errors import ColorizeError
from colorize.training import data, recipes, train
from colorize.training import memmap_dataset as packed
from colorize.training.config import Settings
from colorize.training.steps import Steps, load_steps

ROOT = Path(__file__).parents[2]
STEPS = 12

# What each of the two processes runs: the command, without pretrained weights, and, where
# rounding would matter, without batch normalization.
WORKER = """
import sys
from torch import nn
from colorize.training import recipes, train
from colorize.training.distributed import SharedBatchNorm
recipes.load_imagenet = lambda name, encoder: None
if sys.argv.pop(1) == "plain":
    nn.BatchNorm2d.forward = SharedBatchNorm.forward = lambda self, x: (
        x * self.weight[:, None, None] + self.bias[:, None, None]
    )
sys.exit(train.main(sys.argv[1:]))
"""

# Three steps of a network on halves of a batch, beside a copy of it on the whole.
NORMALIZER = """
import copy
import torch
from torch import nn
from colorize.training.distributed import joined, shared
torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
network = nn.Sequential(
    nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 3, 3), nn.BatchNorm2d(3)
)
alone = copy.deepcopy(network)
x, y = 5 * torch.randn(8, 1, 9, 9), torch.randn(8, 3, 5, 5)
with joined("cpu") as (processes, device):
    runner, half = shared(network, torch.device(device)), slice(processes.rank, None, 2)
    for _ in range(3):
        runner.zero_grad(), alone.zero_grad()
        (runner(x[half]) - y[half]).square().mean().backward()
        (alone(x) - y).square().mean().backward()
        for ours, theirs in zip(network.parameters(), alone.parameters()):
            torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-12, rtol=0)
        torch.testing.assert_close(network.state_dict(), alone.state_dict())
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("photographs")
    for seed in range(16):
        coarse = np.random.default_rng(seed).integers(0, 256, (3, 3, 3), np.uint8)
        picture = Image.fromarray(coarse).resize((48, 40), Image.Resampling.BICUBIC)
        picture.save(path / f"{seed}.png")
    return path


@pytest.fixture(scope="module")
def photographs(folder) -> data.Photographs:
    return data.load([folder], short_side=32, workers=1, quiet=True)


def options(folder: Path, out: Path, batch: int) -> list[str]:
    shares = ["--hinted", "0.5", "--degraded", "0.5", "--sharpened", "0.5", "--zoomed", "0.5"]
    return [
        str(folder), "--out", str(out), "--batch", str(batch), "--samples", str(8 * STEPS),
        "--crop", "32", "--workers", "1", "--validate-every", "1", "--quiet",
        "--widths", "16", "16", "24", "32", "--precision", "fp32", "--draws", "photograph",
        "--warm-up", "2", "--learning-rate", "0.01", "--schedule", "constant", *shares,
    ]  # fmt: skip


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def losses(out: Path) -> list[float]:
    with (out / "log.csv").open() as stream:
        return [float(row["loss"]) for row in csv.DictReader(stream)]


def run_processes(count: int, command: list[Any], script: str) -> None:
    """Run the script, as the command's file, with the environment that torchrun gives it."""
    Path(command[0]).write_text(script)
    common = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT),
              "WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1",
              "MASTER_PORT": str(free_port())}  # fmt: skip
    started = [
        subprocess.Popen(
            [sys.executable, *map(str, command)],
            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]
    errors = [process.communicate(timeout=300)[1] for process in started]
    assert [process.returncode for process in started] == [0] * count, errors


def scale_and_shift(self: nn.BatchNorm2d, x: torch.Tensor) -> torch.Tensor:
    return x * self.weight[:, None, None] + self.bias[:, None, None]


@pytest.fixture
def in_this_process(monkeypatch):
    """Train in the test's own process, as one, likewise with or without batch normalization."""

    def run(norm: str, args: list[str]) -> None:
        monkeypatch.setattr(recipes, "load_imagenet", lambda name, encoder: None)
        if norm == "plain":
            monkeypatch.setattr(nn.BatchNorm2d, "forward", scale_and_shift)
        assert train.main(args) == 0

    return run


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed")
@pytest.mark.parametrize(("norm", "accumulate", "within"), [("norm", 1, 5e-3), ("plain", 2, 2e-4)])
def test_two_processes_give_the_curve_of_one_with_the_double_batch(
    folder, tmp_path, in_this_process, norm, accumulate, within
):
    """Batch normalization sees the photographs of both; it makes more of what is rounded."""
    batch, accumulated = 4 // accumulate, ["--accumulate", str(accumulate)]
    two = [*options(folder, tmp_path / "two", batch), *accumulated]
    run_processes(2, [tmp_path / "worker.py", norm, *two], WORKER)
    in_this_process(norm, [*options(folder, tmp_path / "one", 2 * batch), *accumulated])
    assert len(losses(tmp_path / "two")) == STEPS  # the first process alone wrote the log
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), abs=within)
    if norm == "plain":
        weights = [
            torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["network"]
            for name in ("one", "two")
        ]
        for key in weights[0]:
            torch.testing.assert_close(weights[0][key], weights[1][key], atol=1e-4, rtol=1e-3)


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed")
def test_normalization_over_two_processes_is_that_of_one(tmp_path):
    """Gradients and running statistics of halves are those of the whole, as float64 has them."""
    run_processes(2, [tmp_path / "worker.py"], NORMALIZER)


def test_accumulated_batches_give_the_curve_of_one_large_batch(folder, tmp_path, in_this_process):
    in_this_process("plain", options(folder, tmp_path / "one", 8))
    in_this_process("plain", [*options(folder, tmp_path / "four", 2), "--accumulate", "4"])
    assert losses(tmp_path / "four") == pytest.approx(losses(tmp_path / "one"), abs=2e-4)


def test_the_processes_share_out_the_photographs_of_a_step(photographs):
    """Whatever the number of processes and batches, each crop is the same."""
    common = {"crop": 32, "samples": 32, "draws": "photograph"}
    whole = Steps(photographs, Settings(batch=8, **common))[1][0]
    halves = [
        Steps(photographs, Settings(batch=2, accumulate=2, processes=2, **common), rank)[1]
        for rank in (0, 1)
    ]
    in_order = [halves[0][0], halves[1][0], halves[0][1], halves[1][1]]
    for i, whole_input in enumerate(whole.inputs):
        assert torch.equal(whole_input, torch.cat([part.inputs[i] for part in in_order]))
    assert torch.equal(whole.ab, torch.cat([part.ab for part in in_order]))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_workers_make_the_same_crops(photographs):
    subject = Steps(photographs, Settings(batch=4, crop=32, samples=20, degraded=1.0))
    ahead = list(load_steps(subject, 2, workers=1))
    assert len(ahead) == 3
    for step, batches in enumerate(ahead, 2):
        for given, expected in zip(batches[0].inputs, subject[step][0].inputs, strict=True):
            assert torch.equal(given, expected)


def test_packed_photographs_are_those_in_memory(folder, photographs, tmp_path):
    packed.pack(tmp_path / "p", [folder], 32, 4, workers=1, quiet=True)
    mapped = packed.open_packed(tmp_path / "p")
    assert mapped.names == photographs.names
    assert mapped.stride == 4
    for ours, theirs in zip(mapped.lightness, photographs.lightness, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for ours, theirs in zip(mapped.ab, photographs.ab, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    before = (tmp_path / "p" / packed.INDEX).stat().st_mtime_ns
    packed.pack(tmp_path / "p", [folder], 32, 4, workers=1, quiet=True)
    assert (tmp_path / "p" / packed.INDEX).stat().st_mtime_ns == before
    with pytest.raises(ColorizeError, match="holds other photographs"):
        packed.pack(tmp_path / "p", [folder], 64, 4, workers=1, quiet=True)
    with pytest.raises(ColorizeError, match="no packed photographs"):
        packed.open_packed(tmp_path)
