"""The protocol of `colors`, and its rows that need no network."""

import numpy as np
import pytest
from fixtures.colorizers import make_colorizer

from colorize.color import lab
from colorize.errors import ColorizeError
from colorize.evaluation.cli import parser
from colorize.evaluation.common import read_full_size, read_stretched
from colorize.evaluation.tasks.colors import as_text, degraded_lightness, evaluate
from colorize.io.datasets import iter_files
from colorize.io.photo import Photo


@pytest.fixture(scope="module")
def photographs(folder):
    return list(read_stretched(iter_files([folder]), 256))


@pytest.mark.slow
def test_degradation_changes_only_what_the_network_sees(colorizer, photographs):
    clean, _ = evaluate(colorizer, photographs)
    faded, _ = evaluate(colorizer, photographs, degradation="fading")
    assert faded["network"].psnr != clean["network"].psnr
    assert faded["gray"].psnr == clean["gray"].psnr
    lightness = degraded_lightness(photographs[0], "fading")
    assert lightness.shape == (256, 256)
    assert np.ptp(lightness) < 0.5 * np.ptp(lab.lightness(photographs[0]))


def test_degradation_at_full_size_is_refused(colorizer, photographs):
    with pytest.raises(ColorizeError, match="--full-size"):
        evaluate(colorizer, photographs, degradation="vintage", full_size=True)


def test_truth_is_perfect_and_gray_has_no_color(colorizer, photographs):
    metrics, count = evaluate(colorizer, photographs)
    assert count == 3
    truth, gray, network = (metrics[name] for name in ("truth", "gray", "network"))
    assert truth.auc == truth.auc_rebalanced == 100
    assert truth.delta_e == 0
    assert truth.shsm == pytest.approx(1)
    assert gray.colorfulness < 0.5 < truth.colorfulness
    assert gray.psnr < 40
    assert network.colorfulness > 1
    for bias in truth.hues.values():
        assert bias.ab == bias.true_ab
        assert bias.hue_error == pytest.approx(0, abs=1e-9)  # rounding, before NumPy 2


@pytest.mark.slow
def test_result_without_color_equals_gray(network, photographs, monkeypatch):
    colorizer = make_colorizer(network, size=64)
    monkeypatch.setattr(colorizer, "decode", lambda output: np.zeros((3, 2, 64, 64), np.float32))
    metrics, _ = evaluate(colorizer, photographs)
    assert metrics["network"].psnr == metrics["gray"].psnr
    assert metrics["network"].auc_rebalanced == metrics["gray"].auc_rebalanced


def test_full_size_measures_the_output_of_the_colorizer(colorizer, folder):
    pictures = list(read_full_size(iter_files([folder])))
    assert [picture.shape for picture in pictures] == [(60, 90, 3)] * 3
    metrics, count = evaluate(colorizer, pictures, full_size=True)
    made = [colorizer(Photo(picture)).pixels.astype(float) for picture in pictures]
    errors = [np.mean((a / 255 - b / 255.0) ** 2) for a, b in zip(made, pictures, strict=True)]
    assert count == 3
    assert metrics["network"].psnr == pytest.approx(np.mean(-10 * np.log10(errors)), abs=0.01)
    assert metrics["truth"].auc == 100


@pytest.mark.slow
def test_lpips_is_added_by_backbone(colorizer, photographs):
    lpips = {"tiny": lambda result, truth: float(not np.array_equal(result, truth))}
    metrics, _ = evaluate(colorizer, photographs, lpips=lpips)
    assert metrics["truth"].lpips == {"tiny": 0}
    assert metrics["gray"].lpips == {"tiny": 1}
    assert "LPIPS tiny" in as_text(metrics)


@pytest.mark.slow
def test_report_has_settings_and_metrics(run, folder, capsys):
    content = run("colors", folder)
    assert content["photographs"] == 3
    assert content["temperature"] == 0.5
    assert content["truth"]["psnr"] is None
    text = capsys.readouterr().out
    for name in ("network", "gray", "truth"):
        assert f"| {name} |" in text
    assert f"{content['gray']['psnr']:.2f}" in text


@pytest.mark.parametrize("saturation", [1.2, 0.0])
def test_saturation_acts_and_is_reported(run, folder, saturation):
    content = run("colors", folder, "--saturation", saturation, "--limit", 1)
    assert content["saturation"] == saturation
    gray = content["network"]["colorfulness"] == content["gray"]["colorfulness"]
    assert gray == (saturation == 0)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["--degradation", "vintage"], "vintage"),
        (["--damage", "old"], "vintage"),
        (["--damage", "film"], "orthochromatic"),
        ([], None),
    ],
)
def test_former_names_of_degradations_still_work(options, name):
    assert parser().parse_args(["colors", "photos", *options]).degradation == name
