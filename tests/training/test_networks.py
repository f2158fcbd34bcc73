"""Recipes by network, schedules, precision, and what a run shows on TensorBoard."""

import csv
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from colorize.color.quantization import NUM_BINS, bin_centers
from colorize.errors import ColorizeError
from colorize.models.eccv16 import ECCV16
from colorize.models.metadata import ModelMetadata
from colorize.models.serialization import read_network
from colorize.models.siggraph17 import SIGGRAPH17
from colorize.training import data, recipes, train
from colorize.training import make_weights as bundle
from colorize.training.augment import resized_crop
from colorize.training.config import DEFAULTS, Settings
from colorize.training.losses import huber
from colorize.training.lsuv import lsuv_init
from colorize.training.steps import Steps
from colorize.training.tensorboard import Board, picture_grid
from colorize.training.trainer import Trainer, dtype_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures in which dark is blue and light is orange, so that L tells the colors."""
    path = tmp_path_factory.mktemp("photographs")
    ends = np.array([[20, 30, 120], [250, 180, 90]], np.float32)
    for seed in range(8):
        coarse = np.random.default_rng(seed).integers(0, 256, (4, 4), np.uint8)
        gray = np.asarray(Image.fromarray(coarse).resize((44, 40), Image.Resampling.BICUBIC))
        share = gray[..., None] / np.float32(255)
        colors = ends[0] + share * (ends[1] - ends[0])
        Image.fromarray(colors.astype(np.uint8)).save(path / f"{seed}.png")
    return path


def photographs(folder, network: str) -> data.Photographs:
    stride = recipes.RECIPES[network].stride
    return data.load([folder], short_side=32, workers=1, quiet=True, stride=stride)


def small(network: str, **given) -> Settings:
    values = {"network": network, "samples": 4 * 16, "batch": 4, "crop": 32, "load": 0,
              "schedule": "constant", "precision": "fp32", "learning_rate": 1e-3}  # fmt: skip
    return train.settings_of(train.argparse.Namespace(**{**values, **given}))


@pytest.mark.parametrize(("network", "crop"), [("eccv16", 32), ("siggraph17", 16)])
def test_a_network_learns_from_scratch_and_becomes_a_weights_file(network, crop, folder, tmp_path):
    """Loss and error of ab on its own photographs fall, the error below that of gray."""
    args = [
        str(folder), "--out", str(tmp_path), "--network", network, "--samples", "80",
        "--batch", "4", "--crop", str(crop), "--load", "32", "--schedule", "constant",
        "--learning-rate", "0.001", "--average", "0.5", "--workers", "1", "--quiet",
        "--validate-every", "10", "--precision", "fp32",
    ]  # fmt: skip
    everything = photographs(folder, network)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data.Photographs, "split", lambda self: (self, self))
        assert train.main(args) == 0
    with (tmp_path / "log.csv").open() as stream:
        first, last = ({k: float(v) for k, v in row.items()} for row in csv.DictReader(stream))
    assert last["loss"] < 0.9 * first["loss"]
    assert last["mean_error"] < 0.95 * last["gray_error"]
    target = tmp_path / "mine.safetensors"
    assert bundle.main([str(tmp_path / "checkpoint.pt"), "-o", str(target)]) == 0
    read = read_network(target, network)
    batch = data.crop_batch(everything, range(4), 32, None)
    with torch.inference_mode():
        assert read(batch.lightness).isfinite().all()
    if network == "eccv16":
        np.testing.assert_allclose(read.metadata.bin_centers, bin_centers(), rtol=1e-6)


def test_siggraph17_sees_hints_of_its_own_size(folder):
    settings = small("siggraph17")
    drawn = Steps(photographs(folder, "siggraph17"), settings)[0][0]
    (lightness, hints), ab = drawn.inputs, drawn.ab
    assert lightness.shape == (4, 1, 32, 32)
    assert hints.shape == (4, 3, 32, 32)
    assert ab.shape == (4, 2, 32, 32)
    assert drawn.colored.tolist() == [1, 1, 1, 1]
    assert (hints[:, 2].flatten(1).sum(dim=1) > 0).all()
    # a hint is the mean of at most 9×9 pixels: near the colors that are there
    hinted = hints[:, 2:].bool().expand(-1, 2, -1, -1)
    assert (110 * hints[:, :2] - ab)[hinted].abs().mean() < 20


def test_the_papers_recipes_are_the_defaults():
    paper = train.settings_of(train.parser().parse_args(["x", "--out", "y", "--network", "eccv16"]))
    assert (paper.crop, paper.load, paper.batch, paper.beta2) == (176, 256, 40, 0.99)
    assert (paper.learning_rate, paper.weight_decay, paper.steps) == (3e-5, 1e-3, 450_000)
    assert paper.rate(0) == paper.rate(199_999) == pytest.approx(3e-5)
    assert paper.rate(200_000) == pytest.approx(1e-5)
    assert paper.rate(375_000) == paper.rate(449_999) == pytest.approx(3e-6)
    optimizer = Trainer(small("eccv16"), torch.full((NUM_BINS,), 1 / NUM_BINS)).optimizer
    assert type(optimizer) is torch.optim.Adam
    assert optimizer.param_groups[0]["betas"] == (0.9, 0.99)
    assert optimizer.param_groups[0]["weight_decay"] == 1e-3


def test_the_bundled_weights_recipe_keeps_its_meaning():
    args = "x --out y --init compact --samples 112000 --batch 8 --learning-rate 0.0015"
    args += " --encoder-rate 0.15 --encoder-from 5 --sharpened 0.3 --zoomed 0.4 --warm-up 500"
    settings = train.settings_of(train.parser().parse_args(args.split()))
    expected = Settings(
        network="compact", samples=112_000, batch=8, crop=160, learning_rate=0.0015,
        schedule="cosine", precision="auto", encoder_rate=0.15, encoder_from=5, sharpened=0.3,
        zoomed=0.4, warm_up=500, weight_decay=0.01, average=0.999, uniform_share=0.5, hinted=0.2,
        with_statistics=0.1, degraded=0.2, draws="step",
    )  # fmt: skip
    assert settings == expected
    assert settings.steps == 14_000


@pytest.mark.parametrize("fast", [True, False])
def test_bfloat16_is_taken_where_the_processor_has_it(fast, monkeypatch):
    monkeypatch.setattr("colorize.training.trainer.cpu_supports_bf16", lambda: fast)
    cpu = torch.device("cpu")
    assert dtype_of("auto", cpu) == (torch.bfloat16 if fast else torch.float32)
    assert dtype_of("bf16", cpu) == torch.bfloat16
    assert dtype_of("auto", torch.device("mps")) == torch.float32


def test_schedules_by_name():
    rates = {
        name: [Settings(samples=3200, warm_up=0, schedule=name).rate(i) for i in (0, 50, 99)]
        for name in ("cosine", "constant", "steps")
    }
    assert rates["constant"] == [2e-3] * 3
    assert rates["cosine"] == pytest.approx([2e-3, 1e-3, 4.93e-7], rel=1e-2)
    assert rates["steps"] == pytest.approx([2e-3, 2e-3 / 3, 2e-4])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"schedule": "linear"}, "no schedule is called 'linear'"),
        ({"accumulate": 0}, "at least 1"),
        ({"resized": 0.5}, "--network siggraph17"),
    ],
)
def test_settings_that_do_not_fit_are_refused(given, message):
    with pytest.raises(ColorizeError, match=message):
        Settings(**given)


def test_layers_put_out_unit_variance_after_the_initialization():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.ConvTranspose2d(8, 16, 4, 2), nn.ReLU(),
        nn.BatchNorm2d(16), nn.Conv2d(16, 4, 1),
    )  # fmt: skip
    x = 100 * torch.rand(4, 1, 16, 16)
    lsuv_init(network, network[5], x)
    deviations = []
    for layer in network:
        x = layer(x)
        deviations.append(float(x.detach().std()))
    assert deviations[0] == pytest.approx(1, abs=1e-4)
    assert deviations[2] == pytest.approx(1, abs=1e-4)
    assert deviations[5] == pytest.approx(0.1, abs=1e-4)


def test_huber_loss_of_known_errors():
    """Of a 3 off and b 0.5 off: 3 - 1/2 and 0.5² / 2; gray photographs don't count."""
    ab = torch.zeros(2, 2, 4, 4)
    answer = torch.stack((torch.full((4, 4), 3.0), torch.full((4, 4), 0.5))).expand(2, -1, -1, -1)
    loss = huber(answer, ab, torch.tensor([1.0, 0.0]))
    assert float(loss) == pytest.approx(2.5 + 0.125)


def test_resized_crops_keep_lightness_and_colors_together():
    ramp = np.tile(np.arange(0, 120, dtype=np.uint8), (90, 1))
    ab = np.stack([ramp.astype(np.int8), -ramp.astype(np.int8)])
    spans = set()
    before = torch.random.get_rng_state()
    for seed in range(8):
        gray, color = resized_crop(ramp, ab, 32, np.random.default_rng(seed))
        assert gray.shape == (32, 32)
        np.testing.assert_allclose(gray.astype(int), color[0], atol=1)
        np.testing.assert_allclose(color[0], -color[1], atol=1)
        again = resized_crop(ramp, ab, 32, np.random.default_rng(seed))[0]
        np.testing.assert_array_equal(gray, again)
        spans.add(int(gray.max()) - int(gray.min()))
    assert max(spans) > 1.5 * min(spans)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_gives_nearly_the_steps_of_full(precision, folder, monkeypatch):
    monkeypatch.setattr(recipes, "load_imagenet", lambda name, encoder: None)
    given = {"widths": (16, 16, 24, 32), "warm_up": 1, "samples": 12}
    losses = {}
    for name in ("fp32", precision):
        settings = small("compact", precision=name, **given)
        trainer = Trainer(settings, torch.full((NUM_BINS,), 1 / NUM_BINS))
        steps = Steps(photographs(folder, "compact"), settings)
        losses[name] = [trainer.step(steps[i]) for i in range(3)]
        assert trainer.scaler.is_enabled() == (name == "fp16")
        assert all(p.dtype == torch.float32 for p in trainer.network.parameters())
    assert losses[precision] == pytest.approx(losses["fp32"], rel=0.02)
    assert losses[precision] != losses["fp32"]


def test_statistics_are_kept_where_that_is_asked(folder, monkeypatch):
    """The weights change all the same."""
    monkeypatch.setattr(recipes, "load_imagenet", lambda name, encoder: None)
    settings = small("compact", widths=(16, 16, 24, 32))
    batches = Steps(photographs(folder, "compact"), settings)[0]
    changed = {}
    for keep in (True, False):
        trainer = Trainer(settings, torch.full((NUM_BINS,), 1 / NUM_BINS), keep_statistics=keep)
        norm = trainer.network.decoder.normalise
        before = norm.running_mean.clone(), norm.weight.clone()
        trainer.step(batches)
        after = norm.running_mean, norm.weight
        changed[keep] = [not torch.equal(x, y) for x, y in zip(before, after, strict=True)]
    assert changed == {True: [False, True], False: [True, True]}


def test_keeping_statistics_needs_weights_that_have_some(folder, tmp_path, capsys):
    args = [str(folder), "--out", str(tmp_path / "run"), "--keep-statistics"]
    assert train.main(args) == 1
    assert capsys.readouterr().err == (
        "train: --keep-statistics needs weights that have some: --init\n"
    )
    assert not (tmp_path / "run").exists()


def test_checkpoints_of_before_the_other_networks_are_resumed(folder, tmp_path, monkeypatch):
    """They have neither the settings' new fields nor a scaler."""
    monkeypatch.setattr(recipes, "load_imagenet", lambda name, encoder: None)
    settings = small("compact", widths=(16, 16, 24, 32))
    first, second = (Trainer(settings, torch.full((NUM_BINS,), 1 / NUM_BINS)) for _ in range(2))
    steps = Steps(photographs(folder, "compact"), settings)
    first.step(steps[0])
    first.save(tmp_path / "new.pt")
    state = torch.load(tmp_path / "new.pt", weights_only=True)
    del state["scaler"]
    for key in ("network", "accumulate", "processes", "load", "schedule", "precision", "draws"):
        del state["settings"][key]
    torch.save(state, tmp_path / "old.pt")
    second.restore(tmp_path / "old.pt")
    assert second.steps_done == 1
    assert first.step(steps[1]) == second.step(steps[1])
    other = Trainer.__new__(Trainer)
    other.settings, other.device = DEFAULTS["eccv16"], torch.device("cpu")
    with pytest.raises(ColorizeError, match="a checkpoint of compact; add --network compact"):
        other.restore(tmp_path / "old.pt")


def test_the_grid_shows_gray_guess_and_truth(folder):
    subject = photographs(folder, "compact")

    class Red(nn.Module):
        metadata = ModelMetadata("red", "ab", 8, 4)

        def __init__(self):
            super().__init__()
            self.unused = nn.Parameter(torch.zeros(1))

        def forward(self, lightness):
            return torch.tensor([40.0, 20.0]).view(1, 2, 1, 1).expand(len(lightness), 2, 8, 8)

    grid = picture_grid(Red(), subject, 32)
    assert grid.shape == (3, 3 * 34 + 2, 8 * 34 + 2)
    assert 0 <= grid.min() and grid.max() <= 1
    gray, guess = grid[:, 2:34, 2:34], grid[:, 36:68, 2:34]
    assert (gray.amax(dim=0) - gray.amin(dim=0)).max() < 0.01
    assert (guess[0] > guess[2]).float().mean() > 0.95


def test_the_board_holds_figures_and_pictures(folder, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    network = SIGGRAPH17()
    board = Board(tmp_path)
    board.numbers(7, {"val_loss": 0.25})
    board.pictures(7, network, photographs(folder, "siggraph17"), 32)
    board.close()
    events = EventAccumulator(str(tmp_path)).Reload()
    assert [(e.step, e.value) for e in events.Scalars("val_loss")] == [(7, 0.25)]
    assert events.Images("validation")[0].step == 7


def test_a_run_shows_its_losses_figures_and_pictures(folder, tmp_path, monkeypatch):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setattr(recipes, "load_imagenet", lambda name, encoder: None)
    monkeypatch.setattr(data.Photographs, "split", lambda self: (self, self))
    args = [
        str(folder), "--out", str(tmp_path), "--widths", "16", "16", "24", "32", "--batch", "4",
        "--samples", "8", "--crop", "32", "--workers", "1", "--quiet", "--tensorboard",
    ]  # fmt: skip
    assert train.main(args) == 0
    with (tmp_path / "log.csv").open() as stream:
        (row,) = csv.DictReader(stream)
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    for name in ("loss", "val_loss", "ab_error", "mean_error", "gray_error"):
        (shown,) = events.Scalars(name)
        assert (shown.step, shown.value) == (2, pytest.approx(float(row[name]), abs=1e-4))
    assert events.Scalars("learning_rate")[0].value == pytest.approx(Settings(samples=64).rate(1))
    assert events.Images("validation")[0].step == 2


def test_a_board_without_tensorboard_names_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ColorizeError, match=r"pip install 'colorize-photos\[train\]'"):
        Board(tmp_path)


def test_eccv16_is_built_with_its_bins_fixed():
    network = recipes.RECIPES["eccv16"].build(DEFAULTS["eccv16"])
    assert isinstance(network, ECCV16)
    assert not network.model_out.weight.requires_grad
    np.testing.assert_allclose(network.metadata.bin_centers, bin_centers(), rtol=1e-6)
