"""Validation metrics, TensorBoard and the log."""

import csv
import sys

import numpy as np
import pytest
import torch
from fixtures.training import WIDTHS, dataset_of
from torch import nn

from colorize.color.quantization import NUM_BINS, bin_centers
from colorize.errors import ColorizeError
from colorize.models.base import Network
from colorize.models.metadata import ModelMetadata
from colorize.training import cli
from colorize.training.data.dataset import PhotoDataset
from colorize.training.logging import TensorBoardLogger, validation_grid
from colorize.training.validation import validate


def test_validation_of_a_network_that_knows_the_color():
    class Knows(Network):
        metadata = ModelMetadata("x", "logits", 4, 4, bin_centers=bin_centers())

        def forward(self, lightness):
            logits = torch.full((len(lightness), NUM_BINS, 8, 8), -50.0)
            logits[:, torch.from_numpy((bin_centers() == 20).all(axis=1))] = 50.0
            return logits

    photos = dataset_of(np.full((32, 32, 3), (99, 148, 148)))
    metrics = validate(Knows(), photos, torch.ones(NUM_BINS), 32)
    assert metrics["ab_error"] == pytest.approx(0, abs=1e-3)
    assert metrics["mean_error"] == pytest.approx(0, abs=1e-3)
    assert metrics["gray_error"] == pytest.approx(20, abs=1e-3)
    assert metrics["chroma"] == pytest.approx(1, abs=1e-3)
    assert "val_loss_hints" not in metrics


def test_validation_without_photos_has_no_metrics(photos, siggraph17):
    none = photos.subset([])
    assert validate(siggraph17, none, torch.ones(NUM_BINS), 32) == {}


def test_hints_lower_the_loss_only_of_networks_that_take_them():
    class ShowsHints(Network):
        metadata = ModelMetadata("x", "ab", 1, 1, takes_hints=True)

        def forward(self, lightness, hints=None):
            return torch.zeros(len(lightness), 2, 32, 32) if hints is None else 110 * hints[:, :2]

    photos = dataset_of(np.full((32, 32, 3), (99, 148, 148)))
    metrics = validate(ShowsHints(), photos, torch.ones(NUM_BINS), 32)
    assert metrics["val_loss_hints"] < metrics["val_loss"]


@pytest.mark.slow
def test_grid_shows_gray_prediction_and_truth(photos):
    class Red(Network):
        metadata = ModelMetadata("x", "ab", 1, 1)

        def __init__(self):
            super().__init__()
            self.unused = nn.Parameter(torch.zeros(1))

        def forward(self, lightness):
            return torch.tensor([40.0, 20.0]).view(1, 2, 1, 1).expand(len(lightness), 2, 32, 32)

    grid = validation_grid(Red(), photos, 32)
    assert grid.shape == (3, 3 * 34 + 2, 8 * 34 + 2)
    assert grid.min() >= 0
    assert grid.max() <= 1
    gray, prediction = grid[:, 2:34, 2:34], grid[:, 36:68, 2:34]
    assert (gray.amax(dim=0) - gray.amin(dim=0)).max() < 0.01
    assert (prediction[0] > prediction[2]).float().mean() > 0.95


@pytest.mark.slow
def test_tensorboard_logger_writes_scalars_and_images(photos, siggraph17, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logger = TensorBoardLogger(tmp_path)
    logger.log_scalars(7, {"val_loss": 0.25})
    grid = validation_grid(siggraph17, photos.spaced(2), 32)
    logger.log_image(7, "validation", grid)
    logger.close()
    events = EventAccumulator(str(tmp_path)).Reload()
    assert [(e.step, e.value) for e in events.Scalars("val_loss")] == [(7, 0.25)]
    assert events.Images("validation")[0].step == 7


@pytest.mark.slow
def test_tensorboard_shows_what_the_log_has(photo_folder, tmp_path, monkeypatch, no_imagenet):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setattr(PhotoDataset, "split", lambda self: (self, self))
    args = [
        str(photo_folder), "--out", str(tmp_path), "--widths", *map(str, WIDTHS), "--batch-size",
        "4", "--num-samples", "8", "--crop-size", "32", "--workers", "1", "--quiet",
        "--tensorboard",
    ]  # fmt: skip
    assert cli.main(args) == 0
    with (tmp_path / "log.csv").open() as stream:
        (row,) = csv.DictReader(stream)
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    for name in ("loss", "val_loss", "ab_error", "mean_error", "gray_error"):
        (shown,) = events.Scalars(name)
        assert (shown.step, shown.value) == (2, pytest.approx(float(row[name]), abs=1e-4))
    assert events.Scalars("learning_rate")[0].step == 2
    assert events.Images("validation")[0].step == 2


def test_missing_tensorboard_names_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ColorizeError, match="pip install"):
        TensorBoardLogger(tmp_path)
