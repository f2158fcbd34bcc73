"""What all sub-commands share: selection of files, reports, errors."""

import dataclasses
import json
import math

import numpy as np
import pytest
from PIL import Image

from colorize.evaluation.cli import TASKS, main, parser
from colorize.evaluation.common import Report, read_stretched, selected_files
from colorize.io.datasets import iter_files
from colorize.models import registry
from colorize.option_fields import options_of
from colorize.options import ColorizeOptions


def test_every_task_has_help(capsys):
    for task in TASKS:
        with pytest.raises(SystemExit) as exit_status:
            main([task.name, "--help"])
        assert exit_status.value.code == 0
        assert task.name in capsys.readouterr().out


def test_options_derive_from_colorize_options():
    args = parser().parse_args(["colors", "photos", "--rarity", "0.3", "--style", "faithful"])
    assert {each.name for each in options_of(ColorizeOptions, "evaluation")} <= set(vars(args))
    assert (args.rare_color_boost, args.style) == (0.3, "faithful")


def test_registered_network_can_be_measured(run, folder, monkeypatch):
    tiny = dataclasses.replace(registry.MODELS["compact"], name="tiny")
    monkeypatch.setitem(registry.MODELS, "tiny", tiny)
    assert run("colors", folder, "--model", "tiny", "--limit", 1)["model"] == "tiny"


def test_stretched_photographs_skip_what_is_not_an_image(folder):
    pictures = list(read_stretched(iter_files([folder]), 128))
    assert [picture.shape for picture in pictures] == [(128, 128, 3)] * 3
    with Image.open(folder / "0.png") as image:
        expected = image.resize((128, 128), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(pictures[0], np.asarray(expected))


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--limit", "2"], ["0.png", "1.png"]),
        (["--every", "2"], ["0.png", "2.png"]),
        (["--every", "2", "--limit", "2"], ["0.png"]),
    ],
)
def test_every_and_limit_select_files(folder, options, names):
    args = parser().parse_args(["colors", str(folder), *options])
    assert [name for name, _ in selected_files(args)] == names


def test_json_has_null_for_what_is_not_finite():
    report = Report({"photographs": 1}, {"psnr": math.inf, "halo": [math.nan, 1.5]}, "")
    assert json.loads(report.to_json()) == {"photographs": 1, "psnr": None, "halo": [None, 1.5]}


@pytest.mark.parametrize("task", ["colors", "hints", "reference", "samples", "calibration"])
def test_missing_photographs_are_an_error(task, weights, tmp_path, capsys):
    options = ["--weights", weights, "--size", "64", "--quiet"]
    assert main([task, str(tmp_path), *options]) == 1
    assert "no photographs" in capsys.readouterr().err
    assert main([task, str(tmp_path / "missing"), *options]) == 1
    assert "missing" in capsys.readouterr().err


def test_gray_photographs_have_no_colors_to_compare_with(weights, tmp_path, capsys):
    Image.linear_gradient("L").save(tmp_path / "a.png")
    assert main(["colors", str(tmp_path), "--weights", weights, "--size", "64", "--quiet"]) == 1
    assert "are gray" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["colors", "photos", "--every", "0"],
        ["colors", "photos", "--degradation", "rust"],
        ["hints", "photos", "--hints", "-1"],
        ["unknown", "photos"],
    ],
)
def test_wrong_arguments_are_refused(arguments, capsys):
    with pytest.raises(SystemExit) as exit_status:
        main(arguments)
    assert exit_status.value.code == 2
