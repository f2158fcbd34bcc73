"""Several processes, and several micro-batches, take the steps of one."""

import csv
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from fixtures.training import WIDTHS
from torch import nn

from colorize.training import cli

ROOT = Path(__file__).parents[2]
STEPS = 6

# What each process runs: the command without pretrained weights and without batch normalization,
# whose statistics are each process's on the CPU.
WORKER = """
import sys
from torch import nn
from colorize.training import cli, recipes
recipes.load_imagenet = lambda encoder: None
nn.BatchNorm2d.forward = lambda self, x: (
    x * self.weight[:, None, None] + self.bias[:, None, None]
)
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.fixture
def no_batch_norm(monkeypatch):
    def scale_and_shift(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight[:, None, None] + self.bias[:, None, None]

    monkeypatch.setattr(nn.BatchNorm2d, "forward", scale_and_shift)


def command(folder: Path, out: Path, batch_size: int, accumulate: int = 1) -> list[str]:
    probs = ["--degrade-prob", "0.5", "--sharpen-prob", "0.5", "--spectral-prob", "0.5"]
    return [
        str(folder), "--out", str(out), "--batch-size", str(batch_size), "--grad-accum-steps",
        str(accumulate), "--num-samples", str(8 * STEPS), "--crop-size", "32", "--workers", "1",
        "--validate-every", "1", "--quiet", "--widths", *map(str, WIDTHS), "--precision", "fp32",
        "--warmup-steps", "2", "--learning-rate", "0.01", "--schedule", "constant", *probs,
    ]  # fmt: skip


def losses(out: Path) -> list[float]:
    with (out / "log.csv").open() as stream:
        return [float(row["loss"]) for row in csv.DictReader(stream)]


def assert_same_gradients(out: Path, expected: Path) -> None:
    """Compare Adam's running means of the gradients and of their squares.

    Not the weights: Adam divides one by the root of the other, so that a weight whose gradients
    are nothing but rounding errors, which depend on the order of sums, moves as far as any.
    """
    states = [
        torch.load(folder / "checkpoint.pt", weights_only=True)["optimizer"]["state"]
        for folder in (out, expected)
    ]
    assert states[0].keys() == states[1].keys()
    for found, wanted in zip(*(state.values() for state in states), strict=True):
        for key in ("exp_avg", "exp_avg_sq"):
            tolerance = 1e-3 * float(wanted[key].abs().max())
            torch.testing.assert_close(found[key], wanted[key], rtol=0, atol=tolerance)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def run_processes(count: int, script: Path, args: list[str]) -> None:
    """Run the worker with the environment that torchrun sets."""
    script.write_text(WORKER)
    environment = {
        **os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()),
    }  # fmt: skip
    processes = [
        subprocess.Popen(
            [sys.executable, str(script), *args],
            env={**environment, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]
    errors = [process.communicate(timeout=300)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * count, errors


@pytest.mark.slow
@pytest.mark.usefixtures("no_imagenet", "no_batch_norm")
@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed")
def test_two_processes_equal_one_with_the_double_batch(photo_folder, tmp_path):
    two, single = tmp_path / "two", tmp_path / "one"
    run_processes(2, tmp_path / "worker.py", command(photo_folder, two, 2, accumulate=2))
    assert cli.main(command(photo_folder, single, 8)) == 0
    assert len(losses(two)) == STEPS  # only the main process wrote the log
    assert losses(two) == pytest.approx(losses(single), abs=2e-4)
    assert_same_gradients(two, single)


@pytest.mark.slow
@pytest.mark.usefixtures("no_imagenet", "no_batch_norm")
def test_micro_batches_equal_one_large_batch(photo_folder, tmp_path):
    assert cli.main(command(photo_folder, tmp_path / "one", 8)) == 0
    assert cli.main(command(photo_folder, tmp_path / "four", 2, accumulate=4)) == 0
    assert losses(tmp_path / "four") == pytest.approx(losses(tmp_path / "one"), abs=2e-4)
    assert_same_gradients(tmp_path / "four", tmp_path / "one")
