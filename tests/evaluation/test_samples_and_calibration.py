"""The metrics of samples and of confidence."""

import numpy as np
import pytest
from PIL import Image

from colorize.color import lab
from colorize.color.downsampling import block_mean
from colorize.decoding.decoder import LogitsDecoder
from colorize.errors import ColorizeError
from colorize.evaluation.common import decode, predict
from colorize.evaluation.tasks import calibration, samples


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    coarse = Image.fromarray(np.random.default_rng(1).integers(0, 256, (4, 4, 3), np.uint8))
    return np.asarray(coarse.resize((64, 64), Image.Resampling.BICUBIC))


def test_samples_equal_to_the_result_gain_nothing(colorizer, photograph, monkeypatch):
    monkeypatch.setattr(LogitsDecoder, "sample", lambda self, logits, number, seed: logits)
    metrics, count = samples.measure_samples(colorizer, [photograph], 3)
    assert count == 1
    assert metrics.gain == 0
    assert metrics.delta_e_between == 0
    assert metrics.delta_e_sample == pytest.approx(metrics.delta_e_single)
    assert metrics.psnr_sample == pytest.approx(metrics.psnr_single)


def test_best_sample_is_better_than_the_mean(colorizer, photograph):
    metrics, _ = samples.measure_samples(colorizer, [photograph], 3)
    assert metrics.psnr_best > metrics.psnr_sample
    assert metrics.delta_e_between > 1


def test_one_sample_is_refused(colorizer, photograph):
    with pytest.raises(ColorizeError, match="at least 2"):
        samples.measure_samples(colorizer, [photograph], 1)


def test_deciles_are_equal_and_sorted_by_confidence(colorizer, photograph, monkeypatch):
    """With the error itself as the (negative) confidence, errors must grow."""
    truth = lab.rgb_to_lab(photograph.astype(np.float32) / 255)
    logits = predict(colorizer, truth[None, None, ..., 0])
    ab = np.moveaxis(decode(colorizer, logits)[0], 0, -1)
    error = np.linalg.norm(block_mean(np.moveaxis(ab - truth[..., 1:], -1, 0), (16, 16)), axis=0)
    monkeypatch.setattr(calibration, "confidence", lambda _: 1 / (1 + error))
    deciles, _ = calibration.calibrate(colorizer, [photograph])
    errors = [decile.ab_error for decile in deciles]
    assert len(deciles) == 10
    assert errors == sorted(errors)
    assert deciles[0].highest > deciles[-1].lowest
    assert np.mean(errors) == pytest.approx(error.mean(), rel=0.02)


def test_errors_that_do_not_grow_are_not_monotonic():
    decile = calibration.ConfidenceDecile
    rising = [decile(0.9, 0.8, 1, 1), decile(0.8, 0.7, 2, 2)]
    assert calibration.is_monotonic(rising)
    assert not calibration.is_monotonic([*rising, decile(0.7, 0.6, 3, 2)])


def test_commands_report_samples_and_calibration(run, folder):
    content = run("samples", folder, "--samples", 2, "--limit", 1)
    assert (content["photographs"], content["samples"]) == (1, 2)
    assert content["gain"] == pytest.approx(content["psnr_best"] - content["psnr_single"])
    content = run("calibration", folder, "--limit", 1)
    assert len(content["deciles"]) == 10
