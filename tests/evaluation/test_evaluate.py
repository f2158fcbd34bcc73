"""The evaluation command, its protocol and its rows that need no network."""

import json

import numpy as np
import pytest
from PIL import Image

from colorize.color import lab
from colorize.errors import ColorizeError
from colorize.evaluation import common as command
from colorize.evaluation import evaluate
from colorize.io.datasets import iter_files
from colorize.io.photo import Photo
from colorize.pipeline import Colorizer
from colorize.runtime.torch_runner import TorchRunner


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(0)
    for n in range(3):
        coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8))
        coarse.resize((90, 60), Image.Resampling.BICUBIC).save(path / f"{n}.png")
    (path / "notes.txt").write_text("no picture")
    return path


def photographs(folder, full_size: bool = False):
    return command.photographs(iter_files([folder]), full_size)


def test_photographs_are_stretched(folder):
    pictures = list(photographs(folder))
    assert [picture.shape for picture in pictures] == [(256, 256, 3)] * 3
    with Image.open(folder / "0.png") as image:
        small = image.resize((256, 256), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(pictures[0], np.asarray(small))


def test_every_so_manieth_and_the_first_ones_are_chosen(folder):
    def chosen(*options: str) -> list[str]:
        args = command.parser("x", "").parse_args([str(folder), *options])
        return [name for name, _ in command.files(args)]

    assert chosen("--limit", "2") == ["0.png", "1.png"]
    assert chosen("--every", "2") == ["0.png", "2.png"]
    assert chosen("--every", "2", "--limit", "2") == ["0.png"]
    with pytest.raises(SystemExit):
        chosen("--every", "0")


def test_the_network_alone_sees_damage(network, folder):
    colorizer = Colorizer(TorchRunner(network), size=64)
    clean, _ = evaluate.evaluate(colorizer, photographs(folder), quiet=True)
    faded, _ = evaluate.evaluate(colorizer, photographs(folder), quiet=True, damage="fading")
    assert faded["network"] != clean["network"]
    assert (faded["gray"], faded["truth"]) == (clean["gray"], clean["truth"])
    picture = next(photographs(folder))
    lightness = evaluate.damaged_lightness(picture, "fading")
    assert lightness.shape == (256, 256)
    assert np.ptp(lightness) < 0.5 * np.ptp(lab.lightness(picture))
    with pytest.raises(ColorizeError, match="damage is for photographs of 256×256"):
        evaluate.evaluate(colorizer, photographs(folder), quiet=True, damage="old", full_size=True)


def test_the_truth_is_perfect_and_gray_has_no_color(network, folder):
    pictures = photographs(folder)
    figures, count = evaluate.evaluate(
        Colorizer(TorchRunner(network), size=64), pictures, quiet=True
    )
    assert count == 3
    assert figures["truth"].auc == figures["truth"].auc_rebalanced == 100
    assert figures["truth"].delta_e == 0
    assert figures["gray"].colorfulness < 0.5 < figures["truth"].colorfulness
    assert figures["gray"].psnr < 40
    assert figures["network"].colorfulness > 1


def test_a_network_that_knows_nothing_equals_gray(network, folder, monkeypatch):
    colorizer = Colorizer(TorchRunner(network), size=64)
    nothing = np.zeros((3, 2, 64, 64), np.float32)
    monkeypatch.setattr(colorizer, "decode", lambda output: nothing)
    figures, _ = evaluate.evaluate(colorizer, photographs(folder), quiet=True)
    assert figures["network"] == figures["gray"]


def test_full_size_measures_what_the_tool_makes(network, folder):
    pictures = list(photographs(folder, full_size=True))
    assert [picture.shape for picture in pictures] == [(60, 90, 3)] * 3
    colorizer = Colorizer(TorchRunner(network), size=64)
    figures, count = evaluate.evaluate(colorizer, pictures, quiet=True, full_size=True)
    made = [colorizer(Photo(picture)).pixels.astype(float) for picture in pictures]
    errors = [np.mean((a / 255 - b / 255.0) ** 2) for a, b in zip(made, pictures, strict=True)]
    assert count == 3
    assert figures["network"].psnr == pytest.approx(np.mean(-10 * np.log10(errors)), abs=0.01)
    assert figures["truth"].auc == 100


def test_other_distances_get_a_column(network, folder):
    colorizer = Colorizer(TorchRunner(network), size=64)
    distances = {"constant": lambda result, truth: float(not np.array_equal(result, truth))}
    figures, _ = evaluate.evaluate(colorizer, photographs(folder), quiet=True, distances=distances)
    assert figures["truth"].lpips == {"constant": 0}
    assert figures["gray"].lpips == {"constant": 1}
    assert "LPIPS constant" in evaluate.table(figures)


def test_the_command_prints_a_table_and_writes_json(network, folder, tmp_path, monkeypatch, capsys):
    colorizer = Colorizer(TorchRunner(network), size=64)
    monkeypatch.setattr(evaluate.Colorizer, "from_pretrained", lambda *a, **k: colorizer)
    target = tmp_path / "figures.json"
    assert evaluate.main([str(folder), "--json", str(target), "--quiet"]) == 0
    said = capsys.readouterr().out
    assert "photographs 3" in said
    for row in ("network", "gray", "truth", "network - gray"):
        assert f"| {row} |" in said
    content = json.loads(target.read_text())
    assert content["photographs"] == 3
    assert content["temperature"] == 0.5
    assert f"{content['gray']['psnr']:.2f}" in said


def test_saturation_is_named_and_acts(network, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        evaluate.Colorizer,
        "from_pretrained",
        lambda model, **given: Colorizer(
            TorchRunner(network), size=64, saturation=given["saturation"]
        ),
    )
    target = tmp_path / "figures.json"
    for saturation in (1.2, 0.0):
        args = ["--saturation", str(saturation), "--json", str(target), "--quiet"]
        assert evaluate.main([str(folder), *args]) == 0
        assert f"saturation {saturation}" in capsys.readouterr().out
        content = json.loads(target.read_text())
        assert content["saturation"] == saturation
        assert (content["network"] == content["gray"]) == (saturation == 0)


def test_the_command_names_what_is_wrong(network, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        evaluate.Colorizer,
        "from_pretrained",
        lambda *a, **k: Colorizer(TorchRunner(network), size=64),
    )
    assert evaluate.main([str(tmp_path / "missing"), "--quiet"]) == 1
    assert "missing: no such folder" in capsys.readouterr().err
    assert evaluate.main([str(tmp_path), "--quiet"]) == 1
    assert "no photographs" in capsys.readouterr().err
