"""The training command, from photographs to weights files."""

import csv

import numpy as np
import pytest
import torch
from fixtures.training import WIDTHS
from PIL import Image

from colorize.models import registry
from colorize.training import cli, weights_file
from colorize.training.data.batches import center_crops
from colorize.training.data.dataset import PhotoDataset

pytestmark = pytest.mark.usefixtures("no_imagenet")

COMMON = ["--batch-size", "4", "--crop-size", "32", "--quiet", "--workers", "1"]
SMALL = [*COMMON, "--widths", *map(str, WIDTHS)]


def log(out):
    with (out / "log.csv").open() as stream:
        return list(csv.DictReader(stream))


def train(folder, out, *options):
    return cli.main([str(folder), "--out", str(out), *options])


@pytest.mark.slow
def test_command_trains_logs_and_resumes(photo_folder, tmp_path):
    options = [*SMALL, "--validate-every", "2"]
    assert train(photo_folder, tmp_path, *options, "--num-samples", "8") == 0
    assert train(photo_folder, tmp_path, *options, "--num-samples", "16", "--resume") == 0
    rows = log(tmp_path)
    assert [row["step"] for row in rows] == ["2", "4"]
    assert float(rows[-1]["loss"]) > 0
    target = tmp_path / "compact.safetensors"
    assert weights_file.main([str(tmp_path / "checkpoint.pt"), "-o", str(target)]) == 0
    assert registry.load("compact", target).widths == WIDTHS


@pytest.mark.slow
@pytest.mark.parametrize("storage", ["memory", "--memmap", "--data-on-device"])
def test_where_photos_are_stored_does_not_change_the_run(photo_folder, tmp_path, storage):
    options = [*SMALL, "--num-samples", "8"]
    if storage == "--memmap":
        options += [storage, str(tmp_path / "decoded")]
    elif storage != "memory":
        options += [storage]
    assert train(photo_folder, tmp_path / "run", *options) == 0
    assert train(photo_folder, tmp_path / "expected", *SMALL, "--num-samples", "8") == 0
    weights, expected = (
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["average"]
        for name in ("run", "expected")
    )
    assert all(torch.equal(weights[key], expected[key]) for key in expected)


@pytest.mark.slow
def test_existing_run_is_kept_unless_overwrite_is_set(photo_folder, tmp_path, capsys):
    options = [*SMALL, "--num-samples", "4"]
    assert train(photo_folder, tmp_path, *options) == 0
    before = (tmp_path / "checkpoint.pt").read_bytes()
    assert train(photo_folder, tmp_path, *options, "--seed", "1") == 1
    message = capsys.readouterr().err
    assert "--resume" in message
    assert "--overwrite" in message
    assert train(tmp_path / "missing", tmp_path, *options, "--overwrite") == 1
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    assert train(photo_folder, tmp_path, *options, "--seed", "1", "--overwrite") == 0
    assert (tmp_path / "checkpoint.pt").read_bytes() != before
    assert len(log(tmp_path)) == 1


@pytest.fixture(scope="module")
def duotone_folder(tmp_path_factory):
    """Return pictures in which dark is blue and light is orange: lightness tells the color."""
    folder = tmp_path_factory.mktemp("duotones")
    dark, light = np.array([[20, 30, 120], [250, 180, 90]], np.float32)
    for seed in range(8):
        coarse = np.random.default_rng(seed).integers(0, 256, (4, 4), np.uint8)
        gray = np.asarray(Image.fromarray(coarse).resize((44, 40), Image.Resampling.BICUBIC))
        colors = dark + gray[..., None] / np.float32(255) * (light - dark)
        Image.fromarray(colors.astype(np.uint8)).save(folder / f"{seed}.png")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("network", "crop"), [("eccv16", 32), ("siggraph17", 16)])
def test_networks_learn_from_scratch(network, crop, duotone_folder, photos, tmp_path, monkeypatch):
    """Loss and error on its own photographs fall, the error below that of gray."""
    monkeypatch.setattr(PhotoDataset, "split", lambda self: (self, self))
    options = [
        *COMMON, "--network", network, "--num-samples", "80", "--crop-size", str(crop),
        "--load-size", "32", "--schedule", "constant", "--learning-rate", "0.001",
        "--ema-decay", "0.5", "--validate-every", "10", "--precision", "fp32",
    ]  # fmt: skip
    assert train(duotone_folder, tmp_path, *options) == 0
    first, last = ({k: float(v) for k, v in row.items()} for row in log(tmp_path))
    assert last["loss"] < 0.9 * first["loss"]
    assert last["mean_error"] < 0.95 * last["gray_error"]
    target = tmp_path / "mine.safetensors"
    assert weights_file.main([str(tmp_path / "checkpoint.pt"), "-o", str(target)]) == 0
    lightness = center_crops(photos, range(4), 32, 1).lightness
    with torch.inference_mode():
        assert registry.load(network, target)(lightness).isfinite().all()


@pytest.mark.slow
def test_checkpoint_with_another_encoder_teaches(photo_folder, tmp_path):
    teacher = ["--encoder", "vgg16", "--encoder-lr-mult", "0.1", "--num-samples", "4"]
    assert train(photo_folder, tmp_path / "teacher", *SMALL, *teacher) == 0
    distill = ["--teacher", str(tmp_path / "teacher" / "checkpoint.pt"), "--distill-weight", "0.5"]
    assert train(photo_folder, tmp_path / "student", *SMALL, *distill, "--num-samples", "8") == 0
    checkpoint = torch.load(tmp_path / "student" / "checkpoint.pt", weights_only=True)
    assert checkpoint["steps_done"] == 2


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--resume"], "--resume"),
        (["--freeze-bn-stats"], "--init"),
        (["--teacher", "compact"], "--distill-weight"),
        (["--distill-weight", "0.5"], "--teacher"),
        (["--teacher", "no.pt", "--distill-weight", "0.5"], "no.pt"),
        (["--data-on-device", "--loader-workers", "1"], "--loader-workers"),
        (["--degrade-prob", "2"], "--degrade-prob"),
        (["--batch-size", "100"], "--batch-size"),
    ],
)
def test_errors_name_the_option_and_leave_no_checkpoint(
    photo_folder, tmp_path, capsys, options, reason
):
    assert train(photo_folder, tmp_path, *SMALL, *options) == 1
    message = capsys.readouterr().err
    assert message.startswith("train: ")
    assert reason in message
    assert not (tmp_path / "checkpoint.pt").exists()


def test_missing_photographs_are_named(tmp_path, capsys):
    assert train(tmp_path / "missing", tmp_path, *SMALL) == 1
    assert "missing" in capsys.readouterr().err
