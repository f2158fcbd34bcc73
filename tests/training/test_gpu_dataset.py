"""Training from photographs in the device's memory: crops, films, aging, hints; on the CPU."""

import numpy as np
import pytest
import torch
from PIL import Image

from colorize.color import lab
from colorize.color.quantization import NUM_BINS
from colorize.training import data, prior, recipes, train
from colorize.training import gpu_dataset as resident
from colorize.training import make_weights as bundle
from colorize.training.config import Settings

SMALL = ["16", "16", "24", "32"]


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def photograph(lightness: np.ndarray, a: np.ndarray, b: np.ndarray) -> data.Photographs:
    """Return one photograph whose ab is of full size."""
    ab = np.stack((a, b)).astype(np.int8)
    return data.Photographs(["x"], [lightness.astype(np.uint8)], [ab], stride=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("photographs")
    for seed in range(12):
        coarse = np.random.default_rng(seed).integers(0, 256, (3, 3, 3), np.uint8)
        size = (48, 40) if seed % 2 else (40, 52)
        Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(path / f"{seed}.png")
    return path


@pytest.fixture(scope="module")
def photographs(folder) -> data.Photographs:
    return data.load([folder], short_side=32, workers=1, quiet=True, stride=1)


@pytest.fixture
def no_imagenet(monkeypatch):
    """Random encoder weights: the packages with the pretrained ones are optional."""
    monkeypatch.setattr(recipes, "load_imagenet", lambda name, encoder: None)


def test_photographs_lie_in_squares_with_their_edges_repeated(photographs):
    held = resident.reside(photographs, torch.device("cpu"), at_once=5)
    side = held.lab.shape[-1]
    assert held.lab.shape == (12, 3, side, side)
    for i, (gray, ab) in enumerate(zip(photographs.lightness, photographs.ab, strict=True)):
        h, w = gray.shape
        assert held.sizes[i].tolist() == [h, w]
        square = held.lab[i].numpy()
        np.testing.assert_array_equal(square[0, :h, :w], gray)
        np.testing.assert_array_equal(square[1:, :h, :w].astype(int) - 128, ab)
        assert (square[:, h:, :w] == square[:, h - 1 : h, :w]).all()
        assert (square[:, :, w:] == square[:, :, w - 1 : w]).all()


def test_the_prior_is_that_of_the_photographs_in_memory(photographs):
    held = resident.reside(photographs, torch.device("cpu"))
    expected = prior.compute_prior(data.coarser(photographs))
    torch.testing.assert_close(resident.prior_of(held, at_once=5), expected, atol=2e-3, rtol=0)
    assert expected.max() > 0.01


def test_crops_are_parts_of_the_photograph_and_keep_lightness_and_colors_together():
    """L grows to the right, a downwards; what lies beyond the edges would be seen as 255."""
    across, down = np.meshgrid(np.arange(80), np.arange(60))
    one = photograph(across + 20, down, down)
    held = resident.reside(one, torch.device("cpu"))
    square = torch.full((1, 3, 96, 96), 255, dtype=torch.uint8)
    square[..., :60, :80] = held.lab[..., :60, :80]
    result = resident.crops(
        resident.Resident(square, held.sizes), torch.zeros(200, dtype=torch.long), 32, drawn()
    )
    inner = result[..., 2:-2, 2:-2]  # the bicubic filter reaches beyond an edge by two pixels
    assert inner[:, 0].min() >= 20 / 2.55 - 0.5
    assert inner[:, 0].max() <= 99 / 2.55 + 0.5
    assert inner[:, 1].max() <= 59.5
    torch.testing.assert_close(inner[:, 1], inner[:, 2])
    rises = result[:, 0, 16, -3] - result[:, 0, 16, 2]
    assert 50 < (rises > 0).sum() < 150  # about half are mirrored
    spans = rises.abs() * 2.55 / 27 * 32 / 80  # as shares of the photograph's width
    assert spans.min() > (resident.SMALLEST / resident.ASPECT) ** 0.5 - 0.03
    assert 0.15 < (spans > 0.99).float().mean() < 0.5  # a quarter are whole
    middle = result[:, 1, 16, 16]
    assert middle.min() < 25 < 35 < middle.max()


def test_a_film_changes_the_gray_of_colors_alone():
    red, gray = (lab.rgb_to_lab(np.full((1, 4, 4, 3), c, np.float32))
                 for c in ((0.8, 0.2, 0.2), (0.5, 0.5, 0.5)))  # fmt: skip
    pictures = torch.from_numpy(np.concatenate((red, gray)).astype(np.float32)).permute(0, 3, 1, 2)
    assert torch.equal(resident.film(pictures, 0.0, drawn()), pictures[:, :1])
    found = torch.cat([resident.film(pictures, 1.0, drawn(seed)) for seed in range(50)], 1)
    torch.testing.assert_close(found[1], pictures[1, :1].expand(50, -1, -1), atol=0.05, rtol=0)
    usual = float(pictures[0, 0, 0, 0])
    blind_to_red, red_alone = (
        float(lab.rgb_to_lab(np.full((1, 1, 3), c, np.float32))[0, 0, 0]) for c in (0.2, 0.8)
    )
    assert blind_to_red - 0.1 <= found[0].min() < usual - 5
    assert usual + 5 < found[0].max() <= red_alone + 0.1


def test_the_share_of_the_pictures_is_aged_and_stays_in_range():
    lightness = torch.rand(400, 1, 16, 16, generator=drawn()) * 100
    assert torch.equal(resident.degrade(lightness, 0.0, drawn()), lightness)
    assert torch.equal(resident.sharpen(lightness, 0.0, drawn()), lightness)
    for change in (resident.degrade, resident.sharpen):
        result = change(lightness, 0.3, drawn(1))
        assert torch.equal(result, change(lightness, 0.3, drawn(1)))
        assert 0 <= result.min() and result.max() <= 100
        changed = (result != lightness).flatten(1).any(dim=1).float().mean()
        assert 0.2 < changed < 0.4


def test_blurring_keeps_flat_pictures_and_spreads_points():
    flat = torch.full((2, 1, 16, 16), 40.0)
    torch.testing.assert_close(resident._blurred(flat, drawn()), flat)
    point = torch.zeros(1, 1, 17, 17)
    point[0, 0, 8, 8] = 100
    spread = resident._blurred(point, drawn())
    assert spread.sum() == pytest.approx(100, rel=1e-4)
    assert spread[0, 0, 8, 8] < 100
    torch.testing.assert_close(spread, spread.transpose(2, 3))


def test_hints_show_the_true_colors_of_a_share_of_the_pictures():
    ab = torch.full((400, 2, 16, 16), 22.0)
    given = resident.hints(ab, 0.4, drawn())
    mask = given[:, 2]
    assert set(mask.unique().tolist()) == {0, 1}
    assert 0.2 < mask.flatten(1).amax(dim=1).mean() < 0.45
    torch.testing.assert_close(given[:, :2], 0.2 * mask[:, None].expand(-1, 2, -1, -1))
    assert not resident.hints(ab, 0.0, drawn()).any()


def test_statistics_are_those_of_the_whole_picture_and_masked():
    ab = torch.full((400, 2, 4, 4), 11, dtype=torch.int8)
    histogram, given, chroma, chroma_given = resident.statistics(ab, 0.25, drawn()).split(
        (NUM_BINS, 1, 1, 1), dim=1
    )
    torch.testing.assert_close(histogram.sum(dim=1), given[:, 0])
    torch.testing.assert_close(chroma, chroma_given * 0.1 * 2**0.5)
    assert 0.15 < given.mean() < 0.35
    assert 0.15 < chroma_given.mean() < 0.35


def test_a_step_is_the_same_whichever_came_before(photographs):
    held = resident.reside(photographs, torch.device("cpu"))
    settings = Settings(samples=40, batch=4, accumulate=2, crop=32, filmed=0.5)
    steps = list(resident.ResidentSteps(held, settings).steps(0))
    later = list(resident.ResidentSteps(held, settings).steps(3))
    assert len(steps) == settings.steps == 5
    assert len(steps[0]) == 2
    for one, two in zip(steps[3], later[0], strict=True):
        assert all(torch.equal(x, y) for x, y in zip(one.inputs, two.inputs, strict=True))
        assert torch.equal(one.ab, two.ab)
    assert not torch.equal(steps[3][0].ab, steps[4][0].ab)
    lightness, hints, statistics = steps[0][0].inputs
    assert lightness.shape == (4, 1, 32, 32)
    assert hints.shape == (4, 3, 8, 8)
    assert statistics.shape == (4, 316)
    assert steps[0][0].ab.shape == (4, 2, 8, 8)


def test_the_command_trains_resident_and_its_checkpoint_teaches(
    no_imagenet, folder, tmp_path, capsys
):
    common = [str(folder), "--resident", "--batch", "4", "--crop", "32", "--quiet"]
    common += ["--load", "32", "--workers", "1", "--validate-every", "2", "--filmed", "0.3"]
    whole, pupil = tmp_path / "whole", tmp_path / "pupil"
    teacher = ["--encoder", "vgg16", "--encoder-rate", "0.1", "--widths", *SMALL]
    assert train.main([*common, *teacher, "--out", str(whole), "--samples", "16"]) == 0
    command = [*common, "--out", str(pupil), "--samples", "8", "--widths", *SMALL]
    taught = ["--teacher", str(whole / "checkpoint.pt"), "--taught", "0.5"]
    assert train.main([*command, *taught]) == 0
    assert torch.load(pupil / "checkpoint.pt", weights_only=True)["steps_done"] == 2
    assert train.main([*command, "--teacher", "no.pt", "--taught", "0.5"]) == 1
    assert "no.pt: no such checkpoint" in capsys.readouterr().err
    assert train.main([*command, "--init", str(whole / "checkpoint.pt")]) == 1
    assert "has another encoder; give it as --encoder" in capsys.readouterr().err
    bundled = ["-o", str(tmp_path / "x.safetensors")]
    assert bundle.main([str(whole / "checkpoint.pt"), *bundled]) == 1
    assert "a teacher, which has no weights file of its own" in capsys.readouterr().err


def test_a_resident_run_goes_on_where_it_stopped(no_imagenet, folder, tmp_path):
    command = [str(folder), "--resident", "--batch", "4", "--crop", "32", "--quiet"]
    command += ["--workers", "1", "--widths", *SMALL, "--schedule", "constant"]
    averages = []
    for name, runs in (("whole", (["16"],)), ("broken", (["8"], ["16", "--resume"]))):
        for samples in runs:
            out = ["--out", str(tmp_path / name)]
            assert train.main([*command, *out, "--samples", *samples]) == 0
        state = torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)
        averages.append(state["average"])
    for key, value in averages[0].items():
        torch.testing.assert_close(averages[1][key], value)


def test_what_does_not_go_with_resident_is_said(no_imagenet, folder, tmp_path, capsys):
    command = [str(folder), "--out", str(tmp_path / "run"), "--quiet"]
    for options, reason in (
        (["--resident", "--network", "eccv16"], "--resident is for compact"),
        (["--filmed", "0.2"], "--filmed needs --resident"),
        (["--load", "64", "--crop", "160"], "--load 64 is less than --crop 160"),
        (["--resident", "--filmed", "2"], "--filmed 2.0: give a share from 0 to 1"),
    ):
        assert train.main([*command, *options]) == 1
        assert reason in capsys.readouterr().err
        assert not (tmp_path / "run" / "checkpoint.pt").exists()
